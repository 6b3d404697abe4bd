"""T26: whatever comes, and however often, what is kept in memory stays bounded, and nothing is left open.

`python -m benchmarks.soak` sends the same crowd to a server of its own for a long time, and says how its memory grows.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from api import budget, documents, operations
from api.auth import make_token
from api.compiler import planner
from api.context import Services
from api.http import Endpoint
from benchmarks.crowd import Crowd
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.live import PATIENCE, Live, live
from tests.api.web import SECRET
from tests.published import MOVIES, serving_over

REQUESTS, AT_ONCE, HISTORIES, SEED = 1_000, 10, 10, 26
SETTLED = 2.0
"""Seconds in which something that ends has ended."""
CAPS = {
    "plans": (planner, "KEPT", 50),
    "tokens": (operations, "KEPT_TOKENS", 2_000),
    "characters": (documents, "KEPT_CHARACTERS", 2_000),
    "callers": (budget, "CALLERS", 20),
}


class Held(NamedTuple):
    """What a server that rests holds on to."""

    plans: int
    tokens: int
    characters: int
    callers: int
    histories: int
    listeners: int
    streams: int
    inside: int
    tasks: int
    """Those that began with the requests and do not end."""
    files: int
    """Without the connections to the graph, of which there are as many as were ever needed at once."""
    series: frozenset[str]
    """The names and labels of all figures."""


@dataclass
class Soaked:
    """A server with small caches, and who asks it."""

    served: Live
    services: Services
    crowd: Crowd
    began_with: set[asyncio.Task[Any]]

    async def press(self, requests: int, seed: int) -> Held:
        """What is held after so many requests."""
        came = await self.crowd.press(requests, seed)
        assert came.failed == 0, came.failure
        assert {status for _, status in came.statuses} == {200}
        await self._rests()
        return await self._held()

    async def _rests(self) -> None:
        """Wait until the server has seen that everybody is gone."""
        await self.served.closed_all()
        state = self.served.server.server_state
        async with asyncio.timeout(PATIENCE):
            while state.connections or state.tasks:
                await asyncio.sleep(0.01)

    async def _held(self) -> Held:
        async with httpx.AsyncClient() as http:
            figures = (await http.get(self.served.http.replace("/graphql", "/metrics"))).text
        await self._rests()
        app = self.served.app
        endpoint: Endpoint = app.state.endpoint
        return Held(
            plans=len(self.services.planner._kept),
            tokens=endpoint.operations._tokens,
            characters=endpoint._documents._characters,
            callers=len(endpoint._budget._buckets),
            histories=len(self.services.serving.histories._histories),
            listeners=len(self.services.bus.heard),
            streams=self.served.open,
            inside=app.state.gate.inside,
            tasks=await self._left(),
            files=len(os.listdir("/proc/self/fd")) - self._to_the_graph(),
            series=frozenset(line.rpartition(" ")[0] for line in figures.splitlines() if not line.startswith("#")),
        )

    async def _left(self) -> int:
        """Tasks that are still there when none has ended for a while: what computes for nobody may take its time."""
        left, found = -1, len(asyncio.all_tasks() - self.began_with)
        while found not in (0, left):
            await asyncio.sleep(SETTLED)
            left, found = found, len(asyncio.all_tasks() - self.began_with)
        return found

    def _to_the_graph(self) -> int:
        port = int(self.services.graph._session._lean._where[1])  # type: ignore[union-attr]
        return sum(bool(one.raddr) and one.raddr.port == port for one in psutil.Process().net_connections("tcp"))


@asynccontextmanager
async def soaked(graph: GraphClient, folder: Path) -> AsyncIterator[Soaked]:
    serving = await serving_over(graph, folder)
    serving.histories._kept = HISTORIES
    services = replace(api_over(graph, serving).services)
    async with live(services, anonymous_rate=10**6, user_rate=10**6) as served:
        crowd = Crowd(served.http, lambda user: make_token(SECRET, user, 1), MOVIES.tolist(), AT_ONCE)
        yield Soaked(served, services, crowd, asyncio.all_tasks())


def grown(before: Held, after: Held) -> set[str]:
    """What is past its limit, or more than it was before as many requests again."""
    limits: dict[str, int] = {name: most for name, (_, _, most) in CAPS.items()} | {"histories": HISTORIES}
    limits |= {"listeners": 0, "streams": 0, "inside": 0, "tasks": 0}
    past = {name for name, most in limits.items() if getattr(after, name) > most}
    return past | {name for name in ("files", "series") if getattr(after, name) != getattr(before, name)}


async def test_t26_what_is_kept_is_bounded_and_nothing_stays_open(
    graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, name, most in CAPS.values():
        monkeypatch.setattr(where, name, most)
    async with soaked(graph, tmp_path) as server:
        before = await server.press(REQUESTS, SEED)
        after = await server.press(REQUESTS, SEED + 1)
    assert grown(before, after) == set()
    full = (after.plans, after.callers)
    assert full == (50, 20), "the crowd is too small to come to the limits"
    assert after.histories >= HISTORIES // 2
    assert after.tokens > 1_800
    assert after.characters > 1_900


async def test_t26_the_mutants_that_keep_everything_are_seen(
    graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    checked = Endpoint.checked

    def keeping(self: Endpoint, operation: Any) -> Any:
        if "Q" in (operation.document.text or ""):
            kept.append((os.dup(0), asyncio.create_task(asyncio.sleep(3600))))
            self._services.serving.histories._kept = 10**9
        return checked(self, operation)

    monkeypatch.setattr(Endpoint, "checked", keeping)
    async with soaked(graph, tmp_path) as server:
        before = await server.press(REQUESTS // 3, SEED)
        after = await server.press(REQUESTS // 3, SEED + 1)
    for file, task in kept:
        os.close(file)
        task.cancel()
    await asyncio.gather(*(task for _, task in kept), return_exceptions=True)
    assert grown(before, after) == {*CAPS, "histories", "tasks", "files"}


def test_a_stream_a_listener_or_a_figure_more_would_be_seen() -> None:
    rests = Held(50, 2_000, 2_000, 20, HISTORIES, 0, 0, 0, 0, 30, frozenset({"a"}))
    assert grown(rests, rests) == set()
    more = rests._replace(listeners=1, streams=1, inside=1, tasks=1, series=frozenset({"a", "b"}))
    assert grown(rests, more) == {"listeners", "streams", "inside", "tasks", "series"}
