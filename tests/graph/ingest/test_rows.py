"""Bad rows: each is refused with row number, field, value and reason, and too many of them refuse the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinegraph.errors import QualityTooLow, SourceMalformed
from graph.catalog import ReadStatement
from graph.client import GraphClient
from graph.ingest.layouts import CSV, DAT, Layout
from graph.ingest.movielens import ingest_movielens
from graph.ingest.options import IngestOptions
from graph.ingest.quarantine import Quarantine
from graph.ingest.ratings import RATING, Ratings, Spool, read_ratings
from graph.ingest.records import MovieFacts, Rating, Refused, check
from graph.ingest.source import Source
from tests.graph.ingest import made

COUNT = ReadStatement("count", "MATCH (n) WHERE NOT n:Meta AND NOT n:Migration RETURN count(n) AS n", frozenset())

BAD_RATINGS = """1,1,4.0,964982703
1,2,9.5,964982704
1,2
x,2,4.0,964982704
1,77,4.0,964982705
2,1,3.3,964982706
2,1,3.0,-5
2,3,nan,964982707

 2 ,3,2.0,964982707
3,2,4.0,964982708,more
3,5,3.0,99999999999
"""
REASONS = [
    (3, "rating", "9.5", "must be from 0.5 to 5.0 in steps of 0.5"),
    (4, "", "1,2", "has 2 fields where 4 are expected"),
    (5, "userId", "x", "should be a valid integer, unable to parse string as an integer"),
    (6, "movieId", "77", "is no movie of movies.csv"),
    (7, "rating", "3.3", "must be from 0.5 to 5.0 in steps of 0.5"),
    (8, "timestamp", "-5", "should be greater than or equal to 0"),
    (9, "rating", "nan", "should be a finite number"),
    (12, "", "3,2,4.0,964982708,more", "has 5 fields where 4 are expected"),
    (13, "timestamp", "99999999999", "should be less than 4102444800"),
]


def bad_ratings(folder: Path) -> Path:
    """The small data set with bad ratings."""
    made.write_csv(folder)
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + BAD_RATINGS)
    return folder


def quarantined(file: Path) -> list[tuple[int, str, str, str]]:
    """The rows of a quarantine file."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [(row["row"], row["field"], row["value"], row["reason"]) for row in rows]


async def test_n16_bad_ratings_are_quarantined_with_their_reasons(graph: GraphClient, tmp_path: Path) -> None:
    options = IngestOptions(max_bad=1.0, quarantine=tmp_path / "quarantine" / "bad.jsonl")
    report = await ingest_movielens(graph.writer, bad_ratings(tmp_path / "ml"), options)
    assert options.quarantine is not None
    assert quarantined(options.quarantine) == REASONS
    assert report.findings.rows["ratings.csv"] == (11, 9)
    assert report.relationships["RATED"] == 2
    assert [row["row"] for row in report.findings.bad_rows] == [3, 4, 5, 6, 7]


async def test_n16_too_many_bad_rows_are_refused_before_anything_is_written(graph: GraphClient, tmp_path: Path) -> None:
    options = IngestOptions(max_bad=0.5, quarantine=tmp_path / "bad.jsonl")
    with pytest.raises(QualityTooLow, match=r"ratings\.csv: 9 of 11 rows are bad, and 50\.00% are allowed\."):
        await ingest_movielens(graph.writer, bad_ratings(tmp_path / "ml"), options)
    assert options.quarantine is not None
    assert quarantined(options.quarantine) == REASONS
    rows = await graph.reader.read(COUNT)
    assert rows == [{"n": 0}]


async def test_a_quarantine_file_goes_when_no_row_is_bad(graph: GraphClient, tmp_path: Path) -> None:
    options = IngestOptions(quarantine=tmp_path / "bad.jsonl")
    (tmp_path / "bad.jsonl").write_text("of an earlier run")
    await ingest_movielens(graph.writer, made.write_csv(tmp_path / "ml"), options)
    assert not (tmp_path / "bad.jsonl").exists()


async def test_bad_movies_links_and_tags_cost_one_row_each(graph: GraphClient, tmp_path: Path) -> None:
    folder = made.write_csv(tmp_path / "ml")
    with (folder / "movies.csv").open("ab") as file:
        file.write(b'6,"An open quote (1990),Drama\n1,Twice (1995),Drama\n7,,Drama\n8,L\xe9on (1994),Drama\n')
    with (folder / "links.csv").open("a") as out:
        out.write("5,0078748,abc\n99,0078748,348\n")
    with (folder / "tags.csv").open("a") as out:
        out.write("1,2,,1000000001\n1,99,lost,1000000001\n")
    options = IngestOptions(max_bad=0.5, quarantine=tmp_path / "bad.jsonl")
    report = await ingest_movielens(graph.writer, folder, options)
    assert options.quarantine is not None
    assert quarantined(options.quarantine) == [
        (7, "", '6,"An open quote (1990),Drama', "has a quote that is not closed"),
        (8, "movieId", "1", "is the id of an earlier row too"),
        (9, "title", "", "String should have at least 1 character"),
        (10, "", "8,L\ufffdon (1994),Drama", "is not UTF-8"),
        (7, "tmdbId", "abc", "should be a valid integer, unable to parse string as an integer"),
        (8, "movieId", "99", "is no movie of movies.csv"),
        (6, "tag", "", "String should have at least 1 character"),
        (7, "movieId", "99", "is no movie of movies.csv"),
    ]
    assert report.nodes["Movie"] == 5
    assert report.relationships["TAGGED"] == 4


