"""Twice is once, a killed ingestion goes on, and writers at once make nothing twice (T06, T14)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cinegraph.errors import QualityTooLow
from graph.catalog import ReadStatement, WriteStatement, write_statement
from graph.client import GraphClient, Row, Writer
from graph.ingest.movielens import ingest_movielens
from graph.ingest.options import IngestOptions
from graph.ingest.tmdb import ingest_tmdb
from tests.conftest import empty
from tests.graph.ingest import made
from tests.graph.ingest.equality import checksum

SMALL = IngestOptions(batch_rows=2, lanes=2)

STATE = ReadStatement(
    "state",
    "MATCH (m:Meta {id: 'graph'}) RETURN m.version AS version, "
    "COLLECT { MATCH (u:User) RETURN [u.id, u.version] ORDER BY u.id } AS users",
    frozenset(),
)


class Killed(BaseException):
    """Stands for the end of the process."""


class Crashing(Writer):
    """Ends at the n-th write, before or after it took effect; n = 0 only counts."""

    def __init__(self, client: GraphClient, at: int = 0, after: bool = False) -> None:
        super().__init__(client.session)
        self.at, self.after, self.count = at, after, 0

    async def write(self, statement: WriteStatement, /, **parameters: Any) -> list[Row]:
        self.count += 1
        if self.at and (self.count > self.at or (self.count == self.at and not self.after)):
            raise Killed
        rows = await super().write(statement, **parameters)
        if self.count == self.at:
            raise Killed
        return rows


async def both(writer: Writer, folder: Path, options: IngestOptions = SMALL) -> None:
    """MovieLens, then TMDB."""
    await ingest_movielens(writer, folder / "ml", options)
    await ingest_tmdb(writer, folder / "films.jsonl", options)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with both."""
    made.write_csv(tmp_path / "ml")
    made.write_films(tmp_path / "films.jsonl")
    return tmp_path


async def test_twice_is_once_and_the_second_time_writes_nothing(graph: GraphClient, sources: Path) -> None:
    await both(graph.writer, sources)
    first, state = await checksum(graph.reader), await graph.reader.read(STATE)
    again = Crashing(graph)
    await both(again, sources)
    assert again.count == 0
    assert await checksum(graph.reader) == first
    assert await graph.reader.read(STATE) == state


async def test_what_is_refused_leaves_no_record(graph: GraphClient, sources: Path) -> None:
    await both(graph.writer, sources)
    before = await graph.session.read("MATCH (i:Import) RETURN i {.*} AS i ORDER BY i.id", {})
    whole = (sources / "ml" / "ratings.csv").read_text()
    (sources / "ml" / "ratings.csv").write_text(whole + "1,2,nine,0\n")
    with pytest.raises(QualityTooLow):
        await ingest_movielens(graph.writer, sources / "ml", SMALL)
    assert await graph.session.read("MATCH (i:Import) RETURN i {.*} AS i ORDER BY i.id", {}) == before
    (sources / "ml" / "ratings.csv").write_text(whole)
    assert (await ingest_movielens(graph.writer, sources / "ml", SMALL)).unchanged


async def test_the_files_of_a_run_lie_in_its_folder_and_go_with_it(graph: GraphClient, sources: Path) -> None:
    work, seen = sources / "work", set()
    (work / "run-killed").mkdir(parents=True)

    def progress(*_: object) -> None:
        seen.update(file.name for file in work.rglob("*"))

    await ingest_movielens(graph.writer, sources / "ml", replace(SMALL, work=work), progress)
    await ingest_tmdb(graph.writer, sources / "films.jsonl", replace(SMALL, work=work), progress)
    assert {"0.ratings", "facts.jsonl"} <= seen
    assert "run-killed" not in seen
    assert list(work.iterdir()) == []


async def test_a_view_gives_its_user_a_new_version_and_twice_is_once(graph: GraphClient, sources: Path) -> None:
    await ingest_movielens(graph.writer, sources / "ml", SMALL)
    (state,) = await graph.reader.read(STATE)
    before = dict(state["users"])
    for seconds, risen in ((60, 1), (60, 1), (90, 2)):
        await graph.writer.write(write_statement("ingest/views"), rows=[["1", [["3", 1000, seconds, 1]]]])
        (state,) = await graph.reader.read(STATE)
        assert dict(state["users"]) == {**before, "1": before["1"] + risen}
    rows = await graph.session.read("MATCH (:User {id: '1'})-[r:VIEWED]->() RETURN r {.*} AS r", {})
    assert rows == [{"r": {"userId": "1", "movieId": "3", "at": 1000, "seconds": 90, "count": 1}}]


async def test_by_force_it_is_written_again_and_is_the_same(graph: GraphClient, sources: Path) -> None:
    await both(graph.writer, sources)
    first, (state,) = await checksum(graph.reader), await graph.reader.read(STATE)
    await both(graph.writer, sources, replace(SMALL, force=True))
    (forced,) = await graph.reader.read(STATE)
    assert await checksum(graph.reader) == first
    assert forced["users"] == state["users"], "nobody has a new rating"
    assert (state["version"], forced["version"]) == (2, 4)


