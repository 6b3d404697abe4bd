"""Every layout of GroupLens' becomes the same graph, from a folder and from a zip."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cinegraph.errors import InvalidInput, SourceMalformed
from graph.catalog import ReadStatement
from graph.client import GraphClient
from graph.ingest.layouts import find_layout
from graph.ingest.movielens import ingest_movielens
from tests.graph.ingest import made
from tests.graph.ingest.equality import checksum

MOVIES = ReadStatement(
    "movies",
    "MATCH (m:Movie) RETURN m.id AS id, m.title AS title, m.originalTitle AS original, m.year AS year, "
    "m.ratingCount AS count, m.ratingMean AS mean, m.popularity AS popularity, m.imdbId AS imdb, m.tmdbId AS tmdb, "
    "COLLECT { MATCH (m)-[:HAS_GENRE]->(g) RETURN g.id ORDER BY g.id } AS genres ORDER BY id",
    frozenset(),
)
PLAIN = [
    ("1", "Toy Story", None, 1995, 2, 3.5, 2.0, ["adventure", "animation", "family"]),
    ("2", "The Matrix", None, 1999, 2, 4.5, 2.0, ["action", "science-fiction"]),
    ("3", "The City of Lost Children", "La Cité des enfants perdus", 1995, 1, 2.0, 1.0, ["fantasy", "science-fiction"]),
    ("4", "Unseen", None, None, 0, None, 0.0, []),
    ("5", "Alien", None, 1979, 2, 4.0, 2.0, ["horror", "science-fiction"]),
]
LAYOUTS = [made.write_csv, made.write_ml_1m, made.write_ml_10m, made.write_ml_100k]


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize("write", LAYOUTS)
async def test_a_layout_becomes_movies_ratings_and_genres(
    graph: GraphClient, tmp_path: Path, write: Callable[[Path], Path], as_zip: bool
) -> None:
    folder = write(tmp_path / "ml")
    report = await ingest_movielens(graph.writer, made.zipped(folder) if as_zip else folder)
    found = [
        (m["id"], m["title"], m["original"], m["year"], m["count"], m["mean"], m["popularity"], m["genres"])
        for m in await graph.reader.read(MOVIES)
    ]
    assert found == PLAIN
    assert report.relationships["RATED"] == 7
    assert report.relationships["HAS_GENRE"] == 9
    assert report.nodes["Genre"] == 7
    tagged = write in (made.write_csv, made.write_ml_10m)
    assert report.nodes["User"] == (4 if tagged else 3)
    assert (report.nodes["Tag"], report.relationships["TAGGED"], report.relationships["HAS_TAG"]) == (
        (2, 4, 2) if tagged else (0, 0, 0)
    )
    assert report.findings.counts["no_year"] == 1


async def test_links_bring_the_ids_of_imdb_and_tmdb(graph: GraphClient, tmp_path: Path) -> None:
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"))
    links = {m["id"]: (m["imdb"], m["tmdb"]) for m in await graph.reader.read(MOVIES)}
    assert links["1"] == ("tt0114709", 862)
    assert links["4"] == (None, None)


async def test_a_folder_and_its_zip_are_the_same_graph(graph: GraphClient, tmp_path: Path) -> None:
    folder = made.write_csv(tmp_path / "ml")
    await ingest_movielens(graph.writer, folder)
    first = await checksum(graph.reader)
    await ingest_movielens(graph.writer, made.zipped(folder))
    assert await checksum(graph.reader) == first


def test_nothing_else_than_a_data_set_is_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no data")
    with pytest.raises(SourceMalformed, match=r"looked for: movies\.csv and ratings\.csv, or .*it has notes\.txt"):
        find_layout(tmp_path)
    with pytest.raises(InvalidInput, match="there is nothing at"):
        find_layout(tmp_path / "absent")
    with pytest.raises(SourceMalformed, match="is no zip archive"):
        find_layout(tmp_path / "notes.txt")


async def test_a_zip_that_was_cut_off_is_refused_and_nothing_is_written(graph: GraphClient, tmp_path: Path) -> None:
    path = made.zipped(made.write_csv(tmp_path / "ml"))
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    with pytest.raises(SourceMalformed, match="cut off"):
        await ingest_movielens(graph.writer, path)
    middle = len(made.RATINGS) * 4
    path.write_bytes(data[:middle] + bytes(8) + data[middle + 8 :])
    with pytest.raises(SourceMalformed, match="is damaged"):
        await ingest_movielens(graph.writer, path)
    assert await graph.reader.read(MOVIES) == []


async def test_a_zip_cannot_write_outside_itself(graph: GraphClient, tmp_path: Path) -> None:
    folder = made.write_csv(tmp_path / "ml")
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"../../{file.name}")
    before = {file for file in tmp_path.rglob("*")}
    await ingest_movielens(graph.writer, path)
    assert {file for file in tmp_path.rglob("*")} == before
