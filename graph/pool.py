"""Connections for lean reads: kept, handed out the last used first, and never more than the settings allow."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from neo4j.exceptions import ClientError, ConnectionAcquisitionTimeoutError, ServiceUnavailable

from cinegraph.deadlines import deadline
from cinegraph.settings import GraphSettings
from graph.bolt import Connection, Rows

AGENT: Final = "cinegraph"
DEFAULT_PORT: Final = 7687
IDLE: Final = 30.0
"""Seconds after which a kept connection is asked for a sign of life before it is used."""
GRACE: Final = 1.0
"""Seconds beyond a statement's own limit after which a graph that says nothing is given up."""
LEAST: Final = 0.001
"""Seconds that a statement has at least, since a limit of 0 is none for Neo4j."""
TIMED_OUT: Final = "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration"


def is_direct(uri: str) -> bool:
    """Whether a graph is reached without routing and without encryption, which are the driver's."""
    return urlsplit(uri).scheme == "bolt"


class ReadingPool:
    """Lean connections to one graph."""

    def __init__(self, uri: str, user: str, password: str, database: str, settings: GraphSettings) -> None:
        parts = urlsplit(uri)
        self._where = (parts.hostname or "localhost", parts.port or DEFAULT_PORT, user, password, AGENT)
        self._database, self._settings = database, settings
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(settings.pool_size)
        self._closed = False

    async def read(self, text: str, parameters: Mapping[str, Any], bookmarks: list[str]) -> Rows:
        """All rows of one statement; raises the driver's errors, or `OSError`."""
        if self._closed:
            raise ServiceUnavailable("the client is closed")
        await self._acquire()
        try:
            connection = await self._connection()
            limit = self._settings.query_timeout
            if (request := deadline()) is not None and request.left() < limit:
                limit = max(request.left(), LEAST)
            extra = {"mode": "r", "db": self._database, "tx_timeout": math.ceil(limit * 1000), "bookmarks": bookmarks}
            try:
                async with asyncio.timeout(limit + GRACE):
                    return await connection.read(text, parameters, extra)
            except TimeoutError as error:
                message = f"the graph said nothing for {limit + GRACE:g} s"
                raise ClientError._hydrate_neo4j(code=TIMED_OUT, message=message) from error
            finally:
                self._keep(connection)
        finally:
            self._free.release()

    async def _acquire(self) -> None:
        if self._free.locked():
            try:
                async with asyncio.timeout(self._settings.acquisition_timeout):
                    await self._free.acquire()
            except TimeoutError as error:
                raise ConnectionAcquisitionTimeoutError("every connection is in use") from error
        else:
            await self._free.acquire()

    async def _connection(self) -> Connection:
        """One that is open: kept, or new."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            found = self._idle.pop()
            if not found.closed and (now - found.used < IDLE or await self._lives(found)):
                return found
        patience = min(self._settings.connect_timeout, self._settings.acquisition_timeout)
        try:
            async with asyncio.timeout(patience):
                return await Connection.open(*self._where)
        except TimeoutError as error:
            raise ServiceUnavailable(f"no connection to the graph within {patience:g} s") from error

    async def _lives(self, connection: Connection) -> bool:
        try:
            async with asyncio.timeout(self._settings.acquisition_timeout):
                await connection.reset()
        except (TimeoutError, ServiceUnavailable):
            return False
        return not connection.closed

    def _keep(self, connection: Connection) -> None:
        if self._closed:
            connection.close()
        elif not connection.closed:
            self._idle.append(connection)

    def close(self) -> None:
        """Close every connection; those in use after their statement."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
