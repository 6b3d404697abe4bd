"""The one way to Neo4j: the official async driver with its limits set, lean reads beside it, errors that are ours."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import neo4j
from neo4j import AsyncGraphDatabase, AsyncManagedTransaction, graph
from neo4j import exceptions as driver_errors

from cinegraph.deadlines import deadline
from cinegraph.errors import (
    CinegraphError,
    GraphAuthFailed,
    GraphAway,
    GraphBusy,
    GraphConflict,
    GraphError,
    GraphFull,
    GraphStatementFailed,
    GraphTimeout,
    GraphUnavailable,
    OutcomeUnknown,
    TimeBudgetSpent,
)
from cinegraph.settings import GraphSettings
from cinegraph.telemetry import sending
from graph.breaker import Breaker
from graph.catalog import ReadStatement, WriteStatement, name_of
from graph.guard import SIGN, Guard
from graph.pool import LEAST, ReadingPool, is_direct
from graph.profiles import Profile, profile_of

Row: TypeAlias = dict[str, Any]

WRITE_TIMEOUT = 300.0
"""Seconds after which the graph ends a writing transaction; ingestion's largest batches take some seconds."""
FIRST_RETRY = 0.02
"""Seconds after which a write that met another is tried again, twice as many after each: users who rate one film at the
same moment now and then lock each other out, and the driver's own second is more than a request has."""
JITTER = 0.5

LONG = 16
"""Length of a list that is shown whole as a property of a node; embeddings are longer."""

ERRORS: tuple[tuple[type[Exception], type[GraphError]], ...] = (
    (driver_errors.ConnectionAcquisitionTimeoutError, GraphBusy),
    (driver_errors.AuthError, GraphAuthFailed),
    (driver_errors.ConstraintError, GraphConflict),
    (driver_errors.IncompleteCommit, OutcomeUnknown),
    (driver_errors.ServiceUnavailable, GraphUnavailable),
    (driver_errors.SessionExpired, GraphUnavailable),
    (driver_errors.ReadServiceUnavailable, GraphUnavailable),
    (driver_errors.WriteServiceUnavailable, GraphUnavailable),
    (driver_errors.DatabaseUnavailable, GraphUnavailable),
    (driver_errors.TransientError, GraphConflict),
    (driver_errors.ClientError, GraphStatementFailed),
    (driver_errors.DatabaseError, GraphStatementFailed),
    (driver_errors.Neo4jError, GraphStatementFailed),
    (driver_errors.BrokenRecordError, GraphStatementFailed),
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
    OutcomeUnknown: "the graph was told to write this and has not said that it did; it may have been done or not: read "
    "what was to change, and send it again where it did not",
    GraphBusy: "every connection to the graph was in use for too long; try again, or raise CINEGRAPH_GRAPH__POOL_SIZE",
    GraphTimeout: "the graph ended the statement: it took longer than its time limit; ask for less, or give it longer",
}


