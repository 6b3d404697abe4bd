"""TMDB's facts in every form, linked to the movies of MovieLens."""

import csv
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cinegraph.errors import InvalidInput, QualityTooLow, SourceMalformed
from graph.catalog import ReadStatement, WriteStatement
from graph.client import GraphClient
from graph.ingest.findings import Finding
from graph.ingest.movielens import ingest_movielens
from graph.ingest.options import IngestOptions
from graph.ingest.tmdb import find_files, ingest_tmdb
from tests.graph.ingest import made
from tests.graph.ingest.equality import checksum
from tests.graph.ingest.test_rows import quarantined

MATRIX = ReadStatement(
    "matrix",
    """
    MATCH (m:Movie {id: $id})
    RETURN m {.*} AS movie,
      COLLECT { MATCH (p)-[r:ACTED_IN]->(m) RETURN [p.name, r.character, r.order] ORDER BY r.order } AS cast,
      COLLECT { MATCH (p)-[:DIRECTED]->(m) RETURN p.name } AS directors,
      COLLECT { MATCH (p)-[:WROTE]->(m) RETURN p.name } AS writers,
      COLLECT { MATCH (p)-[r:CREW]->(m) RETURN [p.name, r.job, r.department] } AS crew,
      COLLECT { MATCH (m)-[r:HAS_GENRE]->(g) RETURN [g.id, r.popularity, r.year] ORDER BY g.id } AS genres,
      COLLECT { MATCH (m)-[r:HAS_KEYWORD]->(k) RETURN [k.id, k.name, r.popularity] ORDER BY k.id } AS keywords,
      COLLECT { MATCH (m)-[:PRODUCED_BY]->(c) RETURN c.name } AS companies,
      COLLECT { MATCH (m)-[:FROM_COUNTRY]->(c) RETURN [c.id, c.name] ORDER BY c.id } AS countries,
      COLLECT { MATCH (m)-[:IN_LANGUAGE]->(l) RETURN [l.id, l.name] } AS languages,
      COLLECT { MATCH (m)-[:PART_OF]->(c) RETURN c.name } AS collections
    """,
    frozenset({"id"}),
)


async def movie(graph: GraphClient, id: str) -> dict[str, Any]:
    """All that is known of a movie."""
    (row,) = await graph.reader.read(MATRIX, id=id)
    return row


@pytest.mark.parametrize("name", ["films.jsonl", "films.jsonl.gz"])
async def test_facts_hang_on_the_movie_that_links_to_them(graph: GraphClient, tmp_path: Path, name: str) -> None:
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / name))
    found = await movie(graph, "2")
    popularity = 2 + 3000 / 4000
    assert found == {
        "movie": {
            "id": "2",
            "title": "The Matrix",
            "originalTitle": "The Matrix",
            "year": 1999,
            "releaseDate": "1999-03-31",
            "runtime": 136,
            "overview": "A hacker learns\nwhat is real.",
            "posterPath": "/m.jpg",
            "imdbId": "tt0133093",
            "tmdbId": 603,
            "voteCount": 3000,
            "voteAverage": 8.2,
            "ratingCount": 2,
            "ratingMean": 4.5,
            "popularity": popularity,
        },
        "cast": [["Keanu Reeves", "Neo / Thomas Anderson", 0], ["Carrie-Anne Moss", "Trinity", 2]],
        "directors": ["Lana Wachowski"],
        "writers": ["Lana Wachowski"],
        "crew": [["Joel Silver", "Producer / Editor", "Production"]],
        "genres": [["action", popularity, 1999], ["science-fiction", popularity, 1999]],
        "keywords": [["310", "android", popularity], ["83", "saving the world", popularity]],
        "companies": ["Village Roadshow Pictures"],
        "countries": [["AU", "Australia"], ["US", "United States"]],
        "languages": [["en", "English"]],
        "collections": ["The Matrix Collection"],
    }


