"""The one way to Neo4j: the official async driver with its limits set, and our errors in place of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import neo4j
from neo4j import AsyncGraphDatabase, AsyncManagedTransaction, graph
from neo4j import exceptions as driver_errors

from cinegraph.errors import (
    CinegraphError,
    GraphAuthFailed,
    GraphBusy,
    GraphConflict,
    GraphError,
    GraphFull,
    GraphStatementFailed,
    GraphTimeout,
    GraphUnavailable,
)
from cinegraph.settings import GraphSettings
from graph.catalog import ReadStatement, WriteStatement

Row: TypeAlias = dict[str, Any]

WRITE_TIMEOUT = 300.0
"""Seconds after which the graph ends a writing transaction; ingestion's largest batches take some seconds."""

LONG = 16
"""Length of a list that is shown whole as a property of a node; embeddings are longer."""

ERRORS: tuple[tuple[type[Exception], type[GraphError]], ...] = (
    (driver_errors.ConnectionAcquisitionTimeoutError, GraphBusy),
    (driver_errors.AuthError, GraphAuthFailed),
    (driver_errors.ConstraintError, GraphConflict),
    (driver_errors.ServiceUnavailable, GraphUnavailable),
    (driver_errors.SessionExpired, GraphUnavailable),
    (driver_errors.ReadServiceUnavailable, GraphUnavailable),
    (driver_errors.WriteServiceUnavailable, GraphUnavailable),
    (driver_errors.IncompleteCommit, GraphUnavailable),
    (driver_errors.DatabaseUnavailable, GraphUnavailable),
    (driver_errors.TransientError, GraphConflict),
    (driver_errors.ClientError, GraphStatementFailed),
    (driver_errors.DatabaseError, GraphStatementFailed),
    (driver_errors.Neo4jError, GraphStatementFailed),
    (driver_errors.DriverError, GraphUnavailable),
    (OSError, GraphUnavailable),
)
"""Foreign error → ours, the first that fits; `tests/graph/test_client.py` checks that none is left out."""

_BY_CODE = {
    "TransactionTimedOut": GraphTimeout,
    "TransactionTimedOutClientConfiguration": GraphTimeout,
    "TransactionMarkedAsFailed": GraphTimeout,
    "LockClientStopped": GraphTimeout,
    "WriteOnReadOnlyAccessDbException": GraphFull,
    "OutOfDiskSpace": GraphFull,
    "TransactionLogError": GraphFull,
}


_WORDS: dict[type[GraphError], str] = {
    GraphBusy: "every connection to the graph was in use for too long; try again, or raise CINEGRAPH_GRAPH__POOL_SIZE",
    GraphTimeout: "the graph ended the statement: it took longer than its time limit; ask for less, or give it longer",
}


def translate(error: Exception) -> CinegraphError:
    """Our error for one of the driver's; the message keeps the server's words, not the statement."""
    code = getattr(error, "code", None) or ""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    for part, ours in _BY_CODE.items():
        if code.endswith(part):
            return ours(_WORDS.get(ours, text))
    if "No space left" in text:
        return GraphFull("the disk of the graph is full: free some space, then try again; reads go on")
    ours = next((ours for foreign, ours in ERRORS if isinstance(error, foreign)), GraphError)
    return ours(_WORDS.get(ours, text))


