"""The Neo4j that we run ourselves: a child process in its own folder, on loopback, found again by every `cinegraph`.

Whoever comes first starts it; whoever comes later attaches. The last one to leave stops it, unless `cinegraph graph
start` said that it stays. Those who are attached keep the address they got: a server that died is started again on its
port, and so is one that was stopped under them, as soon as somebody asks for it.
"""

import contextlib
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import psutil
from neo4j import GraphDatabase
from neo4j import exceptions as driver_errors

from cinegraph import plugins
from cinegraph.errors import InvalidInput, ServerInUse, StartFailed
from cinegraph.locks import taken
from cinegraph.secret_file import read_or_make
from cinegraph.settings import GraphSettings
from graph.client import Address
from graph.running import Running, free_port, read_running, refuse_used, write_running
from graph.users import Users

MAIN = "org.neo4j.server.CommunityEntryPoint"
ADMIN = "org.neo4j.cli.AdminTool"
OPENS = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang")
STOP_SECONDS = 60.0
LEAST_PASSWORD = 8
"""Characters of a password that Neo4j takes."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (parts fetched, parts in all)."""


class LocalServer:
    """The local Neo4j of one home folder.

    What takes long looks at the event `ending`, and raises `StartFailed` soon after it is set.
    """

    def __init__(self, home: Path, cache: Path, settings: GraphSettings) -> None:
        self.folder = home / "graph"
        self._cache, self._settings = cache, settings
        self._users = Users(self.folder / "users")
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0

    # -- what others ask for -------------------------------------------------------------------------------------

    def attach(self, ending: threading.Event | None = None, progress: Progress | None = None) -> Address:
        """The address of the running server, starting it first where it does not run; held until `release`."""
        self._make_folders()
        ending = ending or threading.Event()
        try:
            with self._alone(ending):
                self._users.enter()
                running = self.running()
                if running:
                    self._wait(running, ending)
                else:
                    running = self._start(ending, progress)
                self._port = running.port
        except BaseException:
            self.release()
            raise
        return self.address(running)

    def release(self) -> None:
        """Let go; the last user stops the server, unless it was told to stay."""
        if not self._users.entered:
            return
        with self._alone():
            self._users.leave()
            self._port = 0
            running = self.running()
            if running and not running.stays and not self._users.others():
                self._stop(running)

    def stay(self) -> None:
        """Leave the running server to itself, also after its last user."""
        with self._alone():
            running = self.running()
            if running:
                self._remember(replace(running, stays=True))

    def revive(self, ending: threading.Event | None = None) -> Running | None:
        """Start the server again on the port it had, for those who are attached to it; None where nobody has to."""
        ending = ending or threading.Event()
        with self._alone(ending):
            return self._start(ending) if self.died() else None

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server; whether there was one. `ServerInUse` while somebody uses it.

        By `force` it is stopped all the same, and does not run again until somebody starts it.
        """
        self._make_folders()
        with self._alone():
            users = self.users()
            if users and not force:
                raise ServerInUse(_used_by(users))
            running = self.running()
            if running:
                self._stop(running)
            last = self._last()
            if last:
                self._remember(replace(last, stays=False, stopped=True))
        return running is not None

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep the server from starting, for work on its files; `InvalidInput` where it runs."""
        self._make_folders()
        with self._alone():
            if running := self.running():
                raise InvalidInput(
                    f"the local Neo4j runs (process {running.pid}), and this needs it stopped: cinegraph graph stop"
                )
            yield

    def run(self, ending: threading.Event) -> Running:
        """Run the server inside of `closed`, where nobody else can attach, until `end`."""
        return self._start(ending)

    def end(self, running: Running) -> None:
        """Stop what `run` started."""
        self._stop(running)

    def beside(self, home: Path) -> "LocalServer":
        """A server in another home with the same settings and password, whose data may take the place of ours."""
        other = LocalServer(home, self._cache, self._settings)
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

    def died(self) -> bool:
        """Whether the server ended without having been stopped."""
        last = self._last()
        return self.running() is None and not (last and last.stopped)

    def users(self) -> list[int]:
        """The processes that use the server beside this object."""
        return sorted(set(self._users.others()))

    def address(self, running: Running) -> Address:
        """Where that server is, and how to get in."""
        return Address(running.uri, "neo4j", self.password(), "neo4j")

    def password(self) -> str:
        """The generated password, in a file that only its owner can read."""
        known = (self.folder / "neo4j" / "data" / "databases" / "system").exists()
        path = self.folder / "password"
        return read_or_make(path, _new_password, LEAST_PASSWORD, may_renew=not known).decode().strip()

    def admin(self, *arguments: str, ending: threading.Event | None = None) -> "subprocess.CompletedProcess[str]":
        """`neo4j-admin` on the data of this home, which must not be served meanwhile; killed when `ending` is set."""
        self._make_folders()
        self._configure(self._settings.local_port or 7687)
        command = [*self._java(ending), ADMIN, *arguments]
        places = {"NEO4J_HOME": str(self.folder / "neo4j"), "NEO4J_CONF": str(self.folder / "neo4j" / "conf")}
        with subprocess.Popen(
            command, env=places, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        ) as process:
            while True:
                try:
                    printed, _ = process.communicate(timeout=0.2)
                    return subprocess.CompletedProcess(command, process.returncode, printed, "")
                except subprocess.TimeoutExpired:
                    if ending and ending.is_set():
                        process.kill()

    @property
    def log(self) -> Path:
        """What the server itself printed."""
        return self.folder / "neo4j" / "logs" / "console.log"

    # -- starting and stopping -----------------------------------------------------------------------------------

    def _start(self, ending: threading.Event, progress: Progress | None = None) -> Running:
        """A server that answers; one that does not is stopped again."""
        port = self._choose_port()
        command = [*self._java(ending, progress), MAIN, f"--home-dir={self.folder / 'neo4j'}"]
        command.append(f"--config-dir={self.folder / 'neo4j' / 'conf'}")
        self._configure(port)
        self.password()
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches us, and we stop the server in order.
            self._child = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
            )
        running = Running(self._child.pid, psutil.Process(self._child.pid).create_time(), port)
        self._remember(running)
        try:
            self._wait(running, ending)
        except BaseException:
            self._stop(running)
            raise
        return running

    def _choose_port(self) -> int:
        """Where it was, for those who are attached; else as the settings say."""
        last = self._last()
        kept = self._port or (last.port if last and self._users.others() else 0)
        port = kept or self._settings.local_port or free_port()
        refuse_used(
            port,
            "others are attached to it there: end what listens there, or end them"
            if kept
            else "set CINEGRAPH_GRAPH__LOCAL_PORT to another, or to 0 for a free one",
        )
        return port

    def _wait(self, running: Running, ending: threading.Event) -> None:
        """Return when the server answers a query; the first time, exchange its known password for ours."""
        end = time.monotonic() + self._settings.start_timeout
        while time.monotonic() < end:
            self._refuse_dead(running)
            if self._answers(running):
                return
            _refuse_ending(ending.wait(0.1))
        raise StartFailed(
            f"the local Neo4j (process {running.pid}, port {running.port}) did not answer within "
            f"{self._settings.start_timeout:g} s; its log is {self.log}. CINEGRAPH_GRAPH__START_TIMEOUT gives it longer"
        )

    def _answers(self, running: Running) -> bool:
        if not running.listens:
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

    def _java(self, ending: threading.Event | None, progress: Progress | None = None) -> Sequence[str]:
        def tell(done: int, total: int) -> None:
            _refuse_ending(ending is not None and ending.is_set())
            if progress:
                progress(done, total)

        jars = plugins.load("graph.jars")
        folder = jars.ensure_jars(self._cache, tell)
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
        return read_running(self.folder / "server.json")

    def _remember(self, running: Running) -> None:
        write_running(self.folder / "server.json", running)

    def _make_folders(self) -> None:
        for name in ("conf", "data", "logs"):
            (self.folder / "neo4j" / name).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _alone(self, ending: threading.Event | None = None) -> Iterator[None]:
        """One process at a time starts, stops, comes and goes."""
        with (self.folder / "start.lock").open("w") as file:
            while not taken(file.fileno()):
                _refuse_ending(ending is not None and ending.is_set())
                time.sleep(0.05)
            yield


def _new_password() -> bytes:
    return secrets.token_urlsafe(24).encode()


def _used_by(users: Sequence[int]) -> str:
    count = "1 process uses" if len(users) == 1 else f"{len(users)} processes use"
    them = "it" if len(users) == 1 else "them"
    return f"{count} the local Neo4j ({', '.join(map(str, users))}); end {them} first, or stop it with --force"


def _refuse_ending(ending: bool) -> None:
    if ending:
        raise StartFailed("the local Neo4j was not waited for any longer, since this process ends")
