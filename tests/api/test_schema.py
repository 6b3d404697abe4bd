"""The schema as a product: everything in it says what it is, and what goes has a date."""

import re
from collections.abc import Iterator
from datetime import date
from enum import Enum
from typing import Any

import pytest
from graphql import GraphQLSchema
from graphql import build_schema as read_schema

from api.schema import build_schema
from api.types.build import enumeration
from tests.api.harness import schema

DATED = re.compile(r"until (\d{4}-\d{2}-\d{2}): ")
"""How a deprecation begins: the last day on which the field is there."""


def parts(core: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    """Every type, field, argument, enum value and input field that is not GraphQL's own, by its coordinate."""
    for kind in core.type_map.values():
        if kind.name.startswith("__"):
            continue
        yield kind.name, kind
        for name, field in getattr(kind, "fields", {}).items():
            yield f"{kind.name}.{name}", field
            for argument, definition in getattr(field, "args", {}).items():
                yield f"{kind.name}.{name}({argument}:)", definition
        for name, value in getattr(kind, "values", {}).items():
            yield f"{kind.name}.{name}", value


def undescribed(core: GraphQLSchema) -> list[str]:
    """What does not say what it is."""
    return [where for where, one in parts(core) if not (one.description or "").strip()]


def undated(core: GraphQLSchema) -> list[str]:
    """What is deprecated without a day, in a form that can be read, until which it stays."""
    reasons = ((where, getattr(one, "deprecation_reason", None)) for where, one in parts(core))
    return [where for where, reason in reasons if reason is not None and not _dated(reason)]


def _dated(reason: str) -> bool:
    found = DATED.match(reason)
    try:
        return found is not None and bool(date.fromisoformat(found[1]))
    except ValueError:
        return False


@pytest.mark.parametrize("federation", [False, True])
def test_everything_in_the_schema_has_a_description(federation: bool) -> None:
    assert undescribed(build_schema(federation=federation)._schema) == []


def test_what_has_no_description_is_found_wherever_it_stands() -> None:
    core = read_schema(
        """
        type Query { a(b: Int = 1): E }
        enum E { X }
        input I { f: Int }
        scalar S
        union U = Query
        interface N { id: ID }
        "told" type T { "told" t("told" x: Int): Int  "  " blank: Int }
        """
    )
    found = set(undescribed(core)) - {"Int", "ID", "String", "Boolean"}
    assert found == {
        *("Query", "Query.a", "Query.a(b:)", "E", "E.X", "I", "I.f", "S", "U", "N", "N.id", "T.blank"),
    }  # fmt: skip


def test_descriptions_are_sentences_without_loose_ends() -> None:
    loose = [
        where
        for where, one in parts(schema()._schema)
        if not one.description.rstrip().endswith((".", ")", "…", "`"))  # an example may end one
        or "  " in one.description.replace("\n", " ").strip()
    ]
    standard = ("Int", "ID", "String", "Boolean", "Float")
    assert [where for where in loose if where not in standard] == []


def test_a_deprecation_has_the_day_until_which_it_stays() -> None:
    assert undated(schema()._schema) == []


def test_a_deprecation_without_a_day_is_found() -> None:
    core = read_schema(
        """
        type Query {
          a: Int @deprecated
          b: Int @deprecated(reason: "use a")
          c: Int @deprecated(reason: "until 2027-02-30: use a")
          d: Int @deprecated(reason: "until 2027-03-01: use a")
          e(x: Int @deprecated(reason: "soon")): E
        }
        enum E { X @deprecated(reason: "2027-03-01") }
        """
    )
    assert undated(core) == ["Query.a", "Query.b", "Query.c", "Query.e(x:)", "E.X"]


def test_an_enum_of_the_domain_is_described_name_by_name() -> None:
    class Colour(Enum):
        RED = 1
        BLUE = 2

    with pytest.raises(ValueError, match=re.escape("Colour.BLUE is described as GREEN")):
        enumeration(Colour, "Colours.", {"RED": "Red.", "GREEN": "Green."})
    with pytest.raises(ValueError, match="shorter"):
        enumeration(Colour, "Colours.", {"RED": "Red."})


def unpaged(found: GraphQLSchema) -> list[str]:
    """Connections that do not take a size and a cursor alone: one that skips or counts from elsewhere has no bound."""
    wrong = []
    for kind in found.type_map.values():
        for name, one in getattr(kind, "fields", {}).items():
            kind_of = str(getattr(one, "type", ""))
            paging = {argument: str(given.type) for argument, given in getattr(one, "args", {}).items()}
            others = {"last", "before", "offset", "skip", "limit", "page"} & set(paging)
            follows = paging.get("after") == "String" or kind is found.subscription_type  # which pushes first pages
            sized = paging.get("first") == "Int!" and follows
            if kind_of.rstrip("!").endswith("Connection") and (others or not sized):
                wrong.append(f"{kind.name}.{name}")
    return wrong


@pytest.mark.parametrize("federation", [False, True])
def test_t30_every_connection_is_a_page_of_a_size_after_a_cursor(federation: bool) -> None:
    assert unpaged(build_schema(federation=federation)._schema) == []


def test_a_connection_that_is_paged_otherwise_is_found() -> None:
    text = """
    type AConnection { a: Int }
    type Query {
      fits(first: Int! = 10, after: String = null): AConnection!
      unsized: AConnection!
      counted(first: Int! = 10, after: String = null, offset: Int): AConnection
      half(first: Int! = 10): AConnection
    }
    """
    assert unpaged(read_schema(text)) == ["Query.unsized", "Query.counted", "Query.half"]
