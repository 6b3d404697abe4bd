"""The composition root: the only place that wires settings, graph, models and API together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from api.auth import load_secret
from api.compiler.planner import Planner
from api.context import Services
from api.documents import Documents, read_manifest
from api.ids import Cursors
from api.server import build_app
from cinegraph.home import artifacts_of, during
from cinegraph.settings import Settings
from graph.client import GraphClient
from recommenders import conduct
from recommenders.serving import Serving
from recommenders.shadow import Shadow
from recommenders.slate import Tuning


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
    tuning = Tuning(
        diversity=dials.diversity,
        novelty=dials.novelty,
        calibration=dials.calibration,
        fresh=dials.fresh,
        exploration=dials.exploration,
    )
    return Services(client.writer, serving, planner, cursors, dials.why, tuning)


@asynccontextmanager
async def open_app(settings: Settings, client: GraphClient) -> AsyncIterator[Starlette]:
    """The API over a graph, warm: model and catalogue are in memory before the first request, and trusted documents are
    planned."""
    services = build_services(settings, client)
    serving = services.serving
    await serving.refresh()
    serving.observer = shadow = Shadow(client.writer, artifacts_of(settings), serving)
    judging = conduct.watch(client.writer, serving.arms, settings.serving.judge_seconds)
    exposures = serving.arms.exposures.written(client.writer)
    async with during(serving.watch()), during(shadow.watch()), during(judging), exposures:
        app = build_app(services, settings.api, load_secret(settings.home), documents_of(settings))
        await app.state.endpoint.warm()
        yield app


def documents_of(settings: Settings) -> Documents:
    """What clients may name by id; raises `InvalidInput` for a manifest that is none."""
    manifest = settings.api.trusted_documents
    return Documents(read_manifest(manifest) if manifest else {}, settings.api.only_trusted)