async def test_facts_are_read_again_when_movielens_brought_other_links(graph: GraphClient, sources: Path) -> None:
    alone = await ingest_tmdb(graph.writer, sources / "films.jsonl")
    assert alone.nodes["Movie"] == 3, "films of their own, as no movie has a link"
    await empty(graph)
    await both(graph.writer, sources)
    (sources / "ml" / "links.csv").write_text("movieId,imdbId,tmdbId\n4,,999\n")
    await both(graph.writer, sources)
    rows = await graph.reader.read(
        ReadStatement("new", "MATCH (m:Movie {id: '4'}) RETURN m.releaseDate AS date", frozenset())
    )
    assert rows == [{"date": "2001-01-01"}]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
async def test_t14_an_ingestion_killed_at_any_write_goes_on(graph: GraphClient, sources: Path, after: bool) -> None:
    counting = Crashing(graph)
    await both(counting, sources, replace(SMALL, lanes=1))
    whole, (state,) = await checksum(graph.reader), await graph.reader.read(STATE)
    for at in range(1, counting.count + 1):
        await empty(graph)
        with pytest.raises(Killed):
            await both(Crashing(graph, at, after), sources, replace(SMALL, lanes=1))
        await both(graph.writer, sources)
        assert await checksum(graph.reader) == whole, f"killed at write {at}"
        (resumed,) = await graph.reader.read(STATE)
        assert resumed["users"] == state["users"], f"killed at write {at}: a user's version rose twice"


async def test_a_later_rating_in_the_graph_stays(graph: GraphClient, sources: Path) -> None:
    await ingest_movielens(graph.writer, sources / "ml")
    items = [["1", 1.0, 2_000_000_000_000], ["3", 5.0, 1]]
    await graph.writer.write(write_statement("ingest/ratings"), rows=[["1", items]])
    await ingest_movielens(graph.writer, sources / "ml", IngestOptions(force=True))
    rows = await graph.reader.read(
        ReadStatement(
            "rated",
            "MATCH (:User {id: '1'})-[r:RATED]->(m) RETURN m.id AS id, r.rating AS rating ORDER BY id",
            frozenset(),
        )
    )
    assert rows == [
        {"id": "1", "rating": 1.0},
        {"id": "2", "rating": 5.0},
        {"id": "3", "rating": 5.0},
        {"id": "5", "rating": 5.0},
    ]


KEYS = [str(n) for n in range(50)]
DROP = WriteStatement("drop", "DROP CONSTRAINT keyword_id", frozenset())
KEEP = WriteStatement(
    "keep", "CREATE CONSTRAINT keyword_id IF NOT EXISTS FOR (n:Keyword) REQUIRE n.id IS UNIQUE", frozenset()
)
AWAIT = WriteStatement("await", "CALL db.awaitIndexes(60)", frozenset())
LOCK = "SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other\n"
COUNTS = ReadStatement(
    "counts",
    "RETURN COUNT { (:Keyword) } AS nodes, COUNT { ()-[:HAS_KEYWORD]->() } AS relationships",
    frozenset(),
)


async def upsert_at_once(graph: GraphClient, statement: WriteStatement, times: int) -> tuple[int, int]:
    """16 writers, each `times` times, put 7 or 8 of the same 50 keywords on one movie, and all of them at the end;
    nodes and relationships afterwards."""
    nodes = [[key, f"keyword {key}"] for key in KEYS]
    movie = {"id": "1", "title": "Alien", "originalTitle": None, "year": None, "imdbId": None, "tmdbId": None}
    await graph.writer.write(write_statement("ingest/movies"), rows=[movie])

    async def writer() -> None:
        for n in range(times):
            few = nodes[n % 50 :: 7]
            await graph.writer.write(statement, nodes=few, rows=[["1", [id for id, _ in few]]])
        await graph.writer.write(statement, nodes=nodes, rows=[["1", KEYS]])

    await asyncio.gather(*(writer() for _ in range(16)))
    (counts,) = await graph.reader.read(COUNTS)
    return counts["nodes"], counts["relationships"]


@pytest_asyncio.fixture(loop_scope="session")
async def unconstrained(graph: GraphClient) -> AsyncIterator[GraphClient]:
    """The graph without the constraint on keywords."""
    await graph.writer.command(DROP)
    yield graph
    await empty(graph)
    await graph.writer.command(KEEP)
    await graph.writer.command(AWAIT)


@pytest.mark.slow
async def test_t06_sixteen_writers_of_a_thousand_upserts_each_make_fifty_nodes(graph: GraphClient) -> None:
    assert await upsert_at_once(graph, write_statement("ingest/keywords"), 140) == (50, 50)


async def test_t06_the_mutant_without_the_constraint_makes_duplicates(unconstrained: GraphClient) -> None:
    nodes, _ = await upsert_at_once(unconstrained, write_statement("ingest/keywords"), 0)
    assert nodes > 50


async def test_t06_the_mutant_without_the_lock_makes_duplicate_relationships(graph: GraphClient) -> None:
    statement = write_statement("ingest/keywords")
    assert LOCK in statement.text
    mutant = replace(statement, text=statement.text.replace(LOCK, ""))
    await graph.writer.write(statement, nodes=[[key, key] for key in KEYS], rows=[])
    _, relationships = await upsert_at_once(graph, mutant, 0)
    assert relationships > 50
