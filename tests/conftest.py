"""One real Neo4j for a whole test run, on a random loopback port; each test that asks gets it empty.

Every Neo4j that a test starts compiles quickly rather than well: none lives long enough for more.
"""

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import psutil
import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

from cinegraph.settings import GraphSettings, load_settings
from graph.catalog import ReadStatement, WriteStatement
from graph.client import Address, GraphClient
from graph.local import LocalServer
from graph.migrations import migrate

SHARED = Path(__file__).parents[2] / "shared" / "data"

MEMORY = Path("/dev/shm")
ROOM = 6 * 1024**3
"""Bytes that must be free in memory for a Neo4j's files to lie there; they are less than 2 GB."""

GRAPH_SETTINGS = GraphSettings(local_heap_mb=768, local_pagecache_mb=128, acquisition_timeout=5, query_timeout=60)

os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

SIZE = ReadStatement("size", "RETURN COUNT { () } AS nodes, COUNT { ()-->() } AS relationships", frozenset())
UNTIE = WriteStatement("untie", "MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 20000 ROWS", frozenset())
THIN = WriteStatement(
    "thin", "MATCH (n) WHERE NOT n:Migration CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS", frozenset()
)
CLEAR = WriteStatement(
    "clear",
    "CALL () { MATCH (n) WHERE NOT n:Migration DETACH DELETE n } CREATE (:Meta {id: 'graph', version: 0})",
    frozenset(),
)
FEW = 5_000
"""Nodes and relationships that one transaction deletes at once."""

LONGEST = (
    "tests/graph/ingest/test_bulk.py",
    "tests/cinegraph/test_serving_process.py",
    "tests/trust/test_outage.py",
    "tests/cinegraph/test_serving_workers.py",
    "tests/graph/test_local.py",
    "tests/recommenders/test_training.py",
    "tests/recommenders/test_models.py",
    "tests/recommenders/test_tuning.py",
    "tests/recommenders/runs/test_recorder.py",
    "tests/recommenders/runs/test_store.py",
    "tests/recommenders/test_lightgcn.py",
    "tests/recommenders/test_configuration.py",
    "tests/recommenders/test_movielens.py",
    "tests/test_wheel.py",
)
"""What takes longest of that which has no use for the run's Neo4j: it begins first, so that it does not come last."""


class TwoAtOnce(LoadScopeScheduling):
    """Everything that uses the run's one Neo4j in one process; each other file in whichever is free.

    The process that shares the tests out knows nothing of them but their ids, so those who collect them write down
    which files use the Neo4j.
    """

    @cached_property
    def _using(self) -> set[str]:
        return set(json.loads(_note(os.getpid()).read_text()))

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "graph" if file in self._using else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoAtOnce:
    """The scheduler of `-n 2`; what was collected first begins first."""
    config.option.loadscopereorder = False
    config.add_cleanup(lambda: _note(os.getpid()).unlink(missing_ok=True))
    return TwoAtOnce(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker whose it is."""
    node.workerinput["parent"] = os.getpid()


def _note(parent: int) -> Path:
    return Path(gettempdir()) / f"cinegraph-tests-{parent}.json"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that use the run's Neo4j begin; of the others the longest."""
    using = {_file(item) for item in items if "local_address" in getattr(item, "fixturenames", ())}
    places = {path: place for place, path in enumerate(LONGEST, 1)}
    if wrong := sorted(using & places.keys()):
        raise pytest.UsageError(f"{', '.join(wrong)}: uses the run's Neo4j, so it cannot stand in LONGEST")
    if worker := getattr(config, "workerinput", None):
        own = Path(f"{_note(worker['parent'])}.{worker['workerid']}")
        own.write_text(json.dumps(sorted(using)))
        own.replace(_note(worker["parent"]))
    items.sort(key=lambda item: 0 if _file(item) in using else places.get(_file(item), len(places) + 1))


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def shared_data(name: str) -> Path:
    """A folder of the real data beside the checkout; skips where it is absent."""
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"needs ../shared/data/{name}, which is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def local_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The address of this run's own Neo4j; in memory where there is room, since each commit waits for its disk."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        (tmp_path_factory.getbasetemp().parent / "neo4j").touch(exist_ok=False)  # a second one would be a mistake
    with _folder(tmp_path_factory) as home:
        server = LocalServer(home, load_settings(env_file=None).cache_dir, GRAPH_SETTINGS)
        yield server.attach()
        server.release()


@contextmanager
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) if MEMORY.is_dir() else 0
    if room < ROOM:
        yield tmp_path_factory.mktemp("home")
    else:
        with TemporaryDirectory(dir=MEMORY, prefix="cinegraph-tests-", ignore_cleanup_errors=True) as name:
            yield Path(name)


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
    """Take everything out of the graph but the record of migrations; where it is much, relationships first, since a
    hub's are many."""
    (size,) = await client.reader.read(SIZE)
    if size["nodes"] + size["relationships"] > FEW:
        await client.writer.command(UNTIE)
        await client.writer.command(THIN)
    await client.writer.write(CLEAR)
