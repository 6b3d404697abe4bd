"""`cinegraph` as a process of its own, with a home of its own: what signals and kills do is only seen there."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil

from cinegraph.settings import GraphSettings, load_settings
from graph.local import LocalServer
from graph.running import Running

ROOT = Path(__file__).parents[2]
SMALL = GraphSettings(local_heap_mb=384, local_pagecache_mb=32)
PATIENCE = 240.0
"""Seconds in which anything must have happened."""


def _heeding(terminal: int | None) -> None:
    """In the new process: a signal that this run was started to ignore (nohup, a job in the background) is heeded. It
    has a terminal, or none, whatever this run has."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


@dataclass
class Home:
    """One home folder, and the processes that a test started over it."""

    folder: Path
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    @property
    def server(self) -> LocalServer:
        return LocalServer(self.folder, load_settings(env_file=None).cache_dir, SMALL)

    def start(self, *arguments: str, terminal: int | None = None, **settings: str) -> "subprocess.Popen[str]":
        """Begin a command, at a terminal where one is given; what it prints goes to one pipe."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CINEGRAPH_")}
        environment |= {
            "CINEGRAPH_HOME": str(self.folder),
            "CINEGRAPH_CACHE": str(load_settings(env_file=None).cache_dir),
            "CINEGRAPH_GRAPH__LOCAL_HEAP_MB": "384",
            "CINEGRAPH_GRAPH__LOCAL_PAGECACHE_MB": "32",
            "CINEGRAPH_GRAPH__START_TIMEOUT": str(PATIENCE),
            "CINEGRAPH_API__BUDGET_MS": "0",
            "CINEGRAPH_API__OVERLOAD_MS": "0",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "cinegraph", *arguments],
            env=environment | settings,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=partial(_heeding, terminal),
            pass_fds=[] if terminal is None else [terminal],
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """A command to its end: exit code, and what it printed."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, printed

    def serve(self, *more: str, terminal: int | None = None, **settings: str) -> "Serving":
        """A server that answers; `more` are arguments of the command."""
        return self._served("serve", *more, terminal=terminal, **settings)

    def demo(self, **settings: str) -> "Serving":
        """A server over the sample catalogue, with a model."""
        return self._served("demo", **settings)

    def _served(self, *command: str, terminal: int | None = None, **settings: str) -> "Serving":
        process = self.start(*command, "--port", "0", terminal=terminal, **settings)
        assert process.stdout is not None
        printed = ""
        while "GraphQL: " not in printed:
            line = process.stdout.readline()
            assert line, f"it ended: {printed}"
            printed += line
        return Serving(process, printed.rpartition("GraphQL: ")[2].split()[0])

    def clean(self) -> None:
        """End everything that a test left running."""
        for process in self.started:
            process.kill()
            process.communicate()
        self.server.stop(force=True)


@dataclass(frozen=True)
class Serving:
    """A process of `cinegraph serve`, and its address."""

    process: "subprocess.Popen[str]"
    url: str

    def lives(self) -> bool:
        """Whether it says that it does."""
        try:
            return httpx.get(self.url.replace("/graphql", "/health/live"), timeout=20).is_success
        except httpx.TransportError:
            return False

    def answers(self) -> bool:
        """Whether the graph behind it does, in a time that is long enough for a machine with much to do."""
        try:
            body = httpx.post(self.url, json={"query": '{ movie(id: "1") { title } }'}, timeout=20).json()
        except httpx.TransportError:
            return False
        return body.get("data") == {"movie": None} and "errors" not in body

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; exit code, and what was printed since the address was."""
        self.process.send_signal(number)
        printed, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, printed


def until(true: Callable[[], bool]) -> None:
    """Wait until it is."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def kill(running: Running) -> None:
    """End a server without any order."""
    process = psutil.Process(running.pid)
    process.kill()
    process.wait(PATIENCE)
