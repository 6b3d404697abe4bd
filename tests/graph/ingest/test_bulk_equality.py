"""The offline import makes the graph that the online one makes."""

import pytest

from cinegraph.errors import InvalidInput
from graph.client import GraphClient
from graph.ingest.bulk import BulkSources, ingest_bulk
from graph.ingest.movielens import ingest_movielens
from graph.ingest.tmdb import ingest_tmdb
from graph.local import LocalServer
from tests.conftest import GRAPH_SETTINGS
from tests.graph.ingest import made
from tests.graph.ingest.equality import checksum
from tests.graph.ingest.test_bulk import titles

pytestmark = pytest.mark.slow


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
        with pytest.raises(InvalidInput, match=r"the local Neo4j runs \(process \d+\), and this needs it stopped"):
            await ingest_bulk(server, GRAPH_SETTINGS, sources, overwrite=True)
        assert len(await titles(address)) == len(made.MOVIES)
    finally:
        server.release()
    with pytest.raises(InvalidInput, match=r"the graph has 3\d nodes, and an import replaces all of it"):
        await ingest_bulk(server, GRAPH_SETTINGS, sources)
    again = await ingest_bulk(server, GRAPH_SETTINGS, BulkSources(sources.movielens), overwrite=True)
    assert again.nodes["Person"] == 0
    assert again.relationships["RATED"] == len(made.RATINGS)
