"""Sends requests over kept connections, as fast as they are answered or at a constant rate, and times them.

    python -m benchmarks.graphql.load < SPECIFICATION

A process of its own, light, for the servers run on the same cores: it writes requests that were made before, and reads
answers with httptools. At a constant rate a request is due at its time whether or not those before it were answered;
its latency counts from then, so that a server that stalls is charged for all that it kept waiting (no coordinated
omission).
"""

import asyncio
import json
import re
import selectors
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httptools

FALSE: Final = re.compile(rb'"errors"|"degraded"')
"""What no answer has that counts: an error, or that memory stands in for the graph."""
PATIENCE = 30.0
"""Seconds after its end for which a run waits for what it has sent."""


@dataclass(frozen=True, slots=True)
class Specification:
    """What to send where; `rate` in requests a second, None: each connection sends when it was answered."""

    url: str
    bodies: Sequence[dict[str, Any]]
    seconds: float
    rate: float | None = None
    connections: int = 8


@dataclass(slots=True)
class Outcome:
    """What came back; times in milliseconds."""

    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """How long after its time each request was due, by the clock of this process: its own share in the latencies."""
    failed: int = 0
    """Requests that came to an error, to an answer without the graph, to another status than 200, or to a closed
    connection; they have no latency."""
    failure: str = ""
    """The last of them."""
    unanswered: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def request_of(url: str, body: dict[str, Any]) -> bytes:
    """A request as it goes over the wire."""
    parts, content = urlsplit(url), json.dumps(body).encode()
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
    return f"{head}Accept: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


class Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._due: float | None = None
        """When the request on its way was to be sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status, body, due = self._parser.get_status_code(), bytes(self._body), self._due
        assert due is not None
        self._body.clear()
        self._parser, self._due = httptools.HttpResponseParser(self), None
        self._load.answered(self, due, status, body)

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost(self, self._due is not None, error)


class Load:
    """One run."""

    def __init__(self, specification: Specification) -> None:
        self._specification = specification
        self._requests = [request_of(specification.url, body) for body in specification.bodies]
        self._sent = self._on_their_way = 0
        self._free: list[Connection] = []
        """The one that was used last is used next."""
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[float] = deque()
        self._ended = False
        self._over = asyncio.Event()
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        """Send, and wait for the answers."""
        given = self._specification
        for _ in range(given.connections):
            await self._open()
        started, used = time.perf_counter(), time.process_time()
        await (self._at_once() if given.rate is None else self._at_rate(given.rate))
        self._ended = True
        self._end_if_idle()
        try:
            await asyncio.wait_for(self._over.wait(), PATIENCE)
        except TimeoutError:
            self._outcome.unanswered = self._on_their_way + len(self._waiting)
        self._outcome.seconds = time.perf_counter() - started
        self._outcome.cpu_seconds = time.process_time() - used
        self._over.set()
        await asyncio.gather(*self._opening)
        for connection in self._connections:
            connection.close()
        return self._outcome

    async def _open(self) -> None:
        host, _, port = urlsplit(self._specification.url).netloc.partition(":")
        _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(self), host, int(port))
        self._connections.add(connection)
        self._next(connection)

    async def _at_once(self) -> None:
        """Each connection sends again as soon as it was answered."""
        while self._free:
            self._send(self._free.pop(), time.perf_counter())
        await asyncio.sleep(self._specification.seconds)

    async def _at_rate(self, rate: float) -> None:
        """Each request at its time; those for which no connection is free wait, and their latency runs."""
        started = time.perf_counter()
        for place in range(max(1, round(rate * self._specification.seconds))):
            due = started + place / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self._outcome.late.append((time.perf_counter() - due) * 1000)
            if self._free:
                self._send(self._free.pop(), due)
            else:
                self._waiting.append(due)

    def _send(self, connection: Connection, due: float) -> None:
        self._sent += 1
        self._on_their_way += 1
        connection.send(self._requests[self._sent % len(self._requests)], due)

    def answered(self, connection: Connection, due: float, status: int, body: bytes) -> None:
        """Note the time, and let the connection send what is next."""
        self._on_their_way -= 1
        if status == 200 and not FALSE.search(body):
            self._outcome.latencies.append((time.perf_counter() - due) * 1000)
        else:
            self._failed(f"{status}: {body[:300].decode(errors='replace')}")
        self._next(connection)

    def _next(self, connection: Connection) -> None:
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        elif self._specification.rate is None and self._sent and not self._ended:
            self._send(connection, time.perf_counter())
        else:
            self._free.append(connection)
            self._end_if_idle()

    def lost(self, connection: Connection, busy: bool, error: Exception | None) -> None:
        """A connection that the server closed: idle ones are now and then; what was on it is not answered."""
        self._connections.discard(connection)
        if self._over.is_set():
            return
        if busy:
            self._on_their_way -= 1
            self._failed(f"the server closed a connection: {error}")
        else:
            self._free.remove(connection)
        task = asyncio.ensure_future(self._open())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _failed(self, why: str) -> None:
        self._outcome.failed += 1
        self._outcome.failure = why

    def _end_if_idle(self) -> None:
        if self._ended and not self._on_their_way and not self._waiting:
            self._over.set()


def main() -> None:
    specification = Specification(**json.load(sys.stdin))
    # select() waits to the microsecond, where epoll rounds to whole milliseconds: requests are sent at their time.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        outcome = runner.run(Load(specification).run())
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    main()
