"""Every argument that takes text, as the schema has it: where it is, what it is asked with, and how."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    ast_from_value,
    print_ast,
)

from api.operations import Operations
from api.schema import build_schema
from tests.api.harness import WIDE
from tests.trust.payloads import escaped

HARMLESS = "harmless"
DEEP = {
    "recommendations": "edges { node { id title } why { sentence path { nodes { id } } } }",
    "explain": "score why { sentence } movie { id }",
    "verifyExplanation": "holds",
    "replayRecommendations": "__typename",
    "paths": "nodes { length nodes { id } }",
}
"""What is asked of a field, so that every statement behind it runs."""
KEYS = {"Movie": "1", "Person": "ridley-scott", "Genre": "drama", "User": "1", "Language": "fr"}
"""Nodes that there are; of other types the statement is the same without one."""
ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}
ENTITY = "_Any"
REQUIRED: dict[str, Any] = {"rating": 4.0, "seconds": 60, "weight": 0.5, "share": 0.5}


def bare(kind: Any) -> Any:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return kind


def shaped(kind: Any, value: Any) -> Any:
    """A value in as many lists as its type has."""
    if isinstance(kind, GraphQLNonNull):
        return shaped(kind.of_type, value)
    return [shaped(kind.of_type, value)] if isinstance(kind, GraphQLList) else value


def texts(kind: Any, depth: int = 2) -> Iterator[Any]:
    """Values of an input type, each with `HARMLESS` in one place that takes text."""
    named = bare(kind)
    if isinstance(named, GraphQLScalarType) and named.name in ("String", "ID"):
        yield shaped(kind, HARMLESS)
    elif named.name == ENTITY:
        yield from (shaped(kind, {"__typename": "Movie", "id": "1"} | {key: HARMLESS}) for key in ("id", "__typename"))
    elif isinstance(named, GraphQLInputObjectType) and depth:
        filled = {name: default(one.type, name) for name, one in named.fields.items() if is_required(one)}
        for name, one in named.fields.items():
            for value in texts(one.type, depth - 1):
                yield shaped(kind, {**filled, name: value})


def is_required(one: GraphQLArgument | GraphQLInputField) -> bool:
    return isinstance(one.type, GraphQLNonNull) and type(one.default_value).__name__ == "UndefinedType"


def default(kind: Any, name: str) -> Any:
    """A value that an argument beside the one in question has."""
    named = bare(kind)
    if isinstance(named, GraphQLInputObjectType):
        return shaped(kind, {key: default(one.type, key) for key, one in named.fields.items() if is_required(one)})
    return shaped(kind, REQUIRED.get(name, "Movie:1" if named.name == "ID" else "alien"))


@cache
def core() -> GraphQLSchema:
    """The schema with all fields, those for a gateway too."""
    return build_schema(federation=True)._schema


@cache
def operations() -> Operations:
    """What runs operations on it, within wide limits."""
    return Operations(core(), WIDE)


class Place(NamedTuple):
    """A place that takes text: an argument of a field of a type, and the values that it is asked with."""

    owner: str
    field: str
    argument: str
    arguments: dict[str, Any]

    @property
    def definition(self) -> GraphQLField:
        found = core().type_map[self.owner]
        assert isinstance(found, GraphQLObjectType)
        return found.fields[self.field]

    @property
    def operation(self) -> str:
        return ROOTS.get(self.owner, "query")


def places() -> Iterator[Place]:
    """Each place of each field of the schema."""
    for kind in core().type_map.values():
        for name, field in kind.fields.items() if isinstance(kind, GraphQLObjectType) and kind.name[0] != "_" else ():
            for argument, one in field.args.items():
                others = {
                    key: default(other.type, key)
                    for key, other in field.args.items()
                    if is_required(other) and key != argument
                }
                for value in texts(one.type):
                    yield Place(kind.name, name, argument, {**others, argument: value})


def within(place: Place, passed: str) -> str:
    """The field as it is asked, on a root or below a node of its type."""
    kind = bare(place.definition.type)
    inner = DEEP.get(place.field) or ("edges { cursor }" if kind.name.endswith("Connection") else "__typename")
    asked = f"{place.field}({passed}) {{ {inner} }}"
    if place.owner in ROOTS:
        return f"{{ {asked} }}"
    return f'{{ node(id: "{place.owner}:{KEYS.get(place.owner, "x")}") {{ ... on {place.owner} {{ {asked} }} }} }}'


def asked(place: Place) -> str:
    """The operation that runs a field with these arguments as variables."""
    declared = ", ".join(f"${key}: {place.definition.args[key].type}" for key in place.arguments)
    passed = ", ".join(f"{key}: ${key}" for key in place.arguments)
    return f"{place.operation}({declared}) {within(place, passed)}"


def with_text(value: Any, text: str) -> Any:
    """The same value with another text in the place of the harmless one."""
    if isinstance(value, dict):
        return {key: with_text(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [with_text(one, text) for one in value]
    return text if value == HARMLESS else value


def inline(place: Place, text: str) -> str:
    """The same operation with the text as a literal in the document, most of its signs escaped."""
    passed = (
        f"{key}: {literal(value, place.definition.args[key].type).replace(json.dumps(HARMLESS), escaped(text))}"
        for key, value in place.arguments.items()
    )
    return f"{place.operation} {within(place, ', '.join(passed))}"


def literal(value: Any, kind: Any) -> str:
    """A value as it stands in a document."""
    if bare(kind).name == ENTITY:
        return re.sub(r'"(\w+)":', r"\1:", json.dumps(value))
    node = ast_from_value(value, kind)
    assert node is not None
    return print_ast(node)
