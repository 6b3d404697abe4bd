"""T21: who cannot be answered in time is told so at once, and costs nothing; the others are answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.context import Services
from api.gate import ADMITTED, FALLS, LEAST, MOST, USUAL, WINDOW, Gate
from api.protocols import Droppable
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.live import QUIET, Live, live
from tests.api.web import ALIEN, TITLE
from tests.published import serving_over

LIMIT = 20.0
SSE = {"accept": "text/event-stream"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A gate whose clock is ours."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.gate = Gate(100.0, clock=self.clock)

    def window(self, at_once: int, seconds: float) -> int:
        """So many requests at once, each answered after some time; how many were let in."""
        admitted = [self.gate.enter() for _ in range(at_once) if not self.gate.is_full]
        self.clock.now += seconds
        for one in admitted:
            self.gate.leave(one)
        self.clock.now += WINDOW
        return len(admitted)


def test_t21_the_most_falls_while_answers_take_too_long_and_never_below_the_least() -> None:
    door = Door()
    assert door.window(300, 0.3) == USUAL
    assert door.window(300, 0.3) == int(USUAL * FALLS)
    for _ in range(30):
        door.window(300, 0.3)
    assert door.gate.most == LEAST
    assert door.window(300, 0.3) == LEAST


def test_t21_the_most_rises_while_it_holds_back_what_would_be_answered_in_time() -> None:
    door = Door()
    for _ in range(40):
        door.window(300, 0.3)
    steps = 0
    while door.window(300, 0.01) < 300:
        steps += 1
    assert steps < 60
    for _ in range(30):
        door.window(5_000, 0.01)
    assert door.gate.most == MOST


def test_t21_a_few_slow_ones_close_no_door() -> None:
    door = Door()
    for _ in range(50):
        assert door.window(3, 2.0) == 3
    assert door.gate.most == USUAL
    assert door.window(100, 0.01) == 100


def test_without_a_wanted_time_everybody_is_let_in() -> None:
    gate = Gate(0.0)
    for _ in range(5_000):
        assert not gate.is_full
        gate.enter()


@pytest.fixture
async def services(graph: GraphClient, tmp_path: Path) -> Services:
    return api_over(graph, await serving_over(graph, tmp_path)).services


@pytest.fixture
async def full(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Live, list[Any], asyncio.Event]]:
    """A server whose gate is full: two requests are inside, and wait for the event."""
    open_, real = asyncio.Event(), type(services.planner).run
    inside = 0

    def held(*given: Any, **more: Any) -> Any:
        async def run() -> Any:
            nonlocal inside
            inside += 1
            await open_.wait()
            return await real(*given, **more)

        return run()

    async with live(services, overload_ms=100) as served:
        served.app.state.gate.most = 2
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(services.planner), "run", held)
            async with httpx.AsyncClient(timeout=LIMIT) as http:
                waiting = [asyncio.ensure_future(http.post(served.http, json={"query": TITLE})) for _ in range(2)]
                while inside < 2:
                    await asyncio.sleep(0.01)
                yield served, waiting, open_
                open_.set()
                await asyncio.gather(*waiting, return_exceptions=True)


def check_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    (error,) = response.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("OVERLOADED", 1)
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] == "private, no-store"


async def test_t21_one_too_many_is_told_when_to_come_again(full: tuple[Live, list[Any], asyncio.Event]) -> None:
    served, waiting, open_ = full
    gate = served.app.state.gate
    base = served.http.removesuffix("/graphql")
    async with httpx.AsyncClient(timeout=LIMIT, limits=httpx.Limits(max_connections=1)) as http:
        for _ in range(3):  # on one connection
            check_refused(await http.post(served.http, json={"query": TITLE}))
        named = await http.get(served.http, params={"query": TITLE}, headers={"x-request-id": "from-the-proxy"})
        check_refused(named)
        assert named.headers["x-request-id"] == "from-the-proxy"
        check_refused(await http.post(served.http, json={"query": TITLE}, headers=SSE))
        check_refused(await http.post(served.http, content=b" " * 300_000))
        assert (await http.get(f"{base}/health/live")).status_code == 200
        figures = (await http.get(f"{base}/metrics")).text
        assert 'cinegraph_requests_refused_total{code="OVERLOADED"} 6.0' in figures
        assert "cinegraph_requests_most 2.0" in figures
        assert gate.inside == 2
        open_.set()
        for one in waiting:
            assert (await one).json() == {"data": ALIEN}
        assert (await http.post(served.http, json={"query": TITLE})).json() == {"data": ALIEN}
    assert gate.inside == 0


async def test_requests_in_a_row_on_one_connection_are_answered_in_order(
    full: tuple[Live, list[Any], asyncio.Event],
) -> None:
    served, _, open_ = full
    body = json.dumps({"query": TITLE}).encode()
    head = b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    async with asyncio.timeout(LIMIT):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write((head + b"\r\n" + body) * 2)
        for _ in range(2):
            assert (await reader.readline()).startswith(b"HTTP/1.1 503")
            answer = await reader.readuntil(b"}]}")
            assert b"OVERLOADED" in answer
        open_.set()
        while served.app.state.gate.inside:
            await asyncio.sleep(0.01)
        writer.write(head + b"connection: close\r\n\r\n" + body)
        assert (await reader.read()).endswith(b'{"data":{"movie":{"title":"Alien"}}}')
        writer.close()


BODY = json.dumps({"query": TITLE})
REST = f"host: a\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n"
ALIVE = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n"
AROUND = {
    "behind a sign of life": f"{ALIVE}POST /graphql HTTP/1.1\r\n{REST}\r\n{BODY}",
    "as letters by number": f"{ALIVE}POST /%67raphql HTTP/1.1\r\n{REST}\r\n{BODY}",
    "with the host in the line": f"{ALIVE}POST http://a/graphql HTTP/1.1\r\n{REST}\r\n{BODY}",
    "with an upgrade": f"{ALIVE}POST /graphql HTTP/1.1\r\nconnection: upgrade\r\nupgrade: x\r\n{REST}\r\n{BODY}",
}


@asynccontextmanager
async def told(served: Live, sent: str) -> AsyncIterator[asyncio.StreamReader]:
    """What comes back for what is sent at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(sent.encode())
    try:
        async with asyncio.timeout(LIMIT):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b'{"status":"live"}')
            yield reader
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("way", AROUND)
async def test_t21_there_is_no_way_around_the_gate(full: tuple[Live, list[Any], asyncio.Event], way: str) -> None:
    served, _, open_ = full
    gate = served.app.state.gate
    async with told(served, AROUND[way]) as reader:
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"retry-after: 1\r\n" in head
        assert b"cache-control: private, no-store\r\n" in head
        (error,) = json.loads(await reader.readuntil(b"}]}"))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("OVERLOADED", 1)
    assert gate.inside == 2
    open_.set()
    async with asyncio.timeout(LIMIT):
        while gate.inside:
            await asyncio.sleep(0.01)


