"""One real Neo4j for a whole test run, on a random loopback port; each test that asks gets it empty."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cinegraph.settings import GraphSettings, load_settings
from graph.catalog import WriteStatement
from graph.client import Address, GraphClient
from graph.local import LocalServer
from graph.migrations import migrate

SHARED = Path(__file__).parents[2] / "shared" / "data"

GRAPH_SETTINGS = GraphSettings(local_heap_mb=768, local_pagecache_mb=128, acquisition_timeout=5, query_timeout=60)

UNTIE = WriteStatement("untie", "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS", frozenset())
EMPTY = WriteStatement(
    "empty", "MATCH (n) WHERE NOT n:Migration CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS", frozenset()
)
META = WriteStatement("meta", "MERGE (m:Meta {id: 'graph'}) SET m.version = 0", frozenset())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files run beside each other (`-n 2 --dist loadgroup`), but those that use the run's Neo4j in one process."""
    using = {item.path for item in items if "local_address" in getattr(item, "fixturenames", ())}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("graph" if item.path in using else str(item.path)))


def shared_data(name: str) -> Path:
    """A folder of the real data beside the checkout; skips where it is absent."""
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"needs ../shared/data/{name}, which is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def local_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The address of this run's own Neo4j."""
    home = tmp_path_factory.mktemp("home")
    server = LocalServer(home, load_settings(env_file=None).cache_dir, GRAPH_SETTINGS)
    yield server.attach()
    server.release()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(local_address: Address) -> AsyncIterator[GraphClient]:
    """A client of the run's Neo4j, with all migrations applied."""
    async with GraphClient(local_address, GRAPH_SETTINGS) as client:
        await migrate(client.writer)
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def graph(migrated: GraphClient) -> GraphClient:
    """The same client with an empty graph, for tests that write."""
    await empty(migrated)
    return migrated


async def empty(client: GraphClient) -> None:
    """Take everything out of the graph but the record of migrations; relationships first, since a hub's are many."""
    await client.writer.command(UNTIE)
    await client.writer.command(EMPTY)
    await client.writer.write(META)
