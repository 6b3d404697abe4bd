"""What is kept of documents, that nothing is left of those that are not, and a statement that others tear."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import Token

from api import operations
from api.context import Services
from api.operations import Operations
from graph.client import Reader
from tests.api.harness import WIDE, Api, schema

KEPT = 40
"""Tokens, of a document and a half."""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operations]:
    """Operations with little room, while nobody looks for cycles."""
    monkeypatch.setattr(operations, "KEPT_TOKENS", KEPT)
    gc.collect()
    gc.disable()
    yield Operations(schema()._schema, WIDE)
    gc.enable()


def tokens() -> int:
    return sum(type(one) is Token for one in gc.get_objects())


@pytest.mark.parametrize("field", ["title", "nothing"])
def test_what_is_pushed_out_is_free_at_once(few: Operations, field: str) -> None:
    """Also of a document that is not valid, whose mistakes hold on to its nodes."""
    before, most = tokens(), 0
    for number in range(20):
        few.ready(f"query Q{number} {{ movies(first: 3) {{ nodes {{ id {field} genres {{ nodes {{ id }} }} }} }} }}")
        most = max(most, tokens() - before)
    assert 0 < most <= KEPT


def test_a_mistake_that_is_kept_holds_on_to_nothing_that_read_it(few: Operations) -> None:
    (mistake,) = few.ready("{ movies(").errors
    assert mistake.__traceback__ is None
    assert [(one.line, one.column) for one in mistake.locations or ()] == [(1, 10)]


@pytest.mark.parametrize(("torn", "errors"), [(1, 0), (2, 1)])
async def test_a_query_whose_node_is_deleted_while_it_is_read_is_run_once_more(
    services: Services, monkeypatch: pytest.MonkeyPatch, torn: int, errors: int
) -> None:
    """Neo4j gives null for all of such a node; it is gone for the next statement, or the graph is wrong in itself."""
    read, sent = Reader.read, 0

    async def tearing(self: Reader, *given: Any, **more: Any) -> Any:
        nonlocal sent
        rows = await read(self, *given, **more)
        sent += 1
        return [{"value": [None, None]}] if sent <= torn else rows

    monkeypatch.setattr(Reader, "read", tearing)
    found = await Api(services.graph, services).execute('{ movie(id: "1") { id title } }')  # type: ignore[arg-type]
    assert sent == 2
    assert len(found.errors or ()) == errors
    assert found.data == {"movie": None if errors else {"id": "Movie:1", "title": "Alien"}}
