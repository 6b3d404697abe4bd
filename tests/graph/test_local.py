"""The local Neo4j: started once, shared, found again after either process was killed, and gone when nobody needs it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cinegraph.errors import PortInUse, StartFailed
from cinegraph.settings import GraphSettings, load_settings
from graph.catalog import ReadStatement, WriteStatement
from graph.client import Address, GraphClient
from graph.local import LocalServer

pytestmark = pytest.mark.slow

SMALL = GraphSettings(local_heap_mb=384, local_pagecache_mb=32)
CACHE = load_settings(env_file=None).cache_dir
WRITE = WriteStatement("write", "CREATE (n:Kept {at: $at})", frozenset({"at"}))
READ = ReadStatement("read", "MATCH (n:Kept) RETURN n.at AS at ORDER BY at", frozenset())

ATTACHER = """
import sys
from pathlib import Path
from cinegraph.settings import GraphSettings
from graph.local import LocalServer
server = LocalServer(Path(sys.argv[1]), Path(sys.argv[2]), GraphSettings(local_heap_mb=384, local_pagecache_mb=32))
print(server.attach().uri, flush=True)
sys.stdin.read()
server.release()
print("released", flush=True)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    yield folder
    LocalServer(folder, CACHE, SMALL).stop(force=True)


def attacher(home: Path) -> "subprocess.Popen[str]":
    """Another process that uses the server of this home."""
    command = [sys.executable, "-c", ATTACHER, str(home), str(CACHE)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


async def kept(address: Address) -> list[int]:
    async with GraphClient(address, SMALL) as client:
        return [row["at"] for row in await client.reader.read(READ)]


async def write(address: Address, at: int) -> None:
    async with GraphClient(address, SMALL) as client:
        await client.writer.write(WRITE, at=at)


async def test_two_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    server = LocalServer(home, CACHE, SMALL)
    first = server.attach()
    running = server.running()
    with attacher(home) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == first.uri
        server.release()
        assert server.running() == running, "the other process still uses it"
        assert other.communicate("")[0].strip() == "released"
    assert server.running() is None
    assert (home / "graph" / "password").stat().st_mode & 0o777 == 0o600


async def test_what_was_written_survives_a_kill_of_the_server(home: Path) -> None:
    server = LocalServer(home, CACHE, SMALL)
    await write(server.attach(), 1)
    running = server.running()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    psutil.Process(running.pid).wait(10)
    assert server.running() is None
    server.revive()
    again = server.running()
    assert again is not None
    assert again.port == running.port, "those who are attached find it where it was"
    address = server.attach()
    assert await kept(address) == [1]
    await write(address, 2)
    server.release()


async def test_a_server_whose_starter_was_killed_is_attached_to_and_stopped_in_the_end(home: Path) -> None:
    with attacher(home) as starter:
        assert starter.stdout is not None
        uri = starter.stdout.readline().strip()
        starter.kill()
    server = LocalServer(home, CACHE, SMALL)
    running = server.running()
    assert running is not None
    address = server.attach()
    assert address.uri == uri
    assert await kept(address) == [1, 2]
    server.release()
    assert server.running() is None


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = LocalServer(tmp_path, CACHE, GraphSettings(local_port=port))
        with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use.*CINEGRAPH_GRAPH__LOCAL_PORT"):
            server.attach()
    assert server.running() is None


def test_a_server_that_cannot_start_says_its_last_words(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, CACHE, SMALL)
    (tmp_path / "graph" / "neo4j").mkdir(parents=True)
    (tmp_path / "graph" / "neo4j" / "data").write_text("not a folder")
    with pytest.raises((StartFailed, FileExistsError)):
        server.attach()
    assert server.running() is None


async def test_a_wrong_password_is_one_clear_error(home: Path) -> None:
    server = LocalServer(home, CACHE, SMALL)
    right = server.attach()
    (home / "graph" / "password").write_text("wrong-password")
    with pytest.raises(StartFailed, match=r"refuses the password in .*password"):
        LocalServer(home, CACHE, SMALL).attach()
    (home / "graph" / "password").write_text(right.password)
    server.release()