async def test_a_film_that_no_movie_links_to_is_left_out_and_counted(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))
    films = made.write_films(tmp_path / "films.jsonl")
    report = await ingest_tmdb(graph.writer, films)
    name = "TMDB 999: Nobody Links Here (2001)"
    assert report.findings.listed["unlinked_film"] == [Finding(name, "left out")]
    assert report.nodes["Movie"] == 5
    report = await ingest_tmdb(graph.writer, films, IngestOptions(add_unlinked=True))
    assert report.findings.listed["unlinked_film"] == [Finding(name, "became a movie")]
    assert report.nodes["Movie"] == 6
    assert (await movie(graph, "tmdb:999"))["movie"]["title"] == "Nobody Links Here"


async def test_without_movielens_every_film_is_a_movie_of_its_own(graph: GraphClient, tmp_path: Path) -> None:
    report = await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    assert report.nodes["Movie"] == 3
    found = (await movie(graph, "tmdb:603"))["movie"]
    assert (found["year"], found["ratingCount"], found["popularity"]) == (1999, 0, 0.75)


async def test_the_cast_ends_at_its_limit(graph: GraphClient, tmp_path: Path) -> None:
    films = made.write_films(tmp_path / "films.jsonl")
    await ingest_tmdb(graph.writer, films, IngestOptions(cast_limit=1))
    assert (await movie(graph, "tmdb:603"))["cast"] == [["Keanu Reeves", "Neo / Thomas Anderson", 0]]


async def test_movielens_wins_and_the_contradictions_are_named(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))
    film = {"id": 603, "title": "Something Else Entirely", "release_date": "2012-10-09", "imdb_id": "tt9999999"}
    alien = {"id": 348, "title": "Alienígena del espacio", "release_date": "1979-05-25", "vote_count": 3}
    report = await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl", [film, alien, film]))
    found = (await movie(graph, "2"))["movie"]
    assert (found["title"], found["year"], found["imdbId"]) == ("The Matrix", 1999, "tt0133093")
    matrix = "The Matrix (1999), movie 2"
    listed = report.findings.listed
    other = "TMDB 603: Something Else Entirely (2012)"
    assert listed["wrong_link"] == [Finding(matrix, other)]
    assert listed["year_differs"] == [Finding(matrix, "released 2012-10-09")]
    assert listed["imdb_differs"] == [Finding(matrix, "tt0133093, and at TMDB tt9999999")]
    assert listed["repeated_film"] == [Finding(other, "")]
    assert [found.subject for found in listed["broken_link"]] == [
        "The City of Lost Children (1995), movie 3",
        "Toy Story (1995), movie 1",
    ]


async def test_n16_a_bad_dump_is_quarantined_line_by_line(graph: GraphClient, tmp_path: Path) -> None:
    path = made.write_films(tmp_path / "films.jsonl")
    with path.open("a") as file:
        file.write('{"id": 7, "title": ""}\n{"id": "x", "title": "Seven"}\n{"id": 8, "title": "cut o\n[]\n')
        file.write('{"id": 9, "title": "Nine", "credits": {"cast": [{"name": "Who", "order": 1}]}}\n')
    options = IngestOptions(max_bad=0.7, quarantine=tmp_path / "bad.jsonl")
    report = await ingest_tmdb(graph.writer, path, options)
    assert options.quarantine is not None
    rows = [(row, field, reason) for row, field, _, reason in quarantined(options.quarantine)]
    assert rows == [
        (4, "title", "String should have at least 1 character"),
        (5, "id", "should be a valid integer, unable to parse string as an integer"),
        (6, "", "Invalid JSON: EOF while parsing a string at line 1 column 25"),
        (7, "", "should be an object"),
        (8, "credits.cast.0.id", "Field required"),
    ]
    assert report.findings.rows == {"films.jsonl": (8, 5)}
    assert report.nodes["Movie"] == 3
    with pytest.raises(QualityTooLow, match=r"films\.jsonl: 5 of 8 rows are bad"):
        await ingest_tmdb(graph.writer, path, IngestOptions(force=True))


