"""The ASGI application: `/graphql`, GraphiQL, health."""

from importlib import resources

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from api.context import Services
from api.documents import Documents
from api.http import Endpoint
from api.schema import build_schema
from cinegraph.errors import CinegraphError
from cinegraph.settings import ApiSettings

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def build_app(
    services: Services,
    settings: ApiSettings,
    secret: bytes,
    documents: Documents | None = None,
) -> Starlette:
    """The application over services that are ready, with the documents that may be named; its endpoint is the state's
    `endpoint`. Raises `InvalidInput` for a trusted document that cannot be run."""
    endpoint = Endpoint(build_schema(introspection=settings.graphiql), services, settings, secret, documents)

    async def graphql(request: Request) -> Response:
        if settings.graphiql and _wants_page(request):
            return _page()
        return await endpoint(request)

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        return await _readiness(services)

    routes: list[BaseRoute] = [
        Route("/graphql", graphql, methods=METHODS),
        Route("/health/live", live),
        Route("/health/ready", ready),
    ]
    if settings.graphiql:
        routes += [
            Route("/", lambda _: _page()),
            Mount("/graphiql", StaticFiles(packages=[("api", "static/graphiql")])),
        ]
    app = Starlette(routes=routes)
    app.state.endpoint = endpoint
    return app


def _wants_page(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accepted and "query" not in request.query_params


def _page() -> Response:
    text = (resources.files("api") / "static" / "graphiql" / "page.html").read_text(encoding="utf-8")
    return Response(text, media_type="text/html")


async def _readiness(services: Services) -> Response:
    """Ready: the graph answers and a model is active."""
    try:
        await services.serving.renew()
    except CinegraphError as error:
        return JSONResponse({"status": "not ready", "code": error.code}, 503, headers={"Retry-After": "2"})
    if not services.serving.model_version:
        return JSONResponse({"status": "not ready", "code": "NO_MODEL"}, 503, headers={"Retry-After": "5"})
    return JSONResponse({"status": "ready", "modelVersion": services.serving.model_version})
