"""The real MovieLens and TMDB files: how many there are of everything, and that their known faults are named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from graph.catalog import ReadStatement, WriteStatement
from graph.client import GraphClient
from graph.ingest.findings import Finding
from graph.ingest.movielens import ingest_movielens
from graph.ingest.quality import QualityReport
from graph.ingest.tmdb import ingest_tmdb
from tests.conftest import empty, shared_data

pytestmark = pytest.mark.slow

UNLINK = WriteStatement("unlink", "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 5000 ROWS", frozenset())

NODES = {
    "Collection": 426,
    "Company": 5_676,
    "Country": 83,
    "Genre": 20,
    "Keyword": 14_641,
    "Language": 35,
    "Movie": 9_742,
    "Person": 49_952,
    "Tag": 1_475,
    "User": 610,
}
RELATIONSHIPS = {
    "ACTED_IN": 92_877,
    "CREW": 8_217,
    "DIRECTED": 8_931,
    "FROM_COUNTRY": 8_337,
    "HAS_GENRE": 22_384,
    "HAS_KEYWORD": 75_036,
    "HAS_TAG": 3_574,
    "IN_LANGUAGE": 5_897,
    "PART_OF": 750,
    "PRODUCED_BY": 17_764,
    "RATED": 100_836,
    "TAGGED": 3_683,
    "WROTE": 9_066,
}
GOLDEN = [
    (
        "MATCH (:Person {name: 'Ridley Scott'})-[:DIRECTED]->(m:Movie) "
        "RETURN m.title AS answer ORDER BY m.year LIMIT 3",
        ["The Duellists", "Alien", "Blade Runner"],
    ),
    (
        "MATCH (p:Person)-[r:ACTED_IN]->(:Movie {id: '1'}) RETURN p.name AS answer ORDER BY r.order LIMIT 3",
        ["Tom Hanks", "Tim Allen", "Don Rickles"],
    ),
    (
        "MATCH (m:Movie) RETURN m.title AS answer ORDER BY m.popularity DESC, m.id LIMIT 3",
        ["Forrest Gump", "The Shawshank Redemption", "Pulp Fiction"],
    ),
    (
        "MATCH (m:Movie {id: '1'})-[:HAS_GENRE]->(g) RETURN g.id AS answer ORDER BY answer",
        ["adventure", "animation", "comedy", "family", "fantasy"],
    ),
    ("MATCH (m:Movie {id: '1'}) RETURN [m.ratingCount, round(m.ratingMean, 4)] AS answer", [[215, 3.9209]]),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def real(migrated: GraphClient) -> AsyncIterator[tuple[GraphClient, QualityReport]]:
    """Both in the graph, which is emptied in small steps afterwards."""
    movielens, tmdb = shared_data("ml-latest-small"), shared_data("tmdb")
    await empty(migrated)
    await ingest_movielens(migrated.writer, movielens)
    yield migrated, await ingest_tmdb(migrated.writer, Path(tmdb) / "movies.jsonl.gz")
    await migrated.writer.command(UNLINK)
    await empty(migrated)


async def test_there_is_exactly_what_the_files_have(real: tuple[GraphClient, QualityReport]) -> None:
    _, report = real
    assert report.nodes == NODES
    assert report.relationships == RELATIONSHIPS
    assert report.findings.rows == {"movies.jsonl.gz": (9_734, 0)}


async def test_n16_the_known_faults_are_named(real: tuple[GraphClient, QualityReport]) -> None:
    _, report = real
    found, listed = report.findings.counts, report.findings.listed
    assert Finding("Romance (1999), movie 2894", "TMDB 171982: Romance (2012)") in listed["wrong_link"]
    assert found["year_differs"] == 36
    assert found["no_link"] == 8
    assert listed["shared_link"][0].subject == "TMDB 4912"
    assert {kind: found[kind] for kind in ("wrong_link", "title_differs", "imdb_differs", "same_film")} == {
        "wrong_link": 3,
        "title_differs": 5,
        "imdb_differs": 1,
        "same_film": 5,
    }
    assert (found["broken_link"], found["no_year"], found["orphan"], found["unlinked_film"]) == (111, 4, 0, 0)


@pytest.mark.parametrize(("text", "answers"), GOLDEN)
async def test_n16_golden_queries(real: tuple[GraphClient, QualityReport], text: str, answers: list[object]) -> None:
    graph, _ = real
    rows = await graph.reader.read(ReadStatement("golden", text, frozenset()))
    assert [row["answer"] for row in rows] == answers


async def test_a_second_time_nothing_is_written(real: tuple[GraphClient, QualityReport]) -> None:
    graph, report = real
    again = await ingest_tmdb(graph.writer, shared_data("tmdb") / "movies.jsonl.gz")
    assert again.unchanged
    assert again.as_json().splitlines()[3:] == report.as_json().splitlines()[3:]
