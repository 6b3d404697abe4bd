"""Where the CPU time of one answer goes: 20 movies with genres and cast, and one movie by its id.

    CINEGRAPH_HOME=FOLDER python -m benchmarks.stages

In one process, over the graph of the home, without a network but the graph's: a request to the ASGI application, the
operation within it, and its parts alone, in turn, several rounds of each. CPU milliseconds of this process for each,
the median over the rounds; that of Neo4j, another process, is not in it. Beside them the same statement by the official
driver, and the same rows walked through by graphql-core field by field.
"""

import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import uvloop
from graphql.execution import Executor
from starlette.applications import Starlette

from api.compiler.planner import Plan
from api.compiler.shape import Planned
from api.context import Context
from api.operations import bytes_of
from benchmarks.machine import machine
from benchmarks.tables.cells import markdown
from cinegraph.app import open_app
from cinegraph.cli.serve import collect_seldom
from cinegraph.home import connect
from cinegraph.settings import load_settings
from graph.client import GraphClient, SessionFactory

RESULT = Path(__file__).parent / "results" / "stages.json"
LIST = (
    "{ movies(first: 20) { nodes { id title year genres(first: 5) { nodes { id name } } "
    "cast(first: 5) { edges { character node { id name } } } } pageInfo { hasNextPage endCursor } } }"
)
BY_ID = '{ movie(id: "1") { id title year overview runtime } }'
OPERATIONS = {"20 movies with genres and cast": LIST, "a movie by id": BY_ID}
ROUNDS, TIMES = 150, 10
HEAD = ("stage", *OPERATIONS)
WHOLE, BESIDE = "all of it", "beside: "

Stage = Callable[[], Awaitable[Any]]


def main() -> None:
    found = uvloop.run(measured())  # as a server runs it
    RESULT.write_text(json.dumps({"machine": machine(), "cpu_ms": found}, indent=2) + "\n", encoding="utf-8")
    print(markdown(HEAD, iter(rows(found))))


def rows(found: dict[str, dict[str, float]]) -> list[list[str]]:
    """A row a stage."""
    stages = next(iter(found.values()))
    return [[stage, *(f"{found[name][stage]:.2f}" for name in OPERATIONS)] for stage in stages]


async def measured() -> dict[str, dict[str, float]]:
    """CPU ms by operation and stage."""
    os.environ.setdefault("CINEGRAPH_API__ANONYMOUS_RATE", "0")
    settings = load_settings()
    async with connect(settings) as client, open_app(settings, client) as app:
        collect_seldom()
        return {name: parts(await timed(stages_of(app, client, query))) for name, query in OPERATIONS.items()}


def parts(spent: dict[str, float]) -> dict[str, float]:
    """What each stage takes alone, from what they take within each other."""
    return {
        "HTTP, limits, cost, tokens": spent["request"] - spent["operation"] - spent["bytes"],
        "the statement, lean": spent["lean"],
        "rows become the answer": spent["complete"],
        "the answer becomes bytes": spent["bytes"],
        "arguments, plan, the rest of the operation": spent["operation"] - spent["lean"] - spent["complete"],
        WHOLE: spent["request"],
        f"{BESIDE}the statement by the official driver": spent["driver"],
        f"{BESIDE}the operation, walked by graphql-core": spent["walked"],
    }


def stages_of(app: Starlette, client: GraphClient, query: str) -> dict[str, Stage]:
    """What is timed, by name."""
    endpoint = app.state.endpoint
    services, operations = endpoint._services, endpoint.operations
    official = SessionFactory(client._driver, client.address.database, 60)

    async def operation() -> Any:
        return await operations.run(operations.ready(query), None, Context(services, None, "stages"))

    async def walked() -> Any:
        with patch("api.operations.PlannedExecutor", Executor):
            return await operation()

    def plan() -> tuple[Plan, dict[str, Any]]:
        found: Plan = services.planner.plans[-1]
        return found, found.binder.fill({})

    async def lean() -> Any:
        one, given = plan()
        return await client.session.read(one.statement.text, given)

    async def driver() -> Any:
        one, given = plan()
        return await official.read(one.statement.text, given)

    kept: dict[str, Any] = {}

    async def complete() -> Any:
        if not kept:
            kept["rows"] = await lean()
        one, given = plan()
        kept["answer"] = Planned(one.shape, kept["rows"][0]["value"], given).completed()  # type: ignore[arg-type]

    async def encoded() -> Any:
        return bytes_of({"data": {"movies": kept["answer"]}})

    async def request() -> Any:
        return await asked(app, query)

    return {
        "request": request,
        "operation": operation,
        "lean": lean,
        "complete": complete,
        "bytes": encoded,
        "driver": driver,
        "walked": walked,
    }


async def asked(app: Starlette, query: str) -> None:
    """One request, as a server hands it to the application."""
    body = json.dumps({"query": query}).encode()
    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "root_path": ""}
    scope |= {"query_string": b"", "headers": headers, "scheme": "http", "http_version": "1.1", "state": {}}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await app({**scope, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}, receive, send)
    assert statuses[0] == 200, statuses


async def timed(stages: dict[str, Stage]) -> dict[str, float]:
    """CPU ms of each, the stages in turn in each round; the first round warms."""
    spent: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(ROUNDS + 1):
        for name, stage in stages.items():
            began = time.process_time()
            for _ in range(TIMES):
                await stage()
            spent[name].append((time.process_time() - began) * 1000 / TIMES)
    return {name: median(times[1:]) for name, times in spent.items()}


if __name__ == "__main__":
    main()
