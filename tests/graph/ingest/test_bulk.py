"""The offline import replaces no graph by accident, and leaves none half made."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cinegraph.errors import IngestError, QualityTooLow
from graph.client import Address, GraphClient
from graph.ingest import bulk
from graph.ingest.bulk import BulkSources, ingest_bulk
from graph.ingest.options import IngestOptions
from graph.ingest.tables import GraphTables
from graph.local import LocalServer
from tests.conftest import GRAPH_SETTINGS
from tests.graph.ingest import made
from tests.graph.ingest.test_rows import bad_ratings

pytestmark = pytest.mark.slow


async def test_too_many_bad_rows_leave_the_old_graph_alone(server: LocalServer, tmp_path: Path) -> None:
    sources = BulkSources(bad_ratings(tmp_path / "ml"))
    with pytest.raises(QualityTooLow):
        await ingest_bulk(server, GRAPH_SETTINGS, sources, overwrite=True)
    assert not (server.folder / "neo4j" / "data" / "databases" / "neo4j").exists()
    assert work_folders(server) == []


async def movies(server: LocalServer) -> list[str]:
    """The titles that the graph has."""
    address = await asyncio.to_thread(server.attach)
    try:
        return await titles(address)
    finally:
        await asyncio.to_thread(server.release)


async def titles(address: Address) -> list[str]:
    async with GraphClient(address, GRAPH_SETTINGS) as client:
        rows = await client.session.read("MATCH (m:Movie) RETURN m.title AS title ORDER BY title", {})
        return [row["title"] for row in rows]


def work_folders(server: LocalServer) -> list[str]:
    return sorted(file.name for file in server.folder.glob("import-*"))


async def test_an_import_that_fails_leaves_the_old_graph_as_it_was(
    server: LocalServer, sources: BulkSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingest_bulk(server, GRAPH_SETTINGS, BulkSources(sources.movielens))
    before = await movies(server)
    monkeypatch.setattr(GraphTables, "has_lines", lambda tables: False)
    with pytest.raises(IngestError, match="could not import the files; the graph is as it was"):
        await ingest_bulk(server, GRAPH_SETTINGS, sources, overwrite=True)
    assert await movies(server) == before
    assert work_folders(server) == []
    monkeypatch.undo()
    options = IngestOptions(cast_limit=1)
    report = await ingest_bulk(server, GRAPH_SETTINGS, sources, options, overwrite=True)
    assert report.relationships["ACTED_IN"] == 2


async def test_nobody_starts_the_server_while_an_import_is_made(
    server: LocalServer, sources: BulkSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[bool] = []

    def importing(*_: object) -> None:
        with (server.folder / "start.lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        states.append(server.running() is None)
        raise IngestError("not now")

    monkeypatch.setattr(bulk, "_import", importing)
    with pytest.raises(IngestError, match="not now"):
        await ingest_bulk(server, GRAPH_SETTINGS, sources)
    assert states == [True]


@pytest.mark.parametrize(
    ("command", "moment"), [(["bulk"], "AdminTool"), (["movielens", "--bulk"], "CommunityEntryPoint")]
)
async def test_an_import_that_is_killed_leaves_the_old_graph_as_it_was(
    server: LocalServer, sources: BulkSources, tmp_path: Path, command: list[str], moment: str
) -> None:
    await ingest_bulk(server, GRAPH_SETTINGS, BulkSources(sources.movielens))
    before = await movies(server)
    await asyncio.to_thread(kill_at, moment, [*command, str(sources.movielens), "--overwrite"], tmp_path / "home")
    (left,) = work_folders(server)
    assert await movies(server) == before
    report = await ingest_bulk(server, GRAPH_SETTINGS, sources, overwrite=True)
    assert report.relationships["RATED"] == len(made.RATINGS)
    assert work_folders(server) == []
    assert [one.pid for one in psutil.process_iter(["cmdline"]) if left in " ".join(one.info["cmdline"] or [])] == []


def kill_at(moment: str, arguments: list[str], home: Path) -> None:
    """Kill `cinegraph ingest …` when it runs the program of this name."""
    command = [sys.executable, "-m", "cinegraph", "ingest", *arguments]
    environment = {**os.environ, "CINEGRAPH_HOME": str(home), "CINEGRAPH_GRAPH__LOCAL_HEAP_MB": "512"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        parent = psutil.Process(process.pid)
        while process.poll() is None and not _has_begun(moment, parent):
            time.sleep(0.02)
        assert process.poll() is None, "it ended before it could be killed"
        process.kill()


def _has_begun(program: str, parent: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(program in " ".join(one.cmdline()) for one in parent.children())
    return False


async def test_an_import_that_is_cancelled_leaves_no_process_and_the_old_graph(
    server: LocalServer, sources: BulkSources
) -> None:
    ours = psutil.Process()
    before = set(ours.children())
    task = asyncio.create_task(ingest_bulk(server, GRAPH_SETTINGS, sources, overwrite=True))
    while not task.done() and not _has_begun("AdminTool", ours):
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(ours.children()) == before
    assert work_folders(server) == []