def translate(error: Exception) -> CinegraphError:
    """Our error for one of the driver's; the message keeps the server's words, not the statement."""
    code = getattr(error, "code", None) or ""
    said = error.message if isinstance(error, driver_errors.Neo4jError) else str(error)
    text = said or str(error) or type(error).__name__
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

    @property
    def breaker(self) -> Breaker:
        """What tells requests at once that the graph is away."""
        return self._session.guard.breaker

    async def read(self, statement: ReadStatement, /, **parameters: Any) -> list[Row]:
        """All rows of a statement; tried once more when the connection broke, since a read changes nothing. A request
        that has no time left, and one whose graph is known to be away, does not try again."""
        statement.check(parameters)
        try:
            return await self._session.read(statement.text, parameters)
        except GraphAway:
            raise
        except GraphUnavailable:
            request = deadline()
            if request is not None and request.left() <= 0:
                raise
            return await self._session.read(statement.text, parameters)

    async def sign_of_life(self) -> None:
        """Ask the graph for nothing, once; raises our error that says why it does not answer."""
        await self._session.read(SIGN, {})

    async def stream(self, statement: ReadStatement, /, **parameters: Any) -> AsyncIterator[Row]:
        """The rows one by one, for exports of any size; without a time limit."""
        statement.check(parameters)
        async for row in self._session.stream(statement.text, parameters):
            yield row

    async def profile(self, text: str, parameters: Mapping[str, Any]) -> Profile:
        """Run a statement that was sent before, and say what it did; one that writes is refused by the graph."""
        summary = await self._session.explain(text, dict(parameters), "PROFILE")
        return profile_of(summary.profile or {})


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
    """Opens sessions with the right mode and bookmarks, and counts the statements sent; `lean` reads what it can."""

    def __init__(
        self,
        driver: neo4j.AsyncDriver,
        database: str,
        query_timeout: float,
        slow_ms: float = 0,
        lean: ReadingPool | None = None,
    ) -> None:
        self._driver, self._database, self._timeout, self._slow_ms = driver, database, query_timeout, slow_ms
        self._lean = lean
        self._bookmarks = AsyncGraphDatabase.bookmark_manager()
        self.statements = 0
        self.guard = Guard(self.read)

    @asynccontextmanager
    async def _open(
        self, mode: str, text: str, parameters: dict[str, Any], *, again: bool = False, **more: Any
    ) -> AsyncIterator[neo4j.AsyncSession]:
        """A session for one statement, which is counted, and told to whoever watches; one that may be sent `again` is
        so when the graph was away."""
        writes = mode == neo4j.WRITE_ACCESS
        with sending(name_of(text), text, parameters, writes=writes, slow_ms=self._slow_ms):
            async with self.guard.around(text, parameters if again else None, writes=writes):
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
        if self._lean is not None:
            return await self._read_lean(self._lean, text, parameters)
        async with self._open(neo4j.READ_ACCESS, text, parameters, again=True) as session:
            result = await session.run(neo4j.Query(text, timeout=self._timeout), parameters)
            return [dict(row) for row in await result.fetch(2**31 - 1)]

    async def _read_lean(self, lean: ReadingPool, text: str, parameters: dict[str, Any]) -> list[Row]:
        bookmarks = [*await self._bookmarks.get_bookmarks()]
        with sending(name_of(text), text, parameters, slow_ms=self._slow_ms):
            async with self.guard.around(text, parameters):
                self.statements += 1
                try:
                    return await lean.read(text, parameters, bookmarks)
                except FOREIGN as error:
                    raise translate(error) from error

    async def read_some(
        self, text: str, parameters: dict[str, Any], timeout: float, most: int
    ) -> tuple[tuple[str, ...], list[Row]]:
        """The columns and the first rows of a read, within a time of its own."""
        async with self._open(neo4j.READ_ACCESS, text, parameters) as session:
            result = await session.run(neo4j.Query(text, timeout=timeout), parameters)
            rows = await result.fetch(most)
            return tuple(result.keys()), [_row(row) for row in rows]

    async def stream(self, text: str, parameters: dict[str, Any]) -> AsyncIterator[Row]:
        """Rows as they come."""
        async with self._open(neo4j.READ_ACCESS, text, parameters) as session:
            result = await session.run(neo4j.Query(text), parameters)
            async for row in result:
                yield dict(row)

    async def write(self, text: str, parameters: dict[str, Any]) -> list[Row]:
        """A managed transaction: the driver repeats it for `retry_time` after passing faults, but not once its commit
        was sent; `OutcomeUnknown` where that was not answered. What the graph does not hear of any more, it ends when
        the time of the request is over, so that its locks are let go of."""
        request, limit, committing = deadline(), WRITE_TIMEOUT, False

        async def work(transaction: AsyncManagedTransaction) -> list[Row]:
            nonlocal committing
            committing = False
            result = await transaction.run(text, parameters)
            rows = [dict(row) async for row in result]
            committing = True
            return rows

        try:
            async with self._open(neo4j.WRITE_ACCESS, text, parameters) as session:
                if request is not None and request.left() < limit:
                    limit = max(request.left(), LEAST)
                return await session.execute_write(neo4j.unit_of_work(timeout=limit)(work))
        except TimeBudgetSpent as error:
            if committing:
                raise OutcomeUnknown(_WORDS[OutcomeUnknown]) from error
            raise

    async def command(self, text: str, parameters: dict[str, Any]) -> list[Row]:
        """An implicit transaction, not repeated."""
        async with self._open(neo4j.WRITE_ACCESS, text, parameters) as session:
            result = await session.run(neo4j.Query(text), parameters)
            return [dict(row) async for row in result]

    @asynccontextmanager
    async def holding(self, text: str, parameters: dict[str, Any]) -> AsyncIterator[None]:
        """A transaction that stays open as long as the block."""
        opened = self._open(neo4j.WRITE_ACCESS, text, parameters)
        async with opened as session, await session.begin_transaction() as transaction:
            await (await transaction.run(text, parameters)).consume()
            yield
            await transaction.rollback()

    async def explain(self, text: str, parameters: dict[str, Any], word: str = "EXPLAIN") -> neo4j.ResultSummary:
        """The plan of a statement (`EXPLAIN`), or the plan with its figures (`PROFILE`), and Neo4j's notes on it."""
        async with self._open(neo4j.READ_ACCESS, text, parameters, notifications_min_severity="WARNING") as session:
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
            initial_retry_delay=FIRST_RETRY,
            retry_delay_jitter_factor=JITTER,
            liveness_check_timeout=30,
            notifications_min_severity="OFF",
            telemetry_disabled=True,
            user_agent="cinegraph",
        )
        self._lean = _lean(address, settings) if is_direct(address.uri) else None
        self.session = SessionFactory(
            self._driver, address.database, settings.query_timeout, settings.slow_ms, self._lean
        )
        self.reader = Reader(self.session)
        self.writer = Writer(self.session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check(self) -> None:
        """Answer, or raise our error that says why not."""
        try:
            await self.reader.sign_of_life()
        except GraphUnavailable as error:
            reason = str(error).splitlines()[0]
            raise GraphUnavailable(f"no graph answers at {self.address.uri} ({reason}); does it run there?") from error

    async def close(self) -> None:
        """Close every connection."""
        await self.session.guard.close()
        if self._lean is not None:
            self._lean.close()
        await self._driver.close()


def _lean(address: Address, settings: GraphSettings) -> ReadingPool:
    return ReadingPool(address.uri, address.user, address.password, address.database, settings)
