"""What grows in a server that answers 100,000 requests of all kinds: T26.

    CINEGRAPH_HOME=FOLDER python -m benchmarks.soak [--requests 100000] [--warm 25000] [--at-once 8] [--minutes 60]

First as many requests as fill every cache to its limit (documents by their tokens, plans), then those that count:
known, new and remembered documents, ratings, recommendations with reasons, streams that are left, nonsense, and what is
too dear, by 40 users and visitors. The ratings of users `soak-0` to `soak-39` stay in the graph. Memory is the resident
set of the process that answers. Who asks, the server and Neo4j share the machine's cores.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import psutil

from api.auth import load_secret, make_token
from benchmarks.crowd import Came, Crowd
from benchmarks.graphql.measure import percentile
from benchmarks.graphql.peers import UNLIMITED
from benchmarks.pressing import keep, serving
from cinegraph.home import open_graph
from cinegraph.settings import load_settings
from graph.catalog import ReadStatement

MB: Final = 1024 * 1024
REST: Final = 3.0
"""Seconds after which nothing of the last requests is left: time to let go of connections."""
MOVIES: Final = ReadStatement(
    "soaked", "MATCH (m:Movie) WITH m ORDER BY m.popularity DESC, m.id LIMIT 2000 RETURN m.id AS id", frozenset()
)
PARTS: Final = 10
FREE: Final = {**UNLIMITED, "CINEGRAPH_API__USER_RATE": "0", "CINEGRAPH_GRAPH__SLOW_MS": "0"}
"""No limits of time and rate: all that is asked is done, on a machine with other things to do as well."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the process has."""

    memory: float
    """MiB."""
    seconds: float
    """Of CPU that it has used."""
    files: int
    threads: int

    @classmethod
    async def by(cls, process: psutil.Process) -> "Held":
        """Of a process that rests."""
        await asyncio.sleep(REST)
        used = process.cpu_times()
        return cls(process.memory_info().rss / MB, used.user + used.system, process.num_fds(), process.num_threads())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--requests", type=int, default=100_000)
    arguments.add_argument("--warm", type=int, default=25_000)
    arguments.add_argument("--at-once", type=int, default=8)
    arguments.add_argument("--minutes", type=float, default=60, help="no tenth of the requests begins after them")
    given = arguments.parse_args()
    keep("soak", asyncio.run(measured(given.requests, given.warm, given.at_once, given.minutes)))


async def measured(requests: int, warm: int, at_once: int, minutes: float) -> dict[str, Any]:
    settings, end = load_settings(), time.perf_counter() + minutes * 60
    secret = load_secret(settings.home)
    async with open_graph(settings) as client:
        movies = [row["id"] for row in await client.reader.read(MOVIES)]
    async with serving(**FREE) as (url, pid):
        process = psutil.Process(pid)
        crowd = Crowd(url, lambda user: make_token(secret, user, 1), movies, at_once)
        await crowd.press(warm, 0)
        before, began, parts = await Held.by(process), time.perf_counter(), list[Came]()
        along = [before.memory]
        for part in range(PARTS):
            if time.perf_counter() > end:
                break
            parts.append(await crowd.press(requests // PARTS, 1 + part))
            along.append(process.memory_info().rss / MB)
            print(
                f"{len(parts) * 10} %: {along[-1]:.1f} MiB, {parts[-1].failed} failed {parts[-1].failure}", flush=True
            )
        seconds, after = time.perf_counter() - began, await Held.by(process)
    requests = requests // PARTS * len(parts)
    return {
        "requests": requests,
        "at once": at_once,
        "parts of them": len(parts),
        "requests/s": requests / seconds,
        "CPU of the server, ms a request": (after.seconds - before.seconds) * 1000 / requests,
        "failed that should not": sum(one.failed for one in parts),
        "memory before, MiB": before.memory,
        "memory after, MiB": after.memory,
        "memory, growth in %": (after.memory / before.memory - 1) * 100,
        "memory at its most, MiB": max(along),
        "file descriptors, before": before.files,
        "file descriptors, after": after.files,
        "threads, before": before.threads,
        "threads, after": after.threads,
        "first part, ms (p99)": percentile(parts[0].took, 0.99),
        "last part, ms (p99)": percentile(parts[-1].took, 0.99),
    }


if __name__ == "__main__":
    main()
