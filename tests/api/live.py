"""The application behind a real socket, and clients that speak to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from api.context import Services
from api.documents import Documents
from api.protocols import protocols
from api.server import build_app
from cinegraph.settings import ApiSettings
from tests.api.web import SECRET, bearer

PATIENCE = 20.0
"""Seconds in which anything must have come."""
QUIET = 0.3
"""Seconds in which nothing may come."""


@dataclass
class Live:
    """A running server."""

    app: Starlette
    port: int
    server: uvicorn.Server

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def open(self) -> int:
        """How many streams are."""
        found: int = self.app.state.streams.open
        return found

    async def closed_all(self) -> None:
        """Wait until no stream is open."""
        async with asyncio.timeout(PATIENCE):
            while self.open:
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def client(
        self, user: str | None = None, *, init: bool = True, protocol: str = "graphql-transport-ws", **more: Any
    ) -> "AsyncIterator[Client]":
        """A client; of a user, and past connection_init, where it is not said otherwise."""
        origin = Origin(more.pop("origin")) if "origin" in more else None
        async with connect(
            self.ws, subprotocols=[Subprotocol(protocol)], origin=origin, compression=None, proxy=None, **more
        ) as socket_:
            client = Client(socket_)
            if init:
                await client.init(user)
            yield client


@dataclass
class Client:
    """One WebSocket."""

    socket: ClientConnection

    async def say(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def hear(self) -> Any:
        """The next message but pings."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = json.loads(await self.socket.recv())
                if message["type"] != "ping":
                    return message

    async def init(self, user: str | None) -> None:
        await self.say({"type": "connection_init", **({"payload": bearer(user)} if user else {})})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, query: str, id_: str = "a", **variables: Any) -> None:
        await self.say({"type": "subscribe", "id": id_, "payload": {"query": query, "variables": variables}})

    async def data(self, id_: str = "a") -> Any:
        """The data of the next message, which has no errors."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("next", id_), message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def refused(self, id_: str = "a") -> str:
        """The code of the one error that an operation ends with."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("error", id_), message
        (error,) = message["payload"]
        code: str = error["extensions"]["code"]
        return code

    async def quiet(self) -> None:
        """Nothing comes."""
        try:
            async with asyncio.timeout(QUIET):
                message = await self.socket.recv()
        except TimeoutError:
            return
        raise AssertionError(message)

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the server's end."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def live(
    services: Services, documents: Documents | None = None, *, classes: Any = None, sending: int = 0, **settings: Any
) -> AsyncIterator[Live]:
    """A server on a free port of this machine; with other `classes` of connections than its own, and so many bytes that
    the system takes for a client that does not read, where they are given. Without a limit of time unless one is
    given, as tests run on busy machines."""
    given = ApiSettings(**{"budget_ms": 0, "overload_ms": 0, **settings})
    app = build_app(services, given, SECRET, documents)
    with socket.socket() as listener:
        if sending:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sending)
        listener.bind(("127.0.0.1", 0))
        taken = classes or protocols(given, app)
        config = uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=10, **taken)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield Live(app, listener.getsockname()[1], server)
        finally:
            await app.state.streams.end()
            server.should_exit = True
            await running