async def test_t21_the_mutant_that_does_not_look_at_what_begins_later_lets_it_in(
    full: tuple[Live, list[Any], asyncio.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, _, _ = full
    monkeypatch.delattr(Droppable, "_start_asgi_task")
    async with told(served, AROUND["behind a sign of life"]) as reader:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(QUIET):
                await reader.readline()


@pytest.mark.parametrize("lost", [False, True])
async def test_t21_what_waits_behind_another_is_counted_once_it_begins(
    full: tuple[Live, list[Any], asyncio.Event], lost: bool
) -> None:
    """Nor does it stay counted where its connection is lost before."""
    served, _, open_ = full
    gate = served.app.state.gate
    gate.most = 4
    one = f"POST /graphql HTTP/1.1\r\n{REST}\r\n{BODY}"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write((one * 3).encode())
    async with asyncio.timeout(LIMIT):
        while gate.inside < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(QUIET)
        assert gate.inside == 3, "two of the three wait, and are not begun"
        if lost:
            writer.transport.abort()
            await asyncio.sleep(0)
        open_.set()
        for _ in range(0 if lost else 3):
            await reader.readuntil(b'{"data":{"movie":{"title":"Alien"}}}')
        while gate.inside:
            await asyncio.sleep(0.01)
    writer.close()


async def test_whoever_gives_up_makes_place(services: Services) -> None:
    async with live(services, overload_ms=100) as served:
        gate = served.app.state.gate
        async with httpx.AsyncClient(timeout=LIMIT) as http:
            subscription = "subscription { recommendationsChanged(first: 1) { modelVersion } }"
            async with http.stream("POST", served.http, json={"query": subscription}, headers=SSE) as stream:
                assert stream.status_code == 200
                assert gate.inside == 0, "a stream has left with its first byte"
            assert (await http.request("PUT", served.http)).status_code == 405
            assert (await http.post(served.http, content=b"{")).status_code == 415
        assert gate.inside == 0


@asynccontextmanager
async def unfinished(served: Live) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]]:
    """A request whose head has come, and the body that is still to come."""
    body = json.dumps({"query": TITLE}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n")
    writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body[:1])
    async with asyncio.timeout(LIMIT):
        while not any(one.cycle for one in served.server.server_state.connections):
            await asyncio.sleep(0.01)
        yield reader, writer, body[1:]
    writer.transport.abort()


async def test_t22_who_sends_a_body_slowly_takes_nobodys_place(services: Services) -> None:
    async with live(services, overload_ms=100) as served, httpx.AsyncClient() as http:
        gate = served.app.state.gate
        gate.most = 1
        async with unfinished(served) as (reader, writer, rest):
            assert gate.inside == 0
            assert (await http.post(served.http, json={"query": TITLE})).json() == {"data": ALIEN}
            writer.write(rest)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            assert gate.inside == 0


async def test_t22_the_mutant_that_counts_who_is_not_there_yet_turns_others_away(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = HttpToolsProtocol._start_asgi_task

    def at_once(self: Droppable, cycle: Any, app: Any) -> None:
        cycle.scope["state"][ADMITTED] = self._gate.enter()
        begin(self, cycle, app)

    monkeypatch.setattr(Droppable, "_start_asgi_task", at_once)
    async with live(services, overload_ms=100) as served, httpx.AsyncClient() as http:
        served.app.state.gate.most = 1
        async with unfinished(served):
            assert (await http.post(served.http, json={"query": TITLE})).status_code == 503