FOREIGN = (driver_errors.Neo4jError, driver_errors.DriverError, OSError)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a graph is and who we are there."""

    uri: str
    user: str
    password: str
    database: str


class Reader:
    """Reads the graph; has no way to write."""

    def __init__(self, session: "SessionFactory") -> None:
        self._session = session

    async def read(self, statement: ReadStatement, /, **parameters: Any) -> list[Row]:
        """All rows of a statement; tried once more when the connection broke, since a read changes nothing."""
        statement.check(parameters)
        try:
            return await self._session.read(statement.text, parameters)
        except GraphUnavailable:
            return await self._session.read(statement.text, parameters)

    async def stream(self, statement: ReadStatement, /, **parameters: Any) -> AsyncIterator[Row]:
        """The rows one by one, for exports of any size; without a time limit."""
        statement.check(parameters)
        async for row in self._session.stream(statement.text, parameters):
            yield row


class Writer(Reader):
    """Reads and writes the graph."""

    async def write(self, statement: WriteStatement, /, **parameters: Any) -> list[Row]:
        """Run in one transaction, repeated for a while after deadlocks and broken connections; its rows."""
        statement.check(parameters)
        return await self._session.write(statement.text, parameters)

    async def command(self, statement: WriteStatement, /, **parameters: Any) -> list[Row]:
        """Run in its own implicit transaction: schema commands, and `CALL … IN TRANSACTIONS`."""
        statement.check(parameters)
        return await self._session.command(statement.text, parameters)

    @asynccontextmanager
    async def holding(self, statement: WriteStatement, /, **parameters: Any) -> AsyncIterator[None]:
        """Hold the locks of a statement, whose changes are taken back at the end; a kill lets go of them too."""
        statement.check(parameters)
        async with self._session.holding(statement.text, parameters):
            yield


class SessionFactory:
    """Opens sessions with the right mode and bookmarks, and counts the statements sent."""

    def __init__(self, driver: neo4j.AsyncDriver, database: str, query_timeout: float) -> None:
        self._driver, self._database, self._timeout = driver, database, query_timeout
        self._bookmarks = AsyncGraphDatabase.bookmark_manager()
        self.statements = 0

    @asynccontextmanager
    async def _open(self, mode: str, **more: Any) -> AsyncIterator[neo4j.AsyncSession]:
        self.statements += 1
        try:
            async with self._driver.session(
                database=self._database, default_access_mode=mode, bookmark_manager=self._bookmarks, **more
            ) as session:
                yield session
        except FOREIGN as error:
            raise translate(error) from error

    async def read(self, text: str, parameters: dict[str, Any]) -> list[Row]:
        """An auto-commit read: cheaper than a managed transaction, and a read can be repeated as it is.

        Our statements return plain values, never nodes: rows need none of `data()`, which walks through all of them.
        """
        async with self._open(neo4j.READ_ACCESS) as session:
            result = await session.run(neo4j.Query(text, timeout=self._timeout), parameters)
            return [dict(row) for row in await result.fetch(2**31 - 1)]

    async def read_some(
        self, text: str, parameters: dict[str, Any], timeout: float, most: int
    ) -> tuple[tuple[str, ...], list[Row]]:
        """The columns and the first rows of a read, within a time of its own."""
        async with self._open(neo4j.READ_ACCESS) as session:
            result = await session.run(neo4j.Query(text, timeout=timeout), parameters)
            rows = await result.fetch(most)
            return tuple(result.keys()), [_row(row) for row in rows]

    async def stream(self, text: str, parameters: dict[str, Any]) -> AsyncIterator[Row]:
        """Rows as they come."""
        async with self._open(neo4j.READ_ACCESS) as session:
            result = await session.run(neo4j.Query(text), parameters)
            async for row in result:
                yield dict(row)

    async def write(self, text: str, parameters: dict[str, Any]) -> list[Row]:
        """A managed transaction: the driver repeats it for `retry_time` after passing faults."""

        @neo4j.unit_of_work(timeout=WRITE_TIMEOUT)
        async def work(transaction: AsyncManagedTransaction) -> list[Row]:
            result = await transaction.run(text, parameters)
            return [dict(row) async for row in result]

        async with self._open(neo4j.WRITE_ACCESS) as session:
            return await session.execute_write(work)

    async def command(self, text: str, parameters: dict[str, Any]) -> list[Row]:
        """An implicit transaction, not repeated."""
        async with self._open(neo4j.WRITE_ACCESS) as session:
            result = await session.run(neo4j.Query(text), parameters)
            return [dict(row) async for row in result]

    @asynccontextmanager
    async def holding(self, text: str, parameters: dict[str, Any]) -> AsyncIterator[None]:
        """A transaction that stays open as long as the block."""
        async with self._open(neo4j.WRITE_ACCESS) as session, await session.begin_transaction() as transaction:
            await (await transaction.run(text, parameters)).consume()
            yield
            await transaction.rollback()

    async def explain(self, text: str, parameters: dict[str, Any], word: str = "EXPLAIN") -> neo4j.ResultSummary:
        """The plan of a statement (`EXPLAIN`), or the plan with its figures (`PROFILE`), and Neo4j's notes on it."""
        async with self._open(neo4j.READ_ACCESS, notifications_min_severity="WARNING") as session:
            result = await session.run(neo4j.Query(f"{word} {text}", timeout=self._timeout), parameters)
            return await result.consume()


def _row(record: neo4j.Record) -> Row:
    """A row for an analyst."""
    return {name: _plain(value) for name, value in zip(record.keys(), record, strict=True)}


def _plain(value: Any) -> Any:
    """A value with nodes, relationships and paths as dictionaries of all that they are."""
    match value:
        case graph.Node():
            return {"labels": sorted(value.labels), **_properties(value)}
        case graph.Relationship():
            start, end = (_name(node) for node in value.nodes)
            return {"type": value.type, "start": start, "end": end, **_properties(value)}
        case graph.Path():
            return {"nodes": _plain(list(value.nodes)), "relationships": _plain(list(value.relationships))}
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list():
            return [_plain(part) for part in value]
    return value


def _properties(entity: graph.Entity) -> dict[str, Any]:
    """All properties; of an embedding only the length, unless the statement asks for the property itself."""
    found = {str(key): entity[key] for key in entity}
    long = {key for key, value in found.items() if isinstance(value, list) and len(value) > LONG}
    return {key: f"[{len(value)} numbers]" if key in long else value for key, value in found.items()}


def _name(node: graph.Node | None) -> str:
    """A node at the end of a relationship: its key where the statement read it, else Neo4j's own id."""
    if node is None:
        return ""
    key = node.get("id")
    return f"{''.join(sorted(node.labels)[:1])}:{key}" if key is not None else node.element_id


class GraphClient:
    """One connection pool to one graph: `async with GraphClient(address, settings) as graph`."""

    def __init__(self, address: Address, settings: GraphSettings) -> None:
        self.address = address
        self._driver = AsyncGraphDatabase.driver(
            address.uri,
            auth=(address.user, address.password),
            connection_acquisition_timeout=settings.acquisition_timeout,
            connection_timeout=min(settings.connect_timeout, settings.acquisition_timeout),
            max_connection_pool_size=settings.pool_size,
            max_transaction_retry_time=settings.retry_time,
            liveness_check_timeout=30,
            notifications_min_severity="OFF",
            telemetry_disabled=True,
            user_agent="cinegraph",
        )
        self.session = SessionFactory(self._driver, address.database, settings.query_timeout)
        self.reader = Reader(self.session)
        self.writer = Writer(self.session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check(self) -> None:
        """Answer, or raise our error that says why not."""
        try:
            await self.session.read("RETURN 1", {})
        except GraphUnavailable as error:
            reason = str(error).splitlines()[0]
            raise GraphUnavailable(f"no graph answers at {self.address.uri} ({reason}); does it run there?") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._driver.close()
