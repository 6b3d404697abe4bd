"""A server of its own over the graph of CINEGRAPH_HOME, and requests to it at a rate, each with what came of it."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.graphql import data
from benchmarks.graphql.load import Connection, Load, Specification
from benchmarks.graphql.measure import percentile
from benchmarks.graphql.operations import OPERATIONS
from benchmarks.machine import machine
from benchmarks.tables.cells import RESULTS
from benchmarks.tables.serving import figures
from cinegraph.home import open_graph
from cinegraph.settings import load_settings

PEER: Final = "cinegraph"
SHARES: Final[Mapping[str, int]] = {"by-id": 4, "nested": 3, "sorted": 2, "recommendations": 1}
"""Of ten requests."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one request: seconds from the beginning of the run to when it was due, milliseconds from then."""

    due: float
    took: float
    status: int
    body: bytes
    asked: int
    """The place of its body among those that are sent in turn."""

    @property
    def good(self) -> bool:
        return self.status == 200 and b'"errors"' not in self.body


@dataclass(slots=True)
class Run:
    """All of one run."""

    seconds: float
    came: list[Came] = field(default_factory=list)

    def part(self, first: float = 0.0, last: float = float("inf")) -> "Run":
        """What was due within these seconds."""
        last = min(last, self.seconds)
        return Run(last - first, [one for one in self.came if first <= one.due < last])

    @property
    def good(self) -> list[Came]:
        return [one for one in self.came if one.good]

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.good) / self.seconds

    def took(self, share: float, *, good: bool = True) -> float:
        """A percentile of the milliseconds of good answers, or of the others."""
        found = [one.took for one in self.came if one.good == good]
        return percentile(found, share) if found else float("nan")


class Timed(Load):
    """Keeps all that comes."""

    def __init__(self, specification: Specification) -> None:
        super().__init__(specification)
        self._began = time.perf_counter()
        self._asked: dict[Connection, int] = {}
        self.run_ = Run(specification.seconds)

    def _send(self, connection: Connection, due: float) -> None:
        super()._send(connection, due)
        self._asked[connection] = self._sent % len(self._requests)

    def answered(self, connection: Connection, due: float, status: int, body: bytes) -> None:
        """Note all of it."""
        took = (time.perf_counter() - due) * 1000
        self.run_.came.append(Came(due - self._began, took, status, body, self._asked.pop(connection)))
        super().answered(connection, due, status, body)


async def press(url: str, bodies: Sequence[Any], seconds: float, rate: float | None, connections: int) -> Run:
    """Send for some seconds, at a rate or as fast as there are answers."""
    load = Timed(Specification(url, bodies, seconds, rate, connections))
    await load.run()
    return load.run_


@asynccontextmanager
async def serving(*arguments: str, **settings: str) -> AsyncIterator[tuple[str, int]]:
    """The address of `cinegraph serve`, and the id of its process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cinegraph", "serve", "--port", "0", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **settings},
    )
    assert process.stdout is not None
    try:
        while (line := (await process.stdout.readline()).decode()) and "GraphQL: " not in line:
            pass
        yield line.rpartition("GraphQL: ")[2].split()[0], process.pid
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def served(**settings: str) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """The address of `cinegraph serve`, and what it is asked, in turn."""
    async with open_graph(load_settings()) as client:
        bodies = mixed(await data.subjects(client.reader))
        given = {"CINEGRAPH_API__ANONYMOUS_RATE": "0", "CINEGRAPH_API__GRAPHIQL": "false", **settings}
        async with serving(**given) as (url, _):
            await press(url, bodies, 3.0, None, 8)
            yield url, bodies


def keep(name: str, found: Mapping[str, Any], table: Callable[[], str] | None = None) -> None:
    """Write the figures of a benchmark beside the machine that they are of, and print them, or a table of its own."""
    text = json.dumps({"machine": machine(), **found}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print((table or figures(name))())


def mixed(subjects: data.Subjects) -> list[dict[str, Any]]:
    """Bodies of ten kinds in turn, by their shares."""
    asked = {one.name: one.requests(PEER, subjects) for one in OPERATIONS if one.name in SHARES}
    kinds = [name for name, share in SHARES.items() for _ in range(share)]
    rounds = max(len(bodies) for bodies in asked.values())
    return [
        asked[name][(turn + place) % len(asked[name])] for turn in range(rounds) for place, name in enumerate(kinds)
    ]
