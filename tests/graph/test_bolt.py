"""Lean reads: the same rows and the same errors as the driver's, whatever the network does to the bytes."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neo4j.exceptions import Neo4jError

from cinegraph.errors import GraphAuthFailed, GraphError, GraphStatementFailed, GraphTimeout, GraphUnavailable
from graph.bolt import FAILURE, HANDSHAKE, LOGON, RECORD, SUCCESS, Connection, message
from graph.catalog import ReadStatement
from graph.client import Address, GraphClient, SessionFactory
from graph.pool import GRACE, is_direct
from tests.conftest import GRAPH_SETTINGS

ONE = ReadStatement("one", "RETURN 1 AS one", frozenset())
VALUES = {
    "nothing": None,
    "yes": True,
    "small": -17,
    "large": 2**53 + 1,
    "largest": 2**63 - 1,
    "half": 0.5,
    "text": "Amélie 天 🎬",
    "long": "x" * 200_000,
    "list": [1, [2, [3, None]], {"four": "five"}],
    "tuple": (1, 2),
    "bytes": b"\x00\xff",
}


def by_driver(client: GraphClient) -> SessionFactory:
    """The same graph by the driver alone."""
    return SessionFactory(client._driver, client.address.database, 60)


async def served(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> tuple[asyncio.Server, Address]:
    """A server of ours on a free port, and its address as that of a graph."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    return server, Address(f"bolt://127.0.0.1:{port}", "neo4j", "secret", "neo4j")


@asynccontextmanager
async def client_of(address: Address, **changed: Any) -> AsyncIterator[GraphClient]:
    async with GraphClient(address, GRAPH_SETTINGS.model_copy(update=changed)) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("RETURN $values AS values", {"values": VALUES}),
        ("UNWIND range(1, 5000) AS n RETURN n, toString(n) AS text, [n, n / 2.0] AS both", {}),
        ("MATCH (n:Nothing) RETURN n.id AS id", {}),
        ("RETURN 1 AS a, 2 AS b, 3 AS a1", {}),
        ("RETURN size($long) AS size", {"long": "y" * 300_000}),
    ],
)
async def test_rows_are_those_of_the_driver(migrated: GraphClient, text: str, parameters: dict[str, Any]) -> None:
    assert await migrated.session.read(text, parameters) == await by_driver(migrated).read(text, parameters)


@pytest.mark.parametrize(
    "text",
    ["RETURN", "RETURN 1 / 0 AS x", "RETURN $missing AS x", "CREATE (:Tag {id: 'x'})", "CALL no.such.procedure()"],
)
async def test_errors_are_those_of_the_driver_and_the_connection_goes_on(migrated: GraphClient, text: str) -> None:
    found = []
    for session in (migrated.session, by_driver(migrated)):
        with pytest.raises(GraphError) as caught:
            await session.read(text, {})
        found.append((type(caught.value), str(caught.value)))
    assert found[0] == found[1]
    assert await migrated.session.read(ONE.text, {}) == [{"one": 1}]


@pytest.mark.parametrize(
    "text", ["RETURN date() AS x", "MATCH (m:Meta) RETURN m AS x", "RETURN point({x: 1, y: 2}) AS x"]
)
async def test_what_is_no_plain_value_is_refused(graph: GraphClient, text: str) -> None:
    with pytest.raises(GraphError, match="plain values"):
        await graph.session.read(text, {})
    assert await graph.session.read(ONE.text, {}) == [{"one": 1}]


async def test_an_interrupted_read_leaves_no_rows_for_the_next(migrated: GraphClient) -> None:
    slow = "UNWIND range(1, 3000) AS a UNWIND range(1, 3000) AS b RETURN sum(a * b) AS sum"
    for _ in range(3):
        task = asyncio.create_task(migrated.session.read(slow, {}))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await migrated.session.read(ONE.text, {}) == [{"one": 1}]


async def test_a_connection_may_be_given_up_at_any_moment_of_its_opening() -> None:
    server, address = await served(silent)
    loop, said = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _, context: said.append(context["message"]))
    try:
        async with server, client_of(address) as client:
            for moments in range(20):
                task = asyncio.create_task(client.session.read(ONE.text, {}))
                for _ in range(moments):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        await asyncio.sleep(0.05)
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert said == []


