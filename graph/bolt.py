"""Reads over Bolt, as lean as they can be: one packet there, one answer back, decoded by the driver's own decoder.

The official driver walks through states, locks and futures for each message: for the rows of twenty movies that is more
than half of what a request costs. What only reads needs none of it: RUN and PULL go out together, whatever arrives is
decoded as it arrives, and a connection that was interrupted is closed. Writes, routing (`neo4j://`) and encryption
(`bolt+s://`) stay with the driver. Errors are the driver's, so that `graph/client.py` knows them.

Source: https://neo4j.com/docs/bolt/current/ (handshake, messages, chunks; versions 5.1 to 5.4).
"""

import asyncio
from collections.abc import Mapping, Sequence
from struct import pack as packed
from typing import Any, Final, Self, TypeAlias, cast

from neo4j._codec.packstream._common import PackableBuffer, Structure, UnpackableBuffer
from neo4j._codec.packstream.v1 import Packer, Unpacker
from neo4j.exceptions import BrokenRecordError, Neo4jError, ServiceUnavailable

from cinegraph import __version__

Rows: TypeAlias = list[dict[str, Any]]

HANDSHAKE: Final = bytes.fromhex("6060B017 00030405 00000000 00000000 00000000".replace(" ", ""))
"""The magic number, and the versions that we speak: 5.4 and three before it."""
HELLO, GOODBYE, RESET, RUN, PULL, LOGON = b"\x01", b"\x02", b"\x0f", b"\x10", b"\x3f", b"\x6a"
SUCCESS, RECORD, IGNORED, FAILURE = 0x70, 0x71, 0x7E, 0x7F
MAX_CHUNK: Final = 65_535
ALL: Final = {"n": -1}
"""What PULL asks for: every row."""
CLOSED: Final = "the graph closed the connection"


def _refuse(found: Structure) -> Any:
    raise BrokenRecordError(f"a node, a time or another structure ({found.tag!r}) in what is read as plain values")


PLAIN: Final = {Structure: _refuse}
"""Our statements return plain values; anything else would come out as what it is not."""


def message(tag: bytes, *fields: Any) -> bytes:
    """A message in chunks, with the zero that ends it."""
    buffer = PackableBuffer()
    buffer.write(bytes([0xB0 | len(fields)]) + tag)
    packer = Packer(buffer)
    for one in fields:
        packer.pack(one)
    data = bytes(buffer.data)
    starts = range(0, len(data), MAX_CHUNK)
    chunks = (packed(">H", len(part)) + part for part in (data[i : i + MAX_CHUNK] for i in starts))
    return b"".join(chunks) + b"\x00\x00"


