"""A server in production whose graph is never reached: all that a request costs until a statement would be sent."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from starlette.applications import Starlette

from api.compiler.planner import Planner
from api.context import Services
from api.ids import Cursors
from api.server import build_app
from cinegraph.errors import GraphError
from cinegraph.settings import ApiSettings
from cinegraph.types import Relation
from graph.client import SessionFactory, Writer
from graph.guard import Guard
from recommenders.scorers import PopularityScorer
from recommenders.serving import Serving
from recommenders.state import state_over
from tests.api.web import GRAPHQL, JSON, SECRET
from tests.recommenders.test_reasons import GENRE, KEYWORD, MOVIES, PERSON, SERIES, Edge, catalogue

SETTINGS = ApiSettings(graphiql=False, anonymous_rate=0, budget_ms=0, overload_ms=0)
EDGES: list[Edge] = [
    (movie, other, relation)
    for movie in range(MOVIES)
    for other, relation in (
        (PERSON, Relation.DIRECTED),
        (GENRE, Relation.HAS_GENRE),
        (KEYWORD, Relation.HAS_KEYWORD),
        (SERIES, Relation.PART_OF),
    )
]


@dataclass(frozen=True)
class Cost:
    """What one request took."""

    calls: int
    milliseconds: float
    end: str


class Sessions:
    """In place of sessions with a graph: whatever is sent fails at once, by an error after which nothing is tried."""

    def __init__(self) -> None:
        self.guard, self.sent = Guard(self.read), 0

    async def read(self, text: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        self.sent += 1
        raise GraphError("there is no graph")

    write = command = read


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions are called."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


class Server:
    """The application, asked without a network; it has seen no request before."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner, self.sessions = runner, Sessions()
        writer, cursors = Writer(cast(SessionFactory, self.sessions)), Cursors(b"tests")
        scorer, ids = PopularityScorer(np.zeros(MOVIES, np.float32)), tuple(map(str, range(MOVIES)))
        serving = Serving(writer, Path("none"), state=state_over(catalogue(EDGES), scorer, "1", ids))
        self.services = Services(writer, serving, Planner(cursors, SETTINGS.max_nodes), cursors)
        self.app: Starlette = build_app(self.services, SETTINGS, SECRET)

    def ask(self, body: bytes, *, anew: bool = True) -> tuple[int, bytes]:
        """The status and the body of an answer, of a server that has seen no document."""
        if anew:
            self.forget()
        return self._runner.run(_asked(self.app, body))

    def forget(self) -> None:
        """Forget what earlier requests left: documents, and plans."""
        operations = self.app.state.endpoint.operations
        operations._kept.clear()
        operations._tokens = 0
        self.services.planner._kept.clear()

    def cost(self, body: bytes) -> Cost:
        """What a request takes."""
        status, content = self.ask(body)
        started = time.thread_time()
        self.ask(body)
        took = time.thread_time() - started
        errors = json.loads(content).get("errors") or [{"message": "no error"}]
        return Cost(calls_of(lambda: self.ask(body)), took * 1e3, f"{status} {errors[0]['message'][:70]}")


async def _asked(app: Starlette, body: bytes) -> tuple[int, bytes]:
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", JSON.encode()), (b"accept", GRAPHQL.encode())],
        "client": ("192.0.2.1", 1),
        "server": ("192.0.2.2", 80),
    }
    await app(scope, receive, send)
    return told[0]["status"], b"".join(one.get("body", b"") for one in told[1:])
