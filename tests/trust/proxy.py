"""A TCP proxy that does to a connection what networks do: `async with Proxy(port) as proxy: proxy.toxic = LATENCY`.

What it is set to counts for connections that are open and for those to come, from the next bytes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Self

SIZE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Toxic:
    """What happens to bytes on their way. `delay`: seconds that they wait. `up`, `down`: whether they pass towards the
    server, and back. `rate`: bytes a second. `piece`: bytes that pass at once. `resets`: connections end with RST,
    `closes`: in order, and so do new ones at once. `most`: bytes that come back over a connection before it ends.
    `closing`: seconds that an end takes. `until`: once these went up, nothing comes back."""

    name: str
    delay: float = 0.0
    up: bool = True
    down: bool = True
    rate: float = 0.0
    piece: int = 0
    resets: bool = False
    closes: bool = False
    most: int = 0
    closing: float = 0.0
    until: bytes = b""


NONE: Final = Toxic("none")
LATENCY: Final = Toxic("latency", delay=2.0)
TIMEOUT: Final = Toxic("timeout", up=False, down=False)
RESET: Final = Toxic("reset", resets=True)
BANDWIDTH: Final = Toxic("bandwidth", rate=64.0)
SLICING: Final = Toxic("slicing", piece=7)
HALF_OPEN: Final = Toxic("half-open", down=False)
DOWN: Final = Toxic("down", closes=True)
DATA_LIMIT: Final = Toxic("data limit", most=10)
SLOW_CLOSE: Final = Toxic("slow close", closing=2.0)
COMMITTED: Final = Toxic("no answer to COMMIT", until=bytes.fromhex("0002b0120000"))
TOXICS: Final = (DOWN, LATENCY, TIMEOUT, RESET, BANDWIDTH, SLICING, HALF_OPEN, DATA_LIMIT, SLOW_CLOSE)
PASSING: Final = (SLICING, SLOW_CLOSE)
"""Those with which everything arrives, and soon."""


@dataclass
class Proxy:
    """Between whoever connects to `port`, and a server of this machine at `target`."""

    target: int
    port: int = 0
    toxic: Toxic = NONE
    connections: int = 0
    """How many were taken so far."""
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._cut()
        await self._server.wait_closed()

    def become(self, toxic: Toxic) -> None:
        """From now on; what ends connections does so to every one that is open."""
        self.toxic = toxic
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if toxic.resets:
            self._cut()
        if toxic.closes:
            for writer in self._writers:
                writer.close()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.toxic.resets:
            writer.transport.abort()
            return
        if self.toxic.closes:
            writer.close()
            return
        back, there = await asyncio.open_connection("127.0.0.1", self.target)
        both = {writer, there}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, there, lambda: self.toxic.up))
                group.create_task(self._pass(back, writer, lambda: self.toxic.down, limited=True))
        except* OSError:
            pass
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        passes: Callable[[], bool],
        *,
        limited: bool = False,
    ) -> None:
        passed = 0
        while data := await source.read(SIZE):
            toxic = self.toxic
            if toxic.until and toxic.until in data:
                self.become(HALF_OPEN)
            if limited and toxic.most:
                data = data[: toxic.most - passed]
                passed += len(data)
            if passes():  # what a silent network swallows is not sent later
                await self._send(data, sink)
            if limited and toxic.most and passed == toxic.most:
                sink.close()
                return
        await self._wait(self.toxic.closing)
        for one in (*self._writers,):
            if one is sink:
                one.transport.abort()

    async def _send(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        toxic = self.toxic
        await self._wait(toxic.delay)
        size = toxic.piece or (1 if toxic.rate else len(data))
        for start in range(0, len(data), size):
            part = data[start : start + size]
            sink.write(part)
            await sink.drain()
            await (self._wait(len(part) / toxic.rate) if toxic.rate else asyncio.sleep(0))

    async def _wait(self, seconds: float) -> None:
        """So long, or until the network is another."""
        if seconds:
            waiting: Awaitable[object] = self._changed.wait()
            try:
                await asyncio.wait_for(waiting, seconds)
            except TimeoutError:
                return