class Connection(asyncio.Protocol):
    """One connection, for one statement at a time; whoever reads has it alone. `open` makes one that is signed in.

    `closed` is true once it cannot be used any more; `used` is the loop's time of its last answer, in seconds.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._bytes = bytearray()
        self._parts = bytearray()
        self._answer: asyncio.Future[Rows] | None = None
        self._agreed: asyncio.Future[None] | None = None
        """Until the graph has said which version it speaks; there is none before somebody waits for that."""
        self._successes = 0
        self._columns: tuple[str, ...] = ()
        self._rows: Rows = []
        self._error: Exception | None = None
        self.closed = False
        self.used = 0.0

    @classmethod
    async def open(cls, host: str, port: int, user: str, password: str, agent: str) -> Self:
        """A connection that is signed in; raises the driver's errors, or `OSError` where nobody listens."""
        _, found = await asyncio.get_running_loop().create_connection(cls, host, port)
        try:
            await found._sign_in(user, password, agent)
        except BaseException:
            found.abort()
            raise
        return found

    async def _sign_in(self, user: str, password: str, agent: str) -> None:
        if self.closed or self._transport is None:
            raise ServiceUnavailable(CLOSED)
        self._agreed = self._loop.create_future()
        self._transport.write(HANDSHAKE)
        await self._agreed
        product = {"product": f"cinegraph/{__version__}"}
        hello = {"user_agent": agent, "bolt_agent": product, "notifications_minimum_severity": "OFF"}
        logon = {"scheme": "basic", "principal": user, "credentials": password}
        await self._send(message(HELLO, hello) + message(LOGON, logon), 2)

    async def read(self, text: str, parameters: Mapping[str, Any], extra: Mapping[str, Any]) -> Rows:
        """All rows of one statement; one that is interrupted closes the connection."""
        return await self._send(message(RUN, text, parameters, extra) + message(PULL, ALL), 2)

    async def reset(self) -> None:
        """Ask for a sign of life."""
        await self._send(message(RESET), 1)

    async def _send(self, data: bytes, successes: int) -> Rows:
        if self.closed or self._transport is None:
            raise ServiceUnavailable(CLOSED)
        self._successes, self._rows, self._columns, self._error = successes, [], (), None
        self._answer = self._loop.create_future()
        self._transport.write(data)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._answer = None
            self.used = self._loop.time()

    def close(self) -> None:
        """Say goodbye; does not wait."""
        if self._transport is not None and not self.closed:
            self._transport.write(message(GOODBYE))
            self._transport.close()
        self.closed = True

    def abort(self) -> None:
        """Close at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # -- what arrives ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The way out."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told: what the graph said before it hung up, as of a wrong password, else that it did."""
        lost = ServiceUnavailable(f"the connection to the graph was lost ({exc or 'closed by the graph'})")
        self._fail(self._error or lost)

    def data_received(self, data: bytes) -> None:
        """Take what is whole; the rest waits for more."""
        self._bytes += data
        try:
            if self._agreed is not None:
                self._agree()
            if self._agreed is None:
                self._take()
        except Exception as error:  # of whatever kind: the reader waits, and what follows cannot be read
            self._fail(error if isinstance(error, BrokenRecordError) else ServiceUnavailable(f"not Bolt: {error}"))
            self.abort()

    def _agree(self) -> None:
        if len(self._bytes) < 4:
            return
        version = bytes(self._bytes[:4])
        del self._bytes[:4]
        agreed, self._agreed = self._agreed, None
        assert agreed is not None
        if agreed.done():
            return
        if version[3] != 5 or version[2] < 1:
            agreed.set_exception(ServiceUnavailable(f"the graph speaks none of Bolt 5.1 to 5.4 ({version.hex()})"))
        else:
            agreed.set_result(None)

    def _take(self) -> None:
        data, place, end = self._bytes, 0, len(self._bytes)
        while place + 2 <= end:
            size = data[place] << 8 | data[place + 1]
            if place + 2 + size > end:
                break
            if size:
                self._parts += data[place + 2 : place + 2 + size]
            elif self._parts:  # a zero alone keeps the connection alive
                self._message()
                self._parts = bytearray()
            place += 2 + size
        del data[:place]

    def _message(self) -> None:
        tag, value = self._parts[1], self._value()
        if tag == RECORD:
            self._rows.append(dict(zip(self._columns, value, strict=True)))
        elif tag == SUCCESS:
            self._columns = tuple(value.get("fields", self._columns))
            self._successes -= 1
        elif tag == FAILURE:
            self._error = Neo4jError._hydrate_neo4j(**value)
            self._successes = 1
            if self._transport is not None:
                self._transport.write(message(RESET))
        if not self._successes:
            self._done()

    def _value(self) -> Any:
        if len(self._parts) == 2:  # IGNORED has no fields
            return None
        buffer = UnpackableBuffer.__new__(UnpackableBuffer)
        buffer.data, buffer.used, buffer.p = self._parts, len(self._parts), 2
        return Unpacker(buffer).unpack(PLAIN)

    def _done(self) -> None:
        if self._answer is not None and not self._answer.done():
            if self._error is not None:
                self._answer.set_exception(self._error)
            else:
                self._answer.set_result(self._rows)

    def _fail(self, error: Exception) -> None:
        self.closed = True
        for waiting in cast("Sequence[asyncio.Future[Any] | None]", (self._agreed, self._answer)):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
