"""The composition root: the only place that wires settings, graph, models and API together."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from starlette.applications import Starlette

from api.auth import load_secret
from api.compiler.planner import Planner
from api.context import Services
from api.documents import Documents, read_manifest
from api.ids import Cursors
from api.server import build_app
from cinegraph import plugins
from cinegraph.home import artifacts_of, during
from cinegraph.settings import Settings, TracesSettings
from cinegraph.telemetry import Tracer, Watch, watching
from events.bus import Bus, LocalBus
from events.points import SharedPoints
from events.versions import Versions
from graph.client import GraphClient
from recommenders import conduct
from recommenders.archive import Archive
from recommenders.serving import Serving
from recommenders.shadow import Shadow
from recommenders.slate import Tuning
from recommenders.watching import again_and_again

log = logging.getLogger("cinegraph.app")


def build_services(settings: Settings, client: GraphClient) -> Services:
    """What the API is made of, over an open graph."""
    cursors = Cursors(load_secret(settings.home))
    serving = Serving(
        client.reader,
        artifacts_of(settings),
        refresh_seconds=settings.serving.refresh_seconds,
        histories=settings.serving.histories,
        history_entries=settings.serving.history_entries,
        archive=archive_of(settings),
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
    bus, points = bus_of(settings), points_of(settings)
    return Services(client.writer, serving, planner, cursors, dials.why, tuning, bus, points)


def archive_of(settings: Settings) -> Archive | None:
    """Where the catalogues that served are kept; None where none are."""
    kept = settings.serving.kept_catalogues
    return Archive(settings.home / "catalogues", kept) if kept else None


def bus_of(settings: Settings) -> Bus:
    """What tells subscriptions of changes: over Redis where one is named, else within this process."""
    if settings.events.redis is None:
        return LocalBus()
    bus: Bus = plugins.load("events.redis_bus").RedisBus(settings.events.redis.get_secret_value())
    return bus


def points_of(settings: Settings) -> SharedPoints | None:
    """What callers may spend at all workers together, where a Redis is named."""
    if settings.events.redis is None:
        return None
    points: SharedPoints = plugins.load("events.redis_points").RedisPoints(settings.events.redis.get_secret_value())
    return points


@asynccontextmanager
async def open_app(
    settings: Settings, client: GraphClient, tracer: Tracer | None = None, figures: Path | None = None
) -> AsyncIterator[Starlette]:
    """The API over a graph, warm: model and catalogue are in memory before the first request, and trusted documents are
    planned. Workers share their `figures` in a folder."""
    services = build_services(settings, client)
    app = build_app(services, settings.api, load_secret(settings.home), documents_of(settings), tracer, figures)
    with watching(Watch((app.state.metrics.sent_beside,))):
        async with _beside(settings, client, services), during(app.state.metrics.watch()):
            await app.state.endpoint.warm()
            yield app


@asynccontextmanager
async def _beside(settings: Settings, client: GraphClient, services: Services) -> AsyncIterator[None]:
    """What goes on beside the requests."""
    serving = services.serving
    await serving.refresh()
    serving.observer = shadow = Shadow(client.writer, artifacts_of(settings), serving)
    judging = conduct.watch(client.writer, serving.arms, settings.serving.judge_seconds)
    exposures = serving.arms.exposures.written(client.writer)
    looking = again_and_again(
        Versions(services.bus, client.reader).look,
        settings.events.poll_seconds,
        log,
        "look for what other workers wrote",
        "a fault while looking for what other workers wrote; subscriptions may miss it",
    )
    async with (
        during(serving.watch()),
        during(shadow.watch()),
        during(judging),
        during(services.bus.run()),
        during(services.points.run()) if services.points else nullcontext(),
        during(looking),
        exposures,
    ):
        yield


@asynccontextmanager
async def tracing(traces: TracesSettings) -> AsyncIterator[Tracer | None]:
    """Who makes spans, where OpenTelemetry's variables ask for them; at the end those that wait are sent."""
    if not traces.exporters:
        yield None
        return
    async with plugins.load("cinegraph.tracing").sending_to(traces.exporters) as tracer:
        yield tracer


def documents_of(settings: Settings) -> Documents:
    """What clients may name by id; raises `InvalidInput` for a manifest that is none."""
    manifest = settings.api.trusted_documents
    return Documents(read_manifest(manifest) if manifest else {}, settings.api.only_trusted)
