"""The application without a network, and what its refusals look like."""

import re
from typing import Any

import httpx
from starlette.applications import Starlette

from api.auth import make_token
from api.context import Services
from api.documents import Documents
from api.server import build_app
from cinegraph.settings import ApiSettings
from graph.client import GraphClient

SECRET = b"s" * 32
JSON, GRAPHQL = "application/json", "application/graphql-response+json"
TITLE = '{ movie(id: "1") { title } }'
ALIEN = {"movie": {"title": "Alien"}}
RATE = 'mutation { rateMovie(movie: "5", rating: 4.0) { __typename } }'
SECRETS = re.compile(
    r"Traceback|File \"|\.py|neo4j|bolt|127\.0\.0\.1|localhost|MATCH|RETURN|CALL|\$p0|Error\(|/home|/tmp|secret",
)


def client_over(services: Services, documents: Documents | None = None, **settings: Any) -> httpx.AsyncClient:
    """The application without a network; without a limit of time unless one is given, as tests run on busy machines."""
    return client_of(build_app(services, ApiSettings(**{"budget_ms": 0, **settings}), SECRET, documents))


def client_of(app: Starlette) -> httpx.AsyncClient:
    """An application that is made already, without a network."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")


def bearer(user: str = "1", secret: bytes = SECRET, days: int = 1, admin: bool = False) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(secret, user, days, admin)}"}


async def ratings_of(graph: GraphClient, user: str) -> int:
    """How many ratings a user has in the graph."""
    rows = await graph.session.read("MATCH (:User {id: $id})-[r:RATED]->() RETURN count(r) AS n", {"id": user})
    return int(rows[0]["n"])


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one error of a request that was not run; every error has a code and the request's id."""
    body = response.json()
    assert response.status_code == status, body
    assert "data" not in body
    (error,) = body["errors"]
    assert error["extensions"]["code"] == code
    assert re.fullmatch(r"[0-9a-f]{16}", error["extensions"]["requestId"])
    assert not SECRETS.search(error["message"]), error["message"]
    found: dict[str, Any] = error
    return found