async def test_a_file_with_other_columns_is_none_of_ours(graph: GraphClient, tmp_path: Path) -> None:
    folder = made.write_csv(tmp_path / "ml")
    (folder / "ratings.csv").write_text("user,item,stars\n1,1,5\n")
    with pytest.raises(
        SourceMalformed, match=r"ratings\.csv begins with 'user,item,stars' and not with 'userId,movieId"
    ):
        await ingest_movielens(graph.writer, folder)
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\nall,of,it,bad\n")
    with pytest.raises(SourceMalformed, match=r"ratings\.csv: none of its 1 rows is what it should be"):
        await ingest_movielens(graph.writer, folder)


def test_a_film_is_refused_by_its_first_bad_value() -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"id": "1997-08-20", "title": "x"}, "id"),
        ({"id": 5}, "title"),
        ({"id": 5, "title": "x", "release_date": "1997-13-20"}, "release_date"),
        ({"id": 5, "title": "x", "vote_average": 11}, "vote_average"),
        ({"id": 5, "title": "x", "credits": {"cast": [{"id": 1, "name": "", "order": 0}]}}, "credits.cast.0.name"),
        ({"id": 5, "title": "x", "imdb_id": "0114709"}, "imdb_id"),
    ]
    for row, field in cases:
        with pytest.raises(Refused) as refused:
            check(MovieFacts, row)
        assert refused.value.problem.field == field


NUMBERS = st.one_of(st.integers(-2, 7).map(str), st.sampled_from(["", " 5", "x", "1.0", "007", "+3", "4294967296"]))
STARS = st.one_of(
    st.floats(-1, 6).map(str), st.sampled_from(["0.5", "5", "5.0", "3.50", " 4", "nan", "inf", "", "1e0"])
)
TIMES = st.one_of(st.integers(-2, 2**33).map(str), st.sampled_from(["", "x", "1.5", "4102444799", "4102444800"]))


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, STARS, TIMES), min_size=1, max_size=5), layout=st.sampled_from([CSV, DAT])
)
def test_columns_and_records_refuse_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], layout: Layout
) -> None:
    folder = tmp_path_factory.mktemp("ratings")
    known = set(range(1, 6))
    header = "userId,movieId,rating,timestamp\n" if layout is CSV else ""
    (folder / layout.ratings).write_text(header + "".join(layout.separator.join(row) + "\n" for row in rows))
    source = Source(folder, {layout.ratings: layout.ratings})
    quarantine = Quarantine(None)
    found = sorted(row for block in read_ratings(source, layout, known, quarantine) for row in block.tolist())
    assert found == sorted(filter(None, (by_record(row, known) for row in rows)))
    assert quarantine.bad.total() == len(rows) - len(found)


def by_record(row: tuple[str, ...], known: set[int]) -> tuple[int, int, int, int] | None:
    """A row by the contract alone."""
    try:
        rating = check(Rating, dict(zip(("userId", "movieId", "rating", "timestamp"), row, strict=True)))
    except Refused:
        return None
    return (
        (rating.user_id, rating.movie_id, int(rating.rating * 2), rating.timestamp)
        if rating.movie_id in known
        else None
    )


def ratings(*rows: tuple[int, int, float, int]) -> Ratings:
    """An array of ratings."""
    return np.array([(user, movie, int(stars * 2), at) for user, movie, stars, at in rows], RATING)


def test_a_spool_brings_a_users_ratings_together_and_keeps_the_latest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, size=100_000_000)
    spool.add(ratings((1, 5, 3.0, 10), (2, 5, 1.0, 10), (1, 4, 2.0, 10)))
    spool.add(ratings((1, 5, 4.5, 20), (4, 1, 1.0, 5), (1, 5, 2.0, 15)))
    spool.sort()
    found = [row for bucket in spool for row in bucket.tolist()]
    assert sorted(found) == [(1, 4, 4, 10), (1, 5, 9, 20), (2, 5, 2, 10), (4, 1, 2, 5)]
    assert [user for user, *_ in found] == [1, 1, 4, 2], "a user's ratings come together"
    assert (spool.rows, spool.repeated) == (4, 2)
