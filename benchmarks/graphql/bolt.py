"""Listens in on Bolt between a server and Neo4j: the statements that were really sent, of any peer, in any language.

A proxy on 127.0.0.1 that hands every byte on. Of the client's messages it reads RUN (statement and parameters), of
Neo4j's it counts RECORD. Formats: https://neo4j.com/docs/bolt/current (handshake, chunks, PackStream).
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from graph.client import Address

MANIFEST: Final = b"\x00\x00\x01\xff"
"""Neo4j's answer to a handshake when it lists its versions, and the client answers once more."""
RUN, RECORD = 0x10, 0x71
INTEGERS: Final = {0xC8: ">b", 0xC9: ">h", 0xCA: ">i", 0xCB: ">q"}
SIZES: Final = (">B", ">H", ">I")
"""Of a length, by how far its marker is from the first one of its kind."""
BYTES, TEXT, LIST, MAP = 0xCC, 0xD0, 0xD4, 0xD8
"""The first marker of each kind."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement."""

    text: str
    parameters: dict[str, Any]


@dataclass(slots=True)
class Heard:
    """What passed since it was made."""

    statements: list[Sent] = field(default_factory=list)
    records: int = 0
    received: int = 0
    """Bytes that Neo4j sent."""


class Tap:
    """What passes between the clients of `address` and Neo4j."""

    def __init__(self, graph: Address) -> None:
        self._graph = graph
        self.address = graph
        self.heard = Heard()

    def again(self) -> None:
        """Forget what was heard."""
        self.heard = Heard()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        where = urlsplit(self._graph.uri)
        ours, theirs = await asyncio.open_connection(where.hostname, where.port)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await _handshake(reader, writer, ours, theirs)
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pump(reader, theirs, self._from_client))
                    both.create_task(_pump(ours, writer, self._from_graph))
        finally:
            for one in (writer, theirs):
                one.close()

    def _from_client(self, message: bytes) -> None:
        if message[1] == RUN:
            _, text, parameters, _ = Unpacked(message).structure()
            self.heard.statements.append(Sent(text, parameters))

    def _from_graph(self, message: bytes) -> None:
        self.heard.received += len(message)
        self.heard.records += message[1] == RECORD


@asynccontextmanager
async def tapped(graph: Address) -> AsyncIterator[Tap]:
    """A tap before a graph; its `address` is where clients go."""
    tap = Tap(graph)
    async with await asyncio.start_server(tap.serve, "127.0.0.1") as server:
        tap.address = replace(graph, uri=f"bolt://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield tap


async def _handshake(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    ours: asyncio.StreamReader,
    theirs: asyncio.StreamWriter,
) -> None:
    """Each side's words are handed on as a whole: Neo4j's JavaScript driver takes them in one piece only."""
    theirs.write(await reader.readexactly(20))
    answer = await ours.readexactly(4)
    if answer == MANIFEST:
        count, read = await _varint(ours)
        answer += read + await ours.readexactly(4 * count)
        answer += (await _varint(ours))[1]
    writer.write(answer)
    if answer.startswith(MANIFEST):
        chosen = await reader.readexactly(4)
        theirs.write(chosen + (await _varint(reader))[1])


async def _varint(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A number in groups of seven bits, the lowest first, and the bytes that it was read from."""
    value, read = 0, b""
    while not read or read[-1] >= 0x80:
        read += await reader.readexactly(1)
        value |= (read[-1] & 0x7F) << 7 * (len(read) - 1)
    return value, read


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heed: Callable[[bytes], None]) -> None:
    """Hand chunks on, and each message as a whole to `heed`; ends by an `IncompleteReadError` as the stream does."""
    message = bytearray()
    try:
        while True:
            head = await reader.readexactly(2)
            chunk = await reader.readexactly(int.from_bytes(head))
            writer.write(head + chunk)
            await writer.drain()
            message += chunk
            if not chunk and message:
                heed(bytes(message))
                message.clear()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


class Unpacked:
    """A reader of PackStream."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def structure(self) -> tuple[Any, ...]:
        """The tag of a structure, and its fields."""
        size, tag = self._take(1)[0] & 0x0F, self._take(1)[0]
        return (tag, *(self.value() for _ in range(size)))

    def value(self) -> Any:
        """The next value."""
        marker = self._data[self._at]
        if 0xB0 <= marker <= 0xBF:
            return self.structure()
        self._at += 1
        if marker < 0x80 or marker >= 0xF0:
            return marker if marker < 0x80 else marker - 0x100
        if marker < 0xB0:
            return self._sized((TEXT, LIST, MAP)[(marker >> 4) - 8], marker & 0x0F)
        if marker in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[marker]
        if marker == 0xC1:
            return self._number(">d")
        if marker in INTEGERS:
            return self._number(INTEGERS[marker])
        kind = marker & ~3
        if kind not in (BYTES, TEXT, LIST, MAP):
            raise ValueError(f"no value of PackStream begins with {marker:#x}")
        return self._sized(kind, self._number(SIZES[marker - kind]))

    def _sized(self, kind: int, size: int) -> Any:
        if kind == BYTES:
            return self._take(size)
        if kind == TEXT:
            return self._take(size).decode()
        if kind == LIST:
            return [self.value() for _ in range(size)]
        return {self.value(): self.value() for _ in range(size)}

    def _number(self, kind: str) -> Any:
        (number,) = struct.unpack(kind, self._take(struct.calcsize(kind)))
        return number

    def _take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        self._at += size
        return part
