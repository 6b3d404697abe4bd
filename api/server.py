"""The ASGI application: `/graphql`, GraphiQL, health, metrics."""

from functools import partial
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from api.context import Services
from api.documents import Documents
from api.gate import Gate, Gated
from api.http import Endpoint
from api.leaving import Leaving
from api.metrics import Metrics
from api.observing import Answering, Observed, Observer, Seen
from api.origins import readable
from api.readiness import Readiness
from api.schema import build_schema
from api.streaming.answers import Answers
from api.streaming.sse import Events, takes_events
from api.streaming.streams import Streams
from api.streaming.websocket import Connections
from cinegraph.settings import ApiSettings
from cinegraph.telemetry import Tracer
from events.bus import CATALOGUE

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""All come to the endpoint, which says by which of them operations are sent."""


def build_app(
    services: Services,
    settings: ApiSettings,
    secret: bytes,
    documents: Documents | None = None,
    tracer: Tracer | None = None,
    folder: Path | None = None,
) -> Starlette:
    """The application over services that are ready, with the documents that may be named, traced by a tracer, with
    figures that workers share in a folder. Its state has the `endpoint`, the `metrics`, the `gate` that connections
    ask, the `streams`, which are to be ended before it, and whether it is `leaving`. Raises `InvalidInput` for a
    trusted document that cannot be run."""
    endpoint = Endpoint(build_schema(federation=settings.federation), services, settings, secret, documents)
    metrics, leaving = Metrics(services, folder), Leaving()
    streams = Streams(settings.max_streams, settings.max_streams_of_one)
    gate = Gate(settings.overload_ms, partial(metrics.refused, "OVERLOADED"))
    answers = Answers(endpoint, services, settings, gate, Observer(metrics, tracer))
    events = Events(answers, endpoint, streams, settings, secret)
    services.serving.on_change = partial(services.bus.wake, CATALOGUE)
    observed, readiness = Observed(_either(endpoint, events), metrics, tracer), Readiness(services, leaving)

    async def graphql(request: Request) -> Response:
        if settings.graphiql and _wants_page(request):
            return _page()
        return await observed(request)

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        return await readiness.answer()

    async def figures(request: Request) -> Response:
        content, media = metrics.shown(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": media, "Cache-Control": "no-store"})

    routes: list[BaseRoute] = [
        Route("/graphql", graphql, methods=METHODS, middleware=readable(settings)),
        WebSocketRoute("/graphql", Connections(answers, streams, settings, secret).serve),
        Route("/health/live", live),
        Route("/health/ready", ready),
    ]
    if settings.metrics:
        routes.append(Route("/metrics", figures))
    if settings.graphiql:
        routes += [
            Route("/", lambda _: _page()),
            Mount("/graphiql", StaticFiles(packages=[("api", "static/graphiql")])),
        ]
    metrics.now.most, metrics.now.streams = lambda: gate.most, lambda: streams.open
    app = Starlette(routes=routes, middleware=[Middleware(Gated, gate=gate)])
    app.state.endpoint, app.state.streams, app.state.metrics = endpoint, streams, metrics
    app.state.gate, app.state.leaving = gate, leaving
    return app


def _either(endpoint: Endpoint, events: Events) -> Answering:
    """The endpoint, or events for those who take nothing else, or ask for what is nothing else."""

    async def answer(request: Request, seen: Seen) -> Response:
        if takes_events(request, alone=True):
            return await events(request, seen)
        found = await endpoint(request, seen)
        if found.status_code == 406 and takes_events(request):
            seen.forget()
            return await events(request, seen)
        return found

    return answer


def _wants_page(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accepted and "query" not in request.query_params


def _page() -> Response:
    text = (resources.files("api") / "static" / "graphiql" / "page.html").read_text(encoding="utf-8")
    return Response(text, media_type="text/html")
