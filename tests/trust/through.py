"""The API over a graph that it reaches through a proxy, and questions to it that must end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from api.context import Services
from graph.client import Address, GraphClient
from tests.api.harness import api_over
from tests.api.web import bearer
from tests.conftest import GRAPH_SETTINGS, empty
from tests.published import serving_over
from tests.trust.proxy import Proxy

LIMIT = 20.0
"""Seconds after which something hangs: a multiple of every limit that is set in these tests."""


def port_of(address: Address) -> int:
    """Where a graph listens."""
    return urlsplit(address.uri).port or 0


@asynccontextmanager
async def api_through(proxy: Proxy, graph: GraphClient, address: Address, models: Path) -> AsyncIterator[Services]:
    """The API over the tiny graph: what serves has a connection of its own, requests go through the proxy."""
    await empty(graph)
    serving = await serving_over(graph, models)
    through = Address(f"bolt://127.0.0.1:{proxy.port}", address.user, address.password, address.database)
    async with GraphClient(through, GRAPH_SETTINGS) as client:
        yield api_over(client, serving).services


async def forget_ratings(graph: GraphClient) -> None:
    """Take the ratings of user 7 back."""
    await graph.session.write("MATCH (:User {id: '7'})-[r:RATED]->() DELETE r", {})


async def ask(http: httpx.AsyncClient, query: str, *, admin: bool = False) -> Any:
    """The whole answer for user 7, which must come."""
    async with asyncio.timeout(LIMIT):
        return (await http.post("/graphql", json={"query": query}, headers=bearer("7", admin=admin))).json()


def code_of(answer: Any) -> str:
    """That of its only error."""
    (error,) = answer["errors"]
    return str(error["extensions"]["code"])
