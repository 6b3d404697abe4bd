"""What is kept of documents, and that nothing is left of those that are not."""

import gc
from collections.abc import Iterator

import pytest
from graphql import Token

from api import operations
from api.operations import Operations
from tests.api.harness import WIDE, schema

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
