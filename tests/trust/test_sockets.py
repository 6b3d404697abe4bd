"""T22: what raw sockets send that is no request, or takes its time: the right status, or a closed connection."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.context import Services
from tests.api.live import PATIENCE, Live, live
from tests.api.web import ALIEN, JSON, TITLE

SECONDS = 0.3
"""Within which a request has to come, in these tests."""
HEAD = "POST /graphql HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps({"query": TITLE})
WHOLE = f"{HEAD}Content-Type: {JSON}\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"


class Raw:
    """A connection of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, text: str) -> bool:
        """Whether the other side still takes what is said."""
        try:
            self.writer.write(text.encode("latin-1"))
            await self.writer.drain()
        except ConnectionError:
            return False
        return True

    async def status(self) -> int:
        """The status of the next answer, whose body is skipped; 0 where the connection is closed instead."""
        return (await self.answer())[0]

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body; 0 where the connection is closed instead."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:-1])}
                body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0, {}, b""
        return int(head[0].split()[1]), headers, body

    async def closed(self) -> None:
        """Wait for the end of the connection."""
        assert await self.status() == 0


@asynccontextmanager
async def connected(server: Live) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


STARTS = {
    "nothing": ("", 0),
    "half of a line": ("POST /gra", 408),
    "half of the headers": (f"{HEAD}Content-Ty", 408),
    "no body": (f"{HEAD}Content-Type: {JSON}\r\nContent-Length: 100\r\n\r\n", 408),
    "half of a body": (f"{HEAD}Content-Type: {JSON}\r\nContent-Length: 100\r\n\r\n{{", 408),
    "a chunk without an end": (f"{HEAD}Content-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{", 408),
    "empty lines": ("\r\n\r\n", 408),
}


@pytest.mark.parametrize("start", STARTS)
async def test_t22_who_does_not_go_on_is_told_and_closed(services: Services, start: str) -> None:
    sent, status = STARTS[start]
    async with live(services, request_seconds=SECONDS) as server, connected(server) as raw:
        await raw.say(sent)
        assert await raw.status() == status
        await raw.closed()


@pytest.mark.parametrize("part", ["headers", "body"])
async def test_t22_a_byte_now_and_then_is_no_way_to_stay(services: Services, part: str) -> None:
    start = HEAD if part == "headers" else f"{HEAD}Content-Type: {JSON}\r\nContent-Length: 100000\r\n\r\n"
    async with live(services, request_seconds=SECONDS) as server, connected(server) as raw:
        await raw.say(start)

        async def trickle() -> None:
            while await raw.say("X: y\r\n"):
                await asyncio.sleep(SECONDS / 10)

        slowly = asyncio.create_task(trickle())
        assert await raw.status() == 408
        async with asyncio.timeout(PATIENCE):
            await slowly


async def test_t22_the_mutant_of_uvicorns_own_connections_waits_for_ever(services: Services) -> None:
    async with live(services, classes={"http": HttpToolsProtocol}) as server, connected(server) as raw:
        await raw.say(HEAD + "X: y\r\n" * 10_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * SECONDS):
                await raw.status()


async def test_t22_a_second_request_has_its_own_time(services: Services) -> None:
    async with live(services, request_seconds=SECONDS) as server, connected(server) as raw:
        await raw.say(WHOLE)
        assert await raw.status() == 200
        await asyncio.sleep(2 * SECONDS)
        await raw.say(WHOLE[:-5])
        await asyncio.sleep(SECONDS / 3)
        await raw.say(WHOLE[-5:])
        assert await raw.status() == 200
        await raw.say(WHOLE[:-5])
        assert await raw.status() == 408


async def test_t22_an_open_stream_is_not_a_slow_request(services: Services) -> None:
    async with live(services, request_seconds=SECONDS) as server, server.client() as client:
        await asyncio.sleep(3 * SECONDS)
        await client.subscribe(TITLE)
        assert await client.data() == ALIEN


