"""Clients that take nothing: they hold on to no memory, are told, and are dropped."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.context import Services
from api.streaming import websocket
from events.bus import CATALOGUE
from graph.catalog import WriteStatement
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.live import PATIENCE, Client, Live, live
from tests.published import serving_over

REWRITE = WriteStatement("rewrite", "MATCH (m:Movie {id: '1'}) SET m.overview = $overview", frozenset({"overview"}))
QUERY = 'subscription { movieChanged(id: "1") { overview } }'
LONG = 50_000
"""Characters of the text, so that some answers fill what the system takes for a client."""
SMALL = 8_192
HIGH_WATER = 65_536
"""Bytes that uvicorn takes for a client before it lets the application wait."""
WRITES = 60


@pytest_asyncio.fixture(loop_scope="session")
async def own(graph: GraphClient, tmp_path: Path) -> Services:
    return api_over(graph, await serving_over(graph, tmp_path)).services


async def push(services: Services, number: int) -> None:
    """Another text, of which everybody who listens is told."""
    await services.graph.write(REWRITE, overview=f"{number} ".ljust(LONG, "x"))
    services.bus.tell(CATALOGUE)


def waiting(server: Live) -> int:
    """Bytes that wait in this process for clients to take them."""
    connections: Any = server.server.server_state.connections
    return sum(one.transport.get_write_buffer_size() for one in connections)


@asynccontextmanager
async def deaf(server: Live, **more: Any) -> "AsyncIterator[Client]":
    """A client that subscribes, and reads nothing unless it is asked to."""
    with socket.socket() as small:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        small.connect(("127.0.0.1", server.port))
        small.setblocking(False)
        async with server.client(init=False, sock=small, max_queue=1, ping_interval=None, **more) as client:
            await client.init(None)
            await client.subscribe(QUERY)
            yield client


async def test_a_client_that_takes_nothing_is_told_and_dropped(own: Services) -> None:
    async with live(own, sending=SMALL, slow_seconds=0.5) as server, deaf(server) as client:
        most = 0
        for number in range(WRITES):
            await push(own, number)
            most = max(most, waiting(server))
        async with asyncio.timeout(PATIENCE):
            while own.bus.heard:
                await asyncio.sleep(0.01)
        assert most <= HIGH_WATER + LONG + 1_000
        assert await client.closed() == (1013, "nothing was taken for 0.5 seconds; connect again")
        await server.closed_all()


async def test_what_is_not_taken_is_not_made(own: Services, migrated: GraphClient) -> None:
    async with live(own, sending=SMALL, slow_seconds=PATIENCE) as server, deaf(server) as client:
        for number in range(WRITES):
            await push(own, number)
        sent = migrated.session.statements
        for _ in range(100):
            own.bus.tell(CATALOGUE)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert migrated.session.statements == sent
        texts = [""]
        while not texts[-1].startswith(f"{WRITES - 1} "):  # a client that reads again gets the newest at the end
            texts.append((await client.data())["movieChanged"]["overview"] or "")
        assert len(texts) < WRITES
        await client.quiet()


async def _left(server: Live, seconds: float) -> int:
    """Sockets that the server still has after a while."""
    async with asyncio.timeout(PATIENCE):
        while server.open:
            await asyncio.sleep(0.01)
    for _ in range(int(seconds * 100)):
        if not server.server.server_state.connections:
            break
        await asyncio.sleep(0.01)
    return len(server.server.server_state.connections)


async def test_the_socket_of_a_dropped_client_is_closed(own: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "LAST_SECONDS", 0.1)
    async with live(own, sending=SMALL, slow_seconds=0.3) as server, deaf(server):
        for number in range(WRITES):
            await push(own, number)
        assert await _left(server, PATIENCE) == 0


async def test_the_mutant_with_connections_that_cannot_be_let_go_of_keeps_the_socket(
    own: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "LAST_SECONDS", 0.1)
    plain = {"http": "httptools", "ws": "websockets-sansio", "ws_per_message_deflate": False}
    async with live(own, classes=plain, sending=SMALL, slow_seconds=0.3) as server, deaf(server) as client:
        for number in range(WRITES):
            await push(own, number)
        assert await _left(server, 1.0) == 1
        client.socket.transport.abort()


async def test_an_event_stream_that_is_not_read_is_dropped(own: Services) -> None:
    body = json.dumps({"query": QUERY})
    head = "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
    async with live(own, sending=SMALL, slow_seconds=0.5) as server:
        with socket.socket() as small:
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            small.connect(("127.0.0.1", server.port))
            small.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            async with asyncio.timeout(PATIENCE):
                while not server.open:
                    await asyncio.sleep(0.01)
            most = 0
            for number in range(WRITES):
                await push(own, number)
                most = max(most, waiting(server))
            assert most <= HIGH_WATER + LONG + 1_000
            assert await _left(server, PATIENCE) == 0
            assert list(own.bus.heard) == []
