"""Where the parameters of a compiled statement come from: arguments, read anew from each request's variables.

A plan is made once for an operation and a structure of its variables; values never go into the text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    ValueNode,
)
from graphql.utilities import value_from_ast

Variables = Mapping[str, Any]
Transform = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as it stands in the document, or its default, or a value that the server gives."""

    node: ValueNode | None
    type: GraphQLInputType
    default: Any = None

    def value(self, variables: Variables) -> Any:
        """Its coerced value in this request."""
        if self.node is None:
            return self.default
        value = value_from_ast(self.node, self.type, dict(variables))
        return self.default if _is_undefined(value) else value


def _is_undefined(value: Any) -> bool:
    return type(value).__name__ == "UndefinedType"


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    argument: Argument
    transform: Transform


@dataclass(slots=True)
class Binder:
    """Collects the parameters of one statement while it is compiled, and fills them for each request."""

    parameters: list[_Parameter] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    def bind(self, argument: Argument, transform: Transform) -> str:
        """The `$name` of a new parameter: the argument's value, transformed."""
        name = f"p{len(self.parameters)}"
        self.parameters.append(_Parameter(name, argument, transform))
        return f"${name}"

    def give(self, name: str) -> str:
        """The `$name` of a parameter that the resolver gives."""
        if name not in self.given:
            self.given.append(name)
        return f"${name}"

    def fill(self, variables: Variables) -> dict[str, Any]:
        """The parameters for one request; raises `InvalidInput` for a value that is out of range."""
        known: dict[int, Any] = {}  # a filter is one argument, and each of its conditions a parameter
        for one in self.parameters:
            if id(one.argument) not in known:
                known[id(one.argument)] = one.argument.value(variables)
        return {one.name: one.transform(known[id(one.argument)]) for one in self.parameters}


def structure(value: Any, kind: GraphQLInputType) -> Any:
    """What of a variable's value can change a text: enums, booleans, which keys are given, what is null."""
    if value is None:
        return None
    if isinstance(kind, GraphQLNonNull):
        return structure(value, kind.of_type)
    if isinstance(kind, GraphQLList):
        return tuple(structure(item, kind.of_type) for item in value) if _structured(kind) else "list"
    if isinstance(kind, GraphQLInputObjectType):
        return tuple((name, structure(item, kind.fields[name].type)) for name, item in sorted(value.items()))
    return value if isinstance(kind, GraphQLEnumType) or kind is GraphQLBoolean else "value"


def _structured(kind: GraphQLInputType) -> bool:
    while isinstance(kind, GraphQLList | GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLInputObjectType | GraphQLEnumType)
