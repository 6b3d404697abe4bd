"""Runs GraphQL against a real graph, and tells what it cost."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import strawberry

from api.compiler.planner import Planner
from api.context import Context, Services
from api.ids import Cursors
from api.schema import build_schema
from graph.client import GraphClient
from recommenders.serving import Serving


@cache
def schema() -> strawberry.Schema:
    """One schema for all tests."""
    return build_schema()


@dataclass
class Api:
    """The schema over a graph."""

    graph: GraphClient
    services: Services

    async def ask(self, query: str, user: str | None = None, /, **variables: Any) -> Any:
        """The data of an operation that must not fail."""
        return _data(await self.execute(query, user, **variables))

    async def administer(self, query: str, /, **variables: Any) -> Any:
        """The data of an operation that an administrator asks for, and that must not fail."""
        context = Context(self.services, "admin", "test", admin=True)
        return _data(await schema().execute(query, variable_values=variables, context_value=context))

    async def execute(self, query: str, user: str | None = None, /, **variables: Any) -> Any:
        """The whole result."""
        return await schema().execute(
            query, variable_values=variables, context_value=Context(self.services, user, "test")
        )

    async def counted(self, query: str, user: str | None = None, /, **variables: Any) -> tuple[Any, int]:
        """The data, and how many statements the graph was sent."""
        before = self.graph.session.statements
        data = await self.ask(query, user, **variables)
        return data, self.graph.session.statements - before


def _data(result: Any) -> Any:
    assert result.errors is None, result.errors
    return result.data


def api_over(graph: GraphClient, serving: Serving) -> Api:
    """The API over a graph, with the default limits."""
    cursors = Cursors(b"tests")
    return Api(graph, Services(graph.writer, serving, Planner(cursors, 10_000), cursors))
