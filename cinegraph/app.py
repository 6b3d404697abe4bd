"""The composition root: the only place that wires settings, graph, models and API together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette

from api.auth import load_secret
from api.compiler.planner import Planner
from api.context import Services
from api.ids import Cursors
from api.server import build_app
from cinegraph.settings import Settings
from graph.client import Address, GraphClient
from graph.local import LocalServer, watch
from graph.migrations import migrate
from recommenders.serving import Serving
from recommenders.slate import Tuning

Progress = Callable[[int, int], None]


def local_server(settings: Settings, progress: Progress | None = None) -> LocalServer:
    """The Neo4j that we run ourselves for this home."""
    return LocalServer(settings.home, settings.cache_dir, settings.graph, progress)


@asynccontextmanager
async def open_graph(settings: Settings, progress: Progress | None = None) -> AsyncIterator[GraphClient]:
    """The graph of these settings, migrated: the one by URI, or the local one, started where it does not run."""
    if settings.graph.uri:
        async with GraphClient(_address(settings), settings.graph) as client:
            await client.check()
            await migrate(client.writer)
            yield client
        return
    server = local_server(settings, progress)
    address = await asyncio.to_thread(server.attach)
    watcher = asyncio.create_task(watch(server))
    try:
        async with GraphClient(address, settings.graph) as client:
            await migrate(client.writer)
            yield client
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await asyncio.to_thread(server.release)


def _address(settings: Settings) -> Address:
    graph = settings.graph
    password = graph.password.get_secret_value() if graph.password else ""
    return Address(graph.uri or "", graph.user, password, graph.database)


def artifacts_of(settings: Settings) -> Path:
    """Where models' artefacts lie."""
    return settings.home / "models"


def build_services(settings: Settings, client: GraphClient) -> Services:
    """What the API is made of, over an open graph."""
    cursors = Cursors(load_secret(settings.home))
    serving = Serving(
        client.reader,
        artifacts_of(settings),
        refresh_seconds=settings.serving.refresh_seconds,
        histories=settings.serving.histories,
    )
    planner = Planner(cursors, settings.api.max_nodes)
    dials = settings.serving
    tuning = Tuning(diversity=dials.diversity, novelty=dials.novelty, calibration=dials.calibration)
    return Services(client.writer, serving, planner, cursors, dials.why, tuning)


@asynccontextmanager
async def open_app(settings: Settings, progress: Progress | None = None) -> AsyncIterator[Starlette]:
    """The API over its graph, warm: model and catalogue are in memory before the first request."""
    async with open_graph(settings, progress) as client:
        services = build_services(settings, client)
        await services.serving.refresh()
        watcher = asyncio.create_task(services.serving.watch())
        try:
            yield build_app(services, settings.api, load_secret(settings.home))
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
