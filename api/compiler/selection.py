"""The fields that a selection really asks for: fragments opened, `@skip` and `@include` obeyed, repetitions merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from api.compiler.binding import Argument

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True)
class Scope:
    """What a selection is read against: the schema, the document's fragments, the request's variables."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]


@dataclass(slots=True)
class Selected:
    """One field of the answer: its response key, its arguments as written, and what is asked of its value."""

    key: str
    name: str
    definition: GraphQLField | None
    arguments: Mapping[str, ValueNode]
    sets: list[SelectionSetNode] = field(default_factory=list)

    def argument(self, name: str) -> Argument:
        """An argument as it stands in the document."""
        assert self.definition is not None
        given = self.definition.args[name]
        default = given.default_value if isinstance(given.default_value, int | str) else None
        return Argument(self.arguments.get(name), given.type, default)


def fields_of(scope: Scope, owner: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> list[Selected]:
    """The fields selected on an object of this type, in the order of the answer."""
    merged: dict[str, Selected] = {}
    nodes: list[FieldNode] = []
    _collect(scope, owner, sets, set(), nodes)
    for node in nodes:
        key = node.alias.value if node.alias else node.name.value
        if key not in merged:
            arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
            merged[key] = Selected(key, node.name.value, owner.fields.get(node.name.value), arguments)
        if node.selection_set:
            merged[key].sets.append(node.selection_set)
    return list(merged.values())


def _collect(
    scope: Scope, owner: GraphQLObjectType, sets: Sequence[SelectionSetNode], seen: set[str], found: list[FieldNode]
) -> None:
    """The fields, in one list: a generator within generators would be called for each of them at each level."""
    for one in sets:
        for selection in one.selections:
            if selection.directives and not _included(scope, selection):
                continue
            if isinstance(selection, FieldNode):
                found.append(selection)
                continue
            fragment = _opened(scope, selection, seen)
            if fragment is not None and _applies(scope, fragment, owner):
                _collect(scope, owner, [fragment.selection_set], seen, found)


def _opened(
    scope: Scope, selection: SelectionNode, seen: set[str]
) -> InlineFragmentNode | FragmentDefinitionNode | None:
    if isinstance(selection, InlineFragmentNode):
        return selection
    assert isinstance(selection, FragmentSpreadNode)
    name = selection.name.value
    if name in seen:
        return None
    seen.add(name)
    return scope.fragments[name]


def _applies(scope: Scope, fragment: InlineFragmentNode | FragmentDefinitionNode, owner: GraphQLObjectType) -> bool:
    if fragment.type_condition is None or fragment.type_condition.name.value == owner.name:
        return True
    condition = scope.schema.type_map[fragment.type_condition.name.value]
    return isinstance(condition, GraphQLInterfaceType | GraphQLUnionType) and scope.schema.is_sub_type(condition, owner)


def _included(scope: Scope, selection: SelectionNode) -> bool:
    for directive in getattr(selection, "directives", None) or ():
        if directive.name.value in ("skip", "include"):
            value = directive.arguments[0].value
            on = scope.variables[value.name.value] if isinstance(value, VariableNode) else value.value
            if on == (directive.name.value == "skip"):
                return False
    return True
