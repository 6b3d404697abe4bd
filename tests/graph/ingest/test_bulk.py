"""The offline import makes the graph that the online one makes, and replaces none by accident."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cinegraph.errors import IngestError, InvalidInput, QualityTooLow
from cinegraph.settings import load_settings
from graph.client import GraphClient
from graph.ingest.bulk import BulkSources, ingest_bulk
from graph.ingest.movielens import ingest_movielens
from graph.ingest.options import IngestOptions
from graph.ingest.tables import GraphTables
from graph.ingest.tmdb import ingest_tmdb
from graph.local import LocalServer
from tests.conftest import GRAPH_SETTINGS
from tests.graph.ingest import made
from tests.graph.ingest.equality import checksum
from tests.graph.ingest.test_rows import bad_ratings

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    """A Neo4j of its own, not running."""
    server = LocalServer(tmp_path / "home", load_settings(env_file=None).cache_dir, GRAPH_SETTINGS)
    yield server
    server.stop()


@pytest.fixture
def sources(tmp_path: Path) -> BulkSources:
    """The small data set with TMDB's facts."""
    return BulkSources(made.write_csv(tmp_path / "ml"), made.write_films(tmp_path / "films.jsonl.gz"))


async def test_an_import_is_the_same_graph_as_an_ingestion(
    graph: GraphClient, server: LocalServer, sources: BulkSources
) -> None:
    assert sources.tmdb is not None
    await ingest_movielens(graph.writer, sources.movielens)
    online = await ingest_tmdb(graph.writer, sources.tmdb)
    offline = await ingest_bulk(server, GRAPH_SETTINGS, sources)
    assert offline.as_json() == online.as_json()
    assert server.running() is None
    address = server.attach()
    try:
        async with GraphClient(address, GRAPH_SETTINGS) as client:
            assert await checksum(client.reader) == await checksum(graph.reader)
            assert (await ingest_movielens(client.writer, sources.movielens)).unchanged
            assert (await ingest_tmdb(client.writer, sources.tmdb)).unchanged
        with pytest.raises(InvalidInput, match="the local Neo4j runs, and an import needs it stopped"):
            await ingest_bulk(server, GRAPH_SETTINGS, sources)
    finally:
        server.release()
    with pytest.raises(InvalidInput, match=r"the graph has 3\d nodes, and an import replaces all of it"):
        await ingest_bulk(server, GRAPH_SETTINGS, sources)
    again = await ingest_bulk(server, GRAPH_SETTINGS, BulkSources(sources.movielens), overwrite=True)
    assert again.nodes["Person"] == 0
    assert again.relationships["RATED"] == len(made.RATINGS)


async def test_too_many_bad_rows_leave_the_old_graph_alone(server: LocalServer, tmp_path: Path) -> None:
    sources = BulkSources(bad_ratings(tmp_path / "ml"))
    with pytest.raises(QualityTooLow):
        await ingest_bulk(server, GRAPH_SETTINGS, sources, overwrite=True)
    assert not (server.folder / "neo4j" / "data" / "databases" / "neo4j").exists()


async def test_an_import_that_fails_leaves_a_graph_that_starts(
    server: LocalServer, sources: BulkSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GraphTables, "has_lines", lambda tables: False)
    with pytest.raises(IngestError, match="could not import the files; the graph is empty now"):
        await ingest_bulk(server, GRAPH_SETTINGS, sources)
    monkeypatch.undo()
    options = IngestOptions(cast_limit=1)
    report = await ingest_bulk(server, GRAPH_SETTINGS, sources, options)
    assert report.relationships["ACTED_IN"] == 2


async def test_an_import_that_is_cancelled_leaves_no_process_and_no_half_of_a_graph(
    server: LocalServer, sources: BulkSources
) -> None:
    ours = psutil.Process()
    before = set(ours.children())
    task = asyncio.create_task(ingest_bulk(server, GRAPH_SETTINGS, sources))
    while not set(ours.children()) - before:
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(ours.children()) == before
    assert not (server.folder / "neo4j" / "data" / "databases" / "neo4j").exists()
