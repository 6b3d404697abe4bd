"""One real Neo4j for a whole test run, on a random loopback port; each test that asks gets it empty."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

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


BESIDE = frozenset(
    {
        "tests/cinegraph/test_serving_process.py",
        "tests/graph/ingest/test_bulk.py",
        "tests/graph/test_attachment.py",
        "tests/graph/test_local.py",
        "tests/recommenders/runs/test_recorder.py",
        "tests/recommenders/runs/test_store.py",
        "tests/recommenders/test_card.py",
        "tests/recommenders/test_configuration.py",
        "tests/recommenders/test_graph_filter.py",
        "tests/recommenders/test_lightgcn.py",
        "tests/recommenders/test_models.py",
        "tests/recommenders/test_movielens.py",
        "tests/recommenders/test_training.py",
        "tests/recommenders/test_tuning.py",
        "tests/test_imports.py",
        "tests/test_wheel.py",
    }
)
"""Files that take long and have no use for the run's Neo4j: with `-n 2` they run beside all others."""


class TwoAtOnce(LoadScopeScheduling):
    """Everything that may use the run's one Neo4j in one process, each file of `BESIDE` in whichever is free."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path in BESIDE else "graph"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoAtOnce:
    """The scheduler of `-n 2`."""
    return TwoAtOnce(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a file of `BESIDE` that would start a second Neo4j for the run."""
    using = {item.nodeid.partition("::")[0] for item in items if "local_address" in getattr(item, "fixturenames", ())}
    if wrong := sorted(using & BESIDE):
        raise pytest.UsageError(f"{', '.join(wrong)}: uses the run's Neo4j, so it cannot stand in BESIDE")


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