async def test_a_packed_file_that_was_cut_off_is_refused(graph: GraphClient, tmp_path: Path) -> None:
    path = made.write_films(tmp_path / "films.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SourceMalformed, match="is damaged"):
        await ingest_tmdb(graph.writer, path)


# -- Kaggle ------------------------------------------------------------------------------------------------------------

LISTS = ("genres", "production_companies", "production_countries", "spoken_languages")


def cells(film: dict[str, Any], dump: Any) -> dict[str, Any]:
    """A film as the cells of a row."""
    texts = {name: film.get(name) or "" for name in ("id", "title", "original_title", "original_language", "overview")}
    texts |= {name: film.get(name) or "" for name in ("tagline", "release_date", "vote_average", "vote_count")}
    texts |= {name: dump(film.get(name, [])) for name in LISTS}
    return texts | {"runtime": float(film.get("runtime", 0))}


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_five_thousand(folder: Path) -> Path:
    """As `tmdb_5000_movies.csv` and `tmdb_5000_credits.csv` are: JSON in the cells."""
    folder.mkdir()
    films = [film | {"belongs_to_collection": None} for film in made.FILMS]
    rows = [
        cells(film, json.dumps) | {"keywords": json.dumps(film.get("keywords", {}).get("keywords", []))}
        for film in films
    ]
    write_table(folder / "tmdb_5000_movies.csv", rows)
    credits = [
        {"movie_id": film["id"], "title": film["title"]}
        | {name: json.dumps(film.get("credits", {}).get(name, [])) for name in ("cast", "crew")}
        for film in reversed(films)
    ]
    write_table(folder / "tmdb_5000_credits.csv", credits)
    return folder


def write_full(folder: Path) -> Path:
    """As `movies_metadata.csv`, `credits.csv` and `keywords.csv` are: Python text in the cells."""
    folder.mkdir()
    rows = [
        cells(film, repr)
        | {"imdb_id": film.get("imdb_id", ""), "poster_path": film.get("poster_path", "")}
        | {"belongs_to_collection": repr(film["belongs_to_collection"]) if film.get("belongs_to_collection") else ""}
        for film in made.FILMS
    ]
    write_table(folder / "movies_metadata.csv", rows)
    write_table(
        folder / "credits.csv",
        [
            {name: repr(film.get("credits", {}).get(name, [])) for name in ("cast", "crew")} | {"id": film["id"]}
            for film in reversed(made.FILMS)
        ],
    )
    keywords = [
        {"id": film["id"], "keywords": repr(film.get("keywords", {}).get("keywords", []))} for film in made.FILMS
    ]
    write_table(folder / "keywords.csv", keywords)
    return folder


async def test_the_full_extract_is_the_same_graph_as_the_lines(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    lines = await checksum(graph.reader)
    folder = write_full(tmp_path / "full")
    report = await ingest_tmdb(graph.writer, folder)
    assert report.findings.rows == {"credits.csv": (3, 0), "keywords.csv": (3, 0), "movies_metadata.csv": (3, 0)}
    assert await checksum(graph.reader) == lines


async def test_the_full_extract_alone_brings_all_facts(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    lines = await movie(graph, "tmdb:603")
    await graph.writer.command(DELETE)
    await ingest_tmdb(graph.writer, made.zipped(write_full(tmp_path / "full")))
    assert await movie(graph, "tmdb:603") == lines


async def test_the_five_thousand_bring_all_but_what_they_have_not(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    lines = await movie(graph, "tmdb:603")
    await graph.writer.command(DELETE)
    folder = write_five_thousand(tmp_path / "five")
    await ingest_tmdb(graph.writer, folder / "tmdb_5000_movies.csv")
    for name in ("imdbId", "posterPath"):
        del lines["movie"][name]
    assert await movie(graph, "tmdb:603") == lines | {"collections": []}


DELETE = WriteStatement("delete", "MATCH (n) WHERE NOT n:Migration DETACH DELETE n", frozenset())


async def test_python_text_is_never_run(graph: GraphClient, tmp_path: Path) -> None:
    folder = write_full(tmp_path / "full")
    trap = tmp_path / "trap"
    with (folder / "movies_metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["genres"] = f"__import__('pathlib').Path({str(trap)!r}).touch() or []"
    rows[1]["genres"] = "[" * 5000
    rows[2]["genres"] = "{'id': 1}"
    write_table(folder / "movies_metadata.csv", [*rows, rows[0] | {"genres": "[]", "id": "5"}])
    options = IngestOptions(max_bad=0.9, quarantine=tmp_path / "bad.jsonl")
    await ingest_tmdb(graph.writer, folder, options)
    assert not trap.exists()
    assert options.quarantine is not None
    assert [(row, field, reason) for row, field, _, reason in quarantined(options.quarantine)] == [
        (2, "genres", "is not a list"),
        (4, "genres", "is not a list"),
        (5, "genres", "is not a list"),
    ]


async def test_a_table_with_a_quote_left_open_is_refused(graph: GraphClient, tmp_path: Path) -> None:
    folder = write_full(tmp_path / "full")
    with (folder / "keywords.csv").open("a") as file:
        file.write('7,"[{' + "x" * (1 << 22))
    with pytest.raises(SourceMalformed, match=r"keywords\.csv cannot be read from line"):
        await ingest_tmdb(graph.writer, folder)
    (folder / "keywords.csv").write_text("id,words\n")
    with pytest.raises(SourceMalformed, match=r"keywords\.csv has no column keywords; it has id, words"):
        await ingest_tmdb(graph.writer, folder)


@pytest.mark.parametrize("name", ["films.jsonl", "films.jsonl.gz"])
def test_the_only_file_of_json_lines_in_a_folder_is_the_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert find_files(tmp_path).path == tmp_path / name


def test_of_two_files_of_json_lines_none_is_guessed(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceMalformed, match=r"it has a\.jsonl, b\.jsonl"):
        find_files(tmp_path)


def test_a_folder_without_any_of_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SourceMalformed,
        match=r"looked for: a file of JSON lines, plain or \.gz, or tmdb_5000_credits\.csv and tmdb_5000_movies",
    ):
        find_files(tmp_path)
    with pytest.raises(InvalidInput, match="there is nothing at"):
        find_files(tmp_path / "absent.jsonl")


def test_a_file_that_only_is_called_gz_is_refused(tmp_path: Path) -> None:
    made.write_films(tmp_path / "films.jsonl").rename(tmp_path / "films.jsonl.gz")
    with pytest.raises(SourceMalformed, match=r"films\.jsonl\.gz is called \.gz and is not packed"):
        find_files(tmp_path / "films.jsonl.gz").fingerprint()


async def test_a_newer_dump_replaces_what_it_says_of_a_movie(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    newer = deepcopy(made.FILMS)
    newer[0]["credits"] = {"cast": newer[0]["credits"]["cast"][1:2], "crew": newer[0]["credits"]["crew"][:1]}
    newer[0]["keywords"] = {"keywords": []}
    newer[0]["production_companies"] = []
    newer[0]["production_countries"] = [{"iso_3166_1": "AU"}]
    newer[0]["genres"] = []
    newer[0]["belongs_to_collection"] = None
    for _ in range(2):
        await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl", newer), IngestOptions(force=True))
        found = await movie(graph, "2")
        assert found["cast"] == [["Carrie-Anne Moss", "Trinity", 2]]
        assert (found["directors"], found["writers"], found["crew"]) == (["Lana Wachowski"], [], [])
        assert (found["keywords"], found["companies"], found["collections"]) == ([], [], [])
        assert found["countries"] == [["AU", "Australia"]]
        assert [id for id, _, _ in found["genres"]] == ["action", "science-fiction"], "MovieLens has them"
    alien = await movie(graph, "5")
    assert (alien["cast"], len(alien["keywords"])) == ([["Sigourney Weaver", "Ripley", 0]], 1)


async def test_what_a_dump_does_not_have_at_all_stays(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl"))
    before = await movie(graph, "tmdb:603")
    film = {"id": 603, "title": "The Matrix", "release_date": "1999-03-31", "genres": [{"id": 28, "name": "Action"}]}
    await ingest_tmdb(graph.writer, made.write_films(tmp_path / "films.jsonl", [film]))
    after = await movie(graph, "tmdb:603")
    assert [id for id, _, _ in after["genres"]] == ["action"]
    assert {**after, "genres": None} == {**before, "genres": None}