async def test_a_wrong_password_is_said(local_address: Address) -> None:
    wrong = Address(local_address.uri, local_address.user, "wrong", local_address.database)
    async with client_of(wrong) as client:
        with pytest.raises(GraphAuthFailed):
            await client.session.read(ONE.text, {})


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A graph that says nothing."""
    with suppress(ConnectionError):
        await reader.read()
    writer.close()


async def test_a_graph_that_says_nothing_is_given_up() -> None:
    server, address = await served(silent)
    async with server, client_of(address, connect_timeout=0.1) as client:
        with pytest.raises(GraphUnavailable, match=r"within 0\.1 s"):
            await client.session.read(ONE.text, {})


async def test_a_statement_that_is_never_answered_ends_after_its_time() -> None:
    server, address = await served(signing_in)
    async with server, client_of(address, query_timeout=0.1) as client:
        with pytest.raises(GraphTimeout):
            await client.session.read(ONE.text, {})
        assert GRACE == 1.0


async def signing_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A graph that lets everybody in and answers nothing."""
    assert await reader.readexactly(20) == HANDSHAKE
    writer.write(bytes([0, 0, 4, 5]))
    await reader.readuntil(LOGON)
    writer.write(message(bytes([SUCCESS]), {}) * 2)
    await reader.read()
    writer.close()


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x00", b"\x00\x00\x04\x04", b""])
async def test_what_speaks_no_bolt_is_unavailable(says: bytes) -> None:
    async def other(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.close()

    server, address = await served(other)
    async with server, client_of(address) as client:
        with pytest.raises(GraphUnavailable):
            await client.session.read(ONE.text, {})


async def test_kept_connections_that_died_are_replaced(migrated: GraphClient) -> None:
    assert migrated._lean is not None
    await migrated.reader.read(ONE)
    kept = list(migrated._lean._idle)
    assert kept
    for one in kept:
        assert one._transport is not None
        one._transport.abort()
        one.used = -1_000.0
    assert await migrated.reader.read(ONE) == [{"one": 1}]
    assert not set(kept) & set(migrated._lean._idle)


async def test_a_connection_that_rested_is_asked_and_used_again(migrated: GraphClient) -> None:
    assert migrated._lean is not None
    await migrated.reader.read(ONE)
    newest = migrated._lean._idle[-1]
    newest.used = -1_000.0
    assert await migrated.reader.read(ONE) == [{"one": 1}]
    assert migrated._lean._idle[-1] is newest
    assert newest.used > 0


def test_routing_and_encryption_stay_with_the_driver() -> None:
    schemes = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s")
    assert [is_direct(f"{scheme}://graph:7687") for scheme in schemes] == [True, False, False, False, False]


class Wire(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.aborted = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


ANSWER = (
    message(bytes([SUCCESS]), {"fields": ["n", "text"]})
    + message(bytes([RECORD]), [1, "one"])
    + b"\x00\x00"
    + message(bytes([RECORD]), [2, "x" * 70_000])
    + message(bytes([SUCCESS]), {})
)
FAILED = message(bytes([FAILURE]), {"code": "Neo.ClientError.Statement.SyntaxError", "message": "no"})


async def answered(data: bytes, cuts: list[int]) -> list[dict[str, Any]]:
    """The rows of an answer whose bytes arrive in pieces that end at these places."""
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    reading = asyncio.create_task(connection.read("RETURN 1", {}, {}))
    await asyncio.sleep(0)
    ends = [*sorted(cuts), len(data)]
    for start, end in zip([0, *ends], ends, strict=False):
        connection.data_received(data[start:end])
    return await reading


@given(st.lists(st.integers(0, len(ANSWER)), max_size=30))
@settings(max_examples=100, deadline=None)
def test_bytes_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    rows = asyncio.run(answered(ANSWER, cuts))
    assert rows == [{"n": 1, "text": "one"}, {"n": 2, "text": "x" * 70_000}]


@given(st.lists(st.integers(0, len(FAILED) + 13), max_size=10))
@settings(max_examples=50, deadline=None)
def test_a_failure_in_any_pieces_is_the_drivers_error(cuts: list[int]) -> None:
    data = FAILED + b"\x00\x02\xb0\x7e\x00\x00" + message(bytes([SUCCESS]), {})
    with pytest.raises(Neo4jError, match="no"):
        asyncio.run(answered(data, [min(cut, len(data)) for cut in cuts]))


@pytest.mark.parametrize(
    "data", [b"\x00\x03\xb1\x71\xff\x00\x00", b"\x00\x01\xb1\x00\x00", b"\x00\x04\xb1\x71\x91\xd5\x00\x00"]
)
def test_bytes_that_are_no_message_end_the_connection(data: bytes) -> None:
    with pytest.raises(Exception, match="not Bolt|strict|argument"):
        asyncio.run(answered(data, []))


async def test_a_statement_fails_as_ours(migrated: GraphClient) -> None:
    with pytest.raises(GraphStatementFailed):
        await migrated.reader.read(ReadStatement("bad", "RETURN 1 / 0 AS x", frozenset()))


async def test_a_lost_connection_is_told_to_who_waits() -> None:
    connection = Connection()
    connection.connection_made(Wire())
    reading = asyncio.create_task(connection.read("RETURN 1", {}, {}))
    await asyncio.sleep(0)
    connection.connection_lost(cast(Exception, None))
    with pytest.raises(Exception, match="was lost"):
        await reading
    assert connection.closed
