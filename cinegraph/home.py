"""What belongs to the settings' home: its graph, opened, and where models and trainings lie.

Apart from `app.py`, so that a command which answers no GraphQL does not wait for what GraphQL needs.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cinegraph.settings import Settings
from graph.attachment import Shown, attached, unseen, watch
from graph.client import Address, GraphClient
from graph.local import LocalServer
from graph.migrations import check_schema, migrate
from recommenders.checkpoints import Checkpoints


def local_server(settings: Settings) -> LocalServer:
    """The Neo4j that we run ourselves for this home."""
    return LocalServer(settings.home, settings.cache_dir, settings.graph)


@asynccontextmanager
async def open_graph(settings: Settings, shown: Shown = unseen) -> AsyncIterator[GraphClient]:
    """The graph of these settings, brought to the newest schema: the one by URI, or the local one, started where it
    does not run."""
    async with connect(settings, shown) as client:
        await migrate(client.writer)
        yield client


@asynccontextmanager
async def open_for_reading(settings: Settings, shown: Shown = unseen) -> AsyncIterator[GraphClient]:
    """The same graph as it is; nothing is written. Raises `SchemaMissing` for one that was never made ready."""
    async with connect(settings, shown) as client:
        await check_schema(client.reader)
        yield client


@asynccontextmanager
async def connect(settings: Settings, shown: Shown = unseen) -> AsyncIterator[GraphClient]:
    """The graph of these settings, whatever its schema."""
    if settings.graph.uri:
        async with GraphClient(given_address(settings), settings.graph) as client:
            await client.check()
            yield client
        return
    server = local_server(settings)
    async with (
        attached(server, shown) as address,
        during(watch(server)),
        GraphClient(address, settings.graph) as client,
    ):
        yield client


@asynccontextmanager
async def during(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work beside something else, ended with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def given_address(settings: Settings) -> Address:
    """The graph that is given by its URI."""
    graph = settings.graph
    password = graph.password.get_secret_value() if graph.password else ""
    return Address(graph.uri or "", graph.user, password, graph.database)


def artifacts_of(settings: Settings) -> Path:
    """Where models' artefacts lie."""
    return settings.home / "models"


def checkpoints_of(settings: Settings) -> Checkpoints:
    """Where trainings that are not at their end are kept; those that nobody came back for are gone."""
    kept = Checkpoints(settings.home / "checkpoints")
    kept.forget_old()
    return kept
