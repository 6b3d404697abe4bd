"""Runs GraphQL against a real graph, and tells what it cost."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import strawberry

from api.compiler.planner import Planner
from api.context import Context, Services
from api.ids import Cursors
from api.operations import Operations
from api.schema import build_schema
from cinegraph.settings import ApiSettings
from graph.client import GraphClient
from recommenders.serving import Serving

WIDE = ApiSettings(
    max_tokens=100_000,
    max_depth=100,
    max_aliases=10_000,
    max_root_fields=1_000,
    max_directives=1_000,
    max_duplicates=1_000,
)
"""Limits of documents that no test of an answer comes near to."""


@cache
def schema() -> strawberry.Schema:
    """One schema for all tests."""
    return build_schema()


@cache
def operations() -> Operations:
    """What runs them, within wide limits."""
    return Operations(schema()._schema, WIDE)


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
        return _data(await operations().ask(query, variables, context))

    async def execute(self, query: str, user: str | None = None, /, **variables: Any) -> Any:
        """The whole result."""
        return await operations().ask(query, variables, Context(self.services, user, "test"))

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
