"""The Neo4j that we run ourselves: a child process in its own folder, on loopback, found again by every `cinegraph`.

Whoever comes first starts it; whoever comes later attaches. Each holds a shared lock while it uses the server, and the
last one to leave stops it, unless `cinegraph graph start` said that it stays. Locks are the kernel's, so that a killed
process leaves none behind.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil
from neo4j import GraphDatabase
from neo4j import exceptions as driver_errors

from cinegraph import plugins
from cinegraph.errors import InvalidInput, PortInUse, StartFailed
from cinegraph.settings import GraphSettings
from graph.client import Address

MAIN = "org.neo4j.server.CommunityEntryPoint"
ADMIN = "org.neo4j.cli.AdminTool"
OPENS = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang")
STOP_SECONDS = 60.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A server process: enough to know it again after others have used its process id."""

    pid: int
    created: float
    port: int
    stays: bool = False

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"


class LocalServer:
    """The local Neo4j of one home folder."""

    def __init__(self, home: Path, cache: Path, settings: GraphSettings, progress: Progress | None = None) -> None:
        self.folder = home / "graph"
        self._cache, self._settings, self._progress = cache, settings, progress
        self._child: subprocess.Popen[bytes] | None = None
        self._use: IO[str] | None = None

    # -- what others ask for -------------------------------------------------------------------------------------

    def attach(self) -> Address:
        """The address of the running server, starting it first where it does not run; held until `release`."""
        self._make_folders()
        self._hold()
        try:
            with self._exclusive("start.lock"):
                running = self.running() or self._start()
                self._wait(running)
        except BaseException:
            self.release()
            raise
        return Address(running.uri, "neo4j", self.password(), "neo4j")

    def release(self) -> None:
        """Let go; the last user stops the server, unless it was told to stay."""
        if self._use is None:
            return
        with self._exclusive("start.lock"):
            self._use.close()
            self._use = None
            running = self.running()
            if running and not running.stays and self._unused():
                self._stop(running)

    def stay(self) -> Address:
        """Attach and leave the server running after us."""
        address = self.attach()
        running = self.running()
        if running:
            self._remember(Running(running.pid, running.created, running.port, stays=True))
        return address

    def revive(self) -> None:
        """Start the server again on the port it had, for those who are attached to it."""
        with self._exclusive("start.lock"):
            if self.running() is None:
                running = self._start(self._last_port())
                self._wait(running)

    def stop(self) -> bool:
        """Stop the server, whoever uses it; whether there was one."""
        self._make_folders()
        with self._exclusive("start.lock"):
            running = self.running()
            if running:
                self._stop(running)
        return running is not None

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep the server from starting, for work on its files; `InvalidInput` where it runs."""
        self._make_folders()
        with self._exclusive("start.lock"):
            if running := self.running():
                raise InvalidInput(
                    f"the local Neo4j runs (process {running.pid}), and this needs it stopped: cinegraph graph stop"
                )
            yield

    @contextmanager
    def opened(self) -> Iterator[Address]:
        """Run the server for a moment inside of `closed`, where nobody else can attach."""
        running = self._start()
        try:
            self._wait(running)
            yield Address(running.uri, "neo4j", self.password(), "neo4j")
        finally:
            self._stop(running)

    def beside(self, home: Path) -> "LocalServer":
        """A server in another home with the same settings and password, whose data may take the place of ours."""
        other = LocalServer(home, self._cache, self._settings, self._progress)
        other._make_folders()
        self.password()
        shutil.copy(self.folder / "password", other.folder)
        return other

    def running(self) -> Running | None:
        """The live server process of this home, if there is one."""
        if self._child is not None:
            self._child.poll()  # what has ended is let go by its parent
        last = self._last()
        return last if last and last.alive else None

    def password(self) -> str:
        """The generated password, in a file that only its owner can read."""
        path = self.folder / "password"
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with open(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text()

    def admin(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`neo4j-admin` on the data of this home, which must not be served meanwhile."""
        self._make_folders()
        self._configure(self._settings.local_port or 7687)
        command = [*self._java(), ADMIN, *arguments]
        places = {"NEO4J_HOME": str(self.folder / "neo4j"), "NEO4J_CONF": str(self.folder / "neo4j" / "conf")}
        return subprocess.run(command, env=places, capture_output=True, text=True, check=False)

    @property
    def log(self) -> Path:
        """What the server itself printed."""
        return self.folder / "neo4j" / "logs" / "console.log"

    # -- starting and stopping -----------------------------------------------------------------------------------

    def _start(self, port: int = 0) -> Running:
        port = port or self._settings.local_port or _free_port()
        _refuse_used(port)
        command = [*self._java(), MAIN, f"--home-dir={self.folder / 'neo4j'}"]
        command.append(f"--config-dir={self.folder / 'neo4j' / 'conf'}")
        self._configure(port)
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches us, and we stop the server in order.
            self._child = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
            )
        running = Running(self._child.pid, psutil.Process(self._child.pid).create_time(), port)
        self._remember(running)
        return running

    def _wait(self, running: Running) -> None:
        """Return when the server answers a query; the first time, exchange its known password for ours."""
        end = time.monotonic() + self._settings.start_timeout
        while time.monotonic() < end:
            self._refuse_dead(running)
            if self._answers(running):
                return
            time.sleep(0.1)
        raise StartFailed(
            f"the local Neo4j (process {running.pid}, port {running.port}) did not answer within "
            f"{self._settings.start_timeout:g} s; its log is {self.log}. CINEGRAPH_GRAPH__START_TIMEOUT gives it longer"
        )

    def _answers(self, running: Running) -> bool:
        if not _listens(running.port):
            return False
        try:
            with GraphDatabase.driver(running.uri, auth=("neo4j", self.password())) as driver:
                driver.execute_query("RETURN 1", database_="neo4j")
            return True
        except driver_errors.AuthError:
            self._set_password(running)
            return False
        except (driver_errors.Neo4jError, driver_errors.DriverError, OSError):
            return False

    def _set_password(self, running: Running) -> None:
        """A new database knows only neo4j/neo4j and lets that user do nothing but choose a password."""
        change = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password"
        try:
            with GraphDatabase.driver(running.uri, auth=("neo4j", "neo4j")) as driver:
                driver.execute_query(change, password=self.password(), database_="system")
        except driver_errors.AuthError as error:
            raise StartFailed(
                f"the local Neo4j refuses the password in {self.folder / 'password'}. Put the right one there, or move "
                f"{self.folder} away to begin with an empty graph"
            ) from error
        except (driver_errors.Neo4jError, driver_errors.DriverError, OSError):
            return

    def _refuse_dead(self, running: Running) -> None:
        child_ended = self._child is not None and self._child.pid == running.pid and self._child.poll() is not None
        if child_ended or not running.alive:
            lines = self.log.read_text(errors="replace").strip().splitlines()[-6:] if self.log.exists() else []
            raise StartFailed(
                f"the local Neo4j ended while it started; its last words, from {self.log}:\n" + "\n".join(lines)
            )

    def _stop(self, running: Running) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(running.pid)
            process.terminate()
            if not self._ended(running):
                process.kill()
                self._ended(running)
        (self.folder / "server.json").unlink(missing_ok=True)
        self._child = None

    def _ended(self, running: Running) -> bool:
        """Wait for a server to end; one that only waits to be reaped by the process that started it has ended."""
        end = time.monotonic() + STOP_SECONDS
        while running.alive and time.monotonic() < end:
            time.sleep(0.05)
        if self._child is not None and self._child.pid == running.pid:
            # The first thread of a process may be gone before the others: only the parent sees the end of all.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(max(end - time.monotonic(), 1.0))
        return not running.alive

    # -- files ---------------------------------------------------------------------------------------------------

    def _java(self) -> Sequence[str]:
        jars = plugins.load("graph.jars")
        folder = jars.ensure_jars(self._cache, self._progress)
        heap = self._settings.local_heap_mb
        opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENS]
        limits = [f"-Xms{min(heap, 512)}m", f"-Xmx{heap}m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"]
        return [str(jars.java()), *limits, "-Dfile.encoding=UTF-8", *opens, "-cp", f"{folder}/*"]

    def _configure(self, port: int) -> None:
        lines = {
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{port}",
            "server.bolt.advertised_address": f"127.0.0.1:{port}",
            "server.http.enabled": "false",
            "server.https.enabled": "false",
            "dbms.usage_report.enabled": "false",
            "dbms.security.allow_csv_import_from_file_urls": "false",
            "server.memory.pagecache.size": f"{self._settings.local_pagecache_mb}m",
            "db.memory.transaction.max": f"{max(self._settings.local_heap_mb // 2, 128)}m",
            "db.tx_log.rotation.retention_policy": "64M size",
        }
        text = "# Generated at each start.\n" + "".join(f"{name}={value}\n" for name, value in lines.items())
        (self.folder / "neo4j" / "conf" / "neo4j.conf").write_text(text)

    def _last(self) -> Running | None:
        try:
            return Running(**json.loads((self.folder / "server.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _last_port(self) -> int:
        last = self._last()
        return last.port if last else 0

    def _make_folders(self) -> None:
        for name in ("conf", "data", "logs"):
            (self.folder / "neo4j" / name).mkdir(parents=True, exist_ok=True)

    def _remember(self, running: Running) -> None:
        new = self.folder / "server.json.new"
        new.write_text(json.dumps(asdict(running)))
        new.replace(self.folder / "server.json")

    # -- locks ---------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        if self._use is not None:
            return
        self._use = (self.folder / "use.lock").open("w")
        fcntl.flock(self._use, fcntl.LOCK_SH)

    def _unused(self) -> bool:
        with (self.folder / "use.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            return True

    @contextmanager
    def _exclusive(self, name: str) -> Iterator[None]:
        with (self.folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


async def watch(server: LocalServer, seconds: float = 1.0) -> None:
    """Start the server again on its port whenever it died; runs until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        if server.running() is None:
            await asyncio.to_thread(server.revive)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_used(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUse(
                f"port {port} on 127.0.0.1 is in use, so the local Neo4j cannot listen there; set "
                f"CINEGRAPH_GRAPH__LOCAL_PORT to another, or to 0 for a free one"
            ) from error


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
