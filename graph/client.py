"""The one way to Neo4j: the official async driver with its limits set, and our errors in place of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import neo4j
from neo4j import AsyncGraphDatabase, AsyncManagedTransaction
from neo4j import exceptions as driver_errors

from cinegraph.errors import (
    CinegraphError,
    GraphAuthFailed,
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

ERRORS: tuple[tuple[type[Exception], type[GraphError]], ...] = (
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
    return next((ours for foreign, ours in ERRORS if isinstance(error, foreign)), GraphError)(text)


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
    async def _open(self, mode: str) -> AsyncIterator[neo4j.AsyncSession]:
        self.statements += 1
        try:
            async with self._driver.session(
                database=self._database, default_access_mode=mode, bookmark_manager=self._bookmarks
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
            return tuple(result.keys()), [row.data() for row in await result.fetch(most)]

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
        """The plan of a statement (`EXPLAIN`), or the plan with its figures (`PROFILE`)."""
        async with self._open(neo4j.READ_ACCESS) as session:
            result = await session.run(neo4j.Query(f"{word} {text}", timeout=self._timeout), parameters)
            return await result.consume()


class GraphClient:
    """One connection pool to one graph: `async with GraphClient(address, settings) as graph`."""

    def __init__(self, address: Address, settings: GraphSettings) -> None:
        self.address = address
        self._driver = AsyncGraphDatabase.driver(
            address.uri,
            auth=(address.user, address.password),
            connection_acquisition_timeout=settings.acquisition_timeout + settings.connect_timeout,
            connection_timeout=settings.connect_timeout,
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
