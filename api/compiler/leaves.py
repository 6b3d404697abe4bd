"""Leaves of a planned answer: which values are the answer as they are, and how the others become it.

What graphql-core does leaf by leaf is known beforehand from the type: a text is a text, a small number a number. Any
value that is not plainly right is left to graphql-core, which says what is wrong with it, and where.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLEnumType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLScalarType,
)

Fix: TypeAlias = Callable[[Any], Any]

MAX_INT: Final = 2**31 - 1
"""The largest Int of GraphQL."""

KINDS: Final = {"String": "text", "ID": "text", "Boolean": "flag", "Int": "integer"}
"""Scalars whose values need a look and nothing else; see `making.py`."""


class NotPlain(Exception):
    """A value that only graphql-core can complete."""


def leaf(kind: GraphQLOutputType) -> tuple[str, Fix | None]:
    """The kind of a leaf's values, or of a list of them, with a ? where they may be null; and what is made of a value
    that is not null."""
    null = "" if isinstance(kind, GraphQLNonNull) else "?"
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(inner, GraphQLList):
        return f"other{null}", _each(*leaf(inner.of_type))
    assert isinstance(inner, GraphQLScalarType | GraphQLEnumType)
    if inner.name in KINDS:
        return KINDS[inner.name] + null, None
    return f"other{null}", _number if inner.name == "Float" else _by_type(inner)


def total(value: Any) -> int:
    """A number of things, as an Int."""
    if type(value) is not int or not 0 <= value <= MAX_INT:
        raise NotPlain
    return value


def _number(value: Any) -> float:
    if type(value) not in (float, int) or not isfinite(value):
        raise NotPlain
    return float(value)


def _by_type(kind: GraphQLLeafType) -> Fix:
    """By the type itself, as graphql-core would."""

    def fix(value: Any) -> Any:
        try:
            found = kind.coerce_output_value(value)
        except Exception as error:
            raise NotPlain from error
        if found is None or type(found).__name__ == "UndefinedType":
            raise NotPlain
        return found

    return fix


TYPES: Final = {"text": str, "flag": bool}


def _each(kind: str, fix: Fix | None) -> Fix:
    """Each value of a list; numbers and nulls within lists are graphql-core's."""
    only = TYPES.get(kind)

    def fixed(values: Any) -> list[Any]:
        if type(values) is not list:
            raise NotPlain
        if only is not None and all(type(value) is only for value in values):
            return values
        if fix is None or None in values:
            raise NotPlain
        return [fix(value) for value in values]

    return fixed