LARGE = {
    "100,000 headers": (HEAD + "X: y\r\n" * 100_000 + "\r\n", 431),
    "101 headers": (HEAD + "X: y\r\n" * 100 + "\r\n", 431),
    "a header of a megabyte": (f"{HEAD}X: {'y' * 1_000_000}\r\n\r\n", 431),
    "a header without an end": (f"{HEAD}X: {'y' * 33_000}", 431),
    "a name without an end": (f"{HEAD}{'y' * 33_000}", 431),
    "a long line": (f"GET /graphql?query={'y' * 33_000} HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "no HTTP": ("\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    "two lengths": (f"{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
    "a length and chunks": (f"{HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
}


@pytest.mark.parametrize("what", LARGE)
async def test_t22_what_is_too_large_or_no_request_is_refused(services: Services, what: str) -> None:
    sent, status = LARGE[what]
    async with live(services) as server:
        async with connected(server) as raw:
            taken = await raw.say(sent)
            # Where bytes are left unread, the system resets the connection, and the answer may be lost with it.
            assert await raw.status() in ({status} if len(sent) < 65_536 else {status, 0})
            await raw.closed()
            assert taken or len(sent) > 65_536
        async with connected(server) as raw:
            await raw.say(WHOLE)
            assert await raw.status() == 200


REFUSED = {
    "half of a line": ("POST /gra", 408, "REQUEST_TIMEOUT"),
    "half of the headers": (f"{HEAD}X-Request-Id: from-the-proxy\r\nContent-Ty", 408, "REQUEST_TIMEOUT"),
    "101 headers": (*LARGE["101 headers"], "HEADERS_TOO_LARGE"),
    "a header without an end": (*LARGE["a header without an end"], "HEADERS_TOO_LARGE"),
    "a long line": (*LARGE["a long line"], "URI_TOO_LONG"),
    "no HTTP": (*LARGE["no HTTP"], "BAD_REQUEST"),
    "another path": ("GET /nothing HTTP/1.1\r\nHost\r\n\r\n", 400, "BAD_REQUEST"),
}


def counted(server: Live, name: str) -> list[str]:
    """The series of a counter that began to count, with what they are at."""
    lines = server.app.state.metrics.shown("")[0].decode().splitlines()
    return [line.removeprefix(name) for line in lines if line.startswith(f"{name}{{")]


def check_refused(answer: tuple[int, dict[str, str], bytes], status: int, code: str) -> str:
    """The answer is a refusal in the form of all refusals; its request's id."""
    found, headers, body = answer
    (error,) = json.loads(body)["errors"]
    assert (found, error["extensions"]["code"]) == (status, code)
    assert (headers["content-type"], headers["connection"]) == (JSON, "close")
    assert headers["cache-control"] == "private, no-store"
    assert error["extensions"]["requestId"] == headers["x-request-id"]
    return headers["x-request-id"]


@pytest.mark.parametrize("what", REFUSED)
async def test_t22_what_is_refused_on_the_connection_says_why_and_is_counted(services: Services, what: str) -> None:
    sent, status, code = REFUSED[what]
    async with live(services, request_seconds=SECONDS) as server, connected(server) as raw:
        await raw.say(sent)
        assert re.fullmatch(r"[0-9a-f]{16}", check_refused(await raw.answer(), status, code))
        assert counted(server, "cinegraph_requests_refused_total") == [f'{{code="{code}"}} 1.0']
        assert counted(server, "cinegraph_requests_total") == []


@pytest.mark.parametrize("given", ["", "from-the-proxy"])
async def test_t22_a_body_that_does_not_come_is_refused_and_counted_once(services: Services, given: str) -> None:
    id_ = f"X-Request-Id: {given}\r\n" if given else ""
    async with live(services, request_seconds=SECONDS) as server, connected(server) as raw:
        await raw.say(f"{HEAD}{id_}Content-Type: {JSON}\r\nContent-Length: 100\r\n\r\n{{")
        found = check_refused(await raw.answer(), 408, "REQUEST_TIMEOUT")
        assert found == (given or found)
        await raw.closed()
        async with asyncio.timeout(PATIENCE):
            while not counted(server, "cinegraph_requests_refused_total"):
                await asyncio.sleep(0.01)
        assert counted(server, "cinegraph_requests_refused_total") == ['{code="REQUEST_TIMEOUT"} 1.0']
        (line,) = counted(server, "cinegraph_requests_total")
        assert line == '{code="REQUEST_TIMEOUT",kind="none",operation="other",status="408"} 1.0'


async def test_t22_the_id_that_a_client_is_told_is_that_of_the_log(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "cinegraph.requests"):
        async with live(services, request_seconds=SECONDS) as server, connected(server) as raw:
            await raw.say(f"{HEAD}Content-Type: {JSON}\r\nContent-Length: 100\r\n\r\n{{")
            told = check_refused(await raw.answer(), 408, "REQUEST_TIMEOUT")
            async with asyncio.timeout(PATIENCE):
                while not caplog.records:
                    await asyncio.sleep(0.01)
    assert told in caplog.messages[0]


async def test_t22_nothing_is_said_amid_another_answer(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes behind a request that is being answered is no reason to put words into its answer."""
    waiting = asyncio.Event()

    async def forever(*_: object, **__: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(type(services.planner), "run", forever)
    async with live(services, budget_ms=500) as server, connected(server) as raw:
        await raw.say(WHOLE)
        await waiting.wait()
        await raw.say("\x16\x03\x01")
        assert await raw.answer() == (0, {}, b"")
        assert counted(server, "cinegraph_requests_refused_total") == ['{code="BAD_REQUEST"} 1.0']


async def test_t22_a_hundred_headers_are_taken(services: Services) -> None:
    async with live(services) as server, connected(server) as raw:
        await raw.say(WHOLE.replace("\r\nContent-Type", "\r\nX: y" * 97 + "\r\nContent-Type"))
        assert await raw.status() == 200


@pytest.mark.parametrize("megabytes", [0.5, 10])
async def test_t22_a_large_body_is_answered_before_it_has_come(services: Services, megabytes: float) -> None:
    length = int(megabytes * 2**20)
    async with live(services) as server, connected(server) as raw:
        await raw.say(f"{HEAD}Content-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n{'x' * 110_000}")
        assert await raw.status() == 413
        await raw.say("x" * (length - 110_000))
        if megabytes > 1:
            await raw.closed()
        else:  # what is left of it was thrown away, and the connection serves on
            await raw.say(WHOLE)
            assert await raw.status() == 200


async def test_t22_slow_clients_hold_nobody_up(services: Services) -> None:
    async with live(services, request_seconds=1) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(500)]
        for _, writer in held:
            writer.write(HEAD.encode())
        for _ in range(20):
            async with connected(server) as raw:
                await raw.say(WHOLE)
                assert await raw.status() == 200
        said = [await Raw(reader, writer).status() for reader, writer in held]
        for _, writer in held:
            writer.close()
    assert said == [408] * 500
