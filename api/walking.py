"""One walk over a document for all rules of validation.

graphql-core's visitor serves those who change a tree as well, asks every rule at every node whether it has something to
do there, and learns anew for each document which rules that are. What a rule of validation does at a node is known by
its class, so here a node is shown to those alone that look at its kind, which takes half of the time. The answers are
graphql-core's to the letter: the same rules, in the same order, on the same types (`tests/api/test_walking.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias, cast

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    TypeInfo,
    ValidationContext,
    Visitor,
)
from graphql.language.visitor import BREAK, SKIP
from graphql.pyutils import RefMap
from graphql.validation.validate import (
    FragmentNestingVisitor,
    ValidationAbortedError,
    query_document_keys_to_validate,
)
from graphql.validation.validation_context import NodeWithSelectionSet, VariableUsage, VariableUsageVisitor

Handler: TypeAlias = Callable[..., Any]
TOO_MANY: Final = "Too many validation errors, error limit reached. Validation aborted."


class Handlers(NamedTuple):
    """What is done at a node of one kind: of types, and of the rules by their numbers; and where its children are."""

    into: Handler | None
    out: Handler | None
    enter: Sequence[tuple[int, Handler]]
    leave: Sequence[tuple[int, Handler]]
    keys: Sequence[str]


@cache
def _looking(kinds: tuple[type[Visitor], ...], node: str) -> tuple[tuple[tuple[int, str], ...], ...]:
    """Which of the rules do something when a kind of node is entered, and when it is left, and by which method."""
    found = []
    for side in ("enter", "leave"):
        named = (
            (i, next((one for one in (f"{side}_{node}", side) if hasattr(kind, one)), ""))
            for i, kind in enumerate(kinds)
        )
        found.append(tuple((i, name) for i, name in named if name))
    return tuple(found)


class Walk:
    """A walk with rules, which are told of each node as `ParallelVisitor` would; none of them changes the tree."""

    def __init__(self, types: TypeInfo, rules: Sequence[Visitor]) -> None:
        self._types, self._rules = types, rules
        self._classes = tuple(map(type, rules))
        self._known: dict[str, Handlers] = {}
        self._skipping: list[Any] = [None] * len(rules)
        self._ancestors: list[Any] = []

    def _handlers(self, kind: str) -> Handlers:
        enter, leave = (
            tuple((i, getattr(self._rules[i], name)) for i, name in side) for side in _looking(self._classes, kind)
        )
        into, out = (getattr(self._types, f"{side}_{kind}", None) for side in ("enter", "leave"))
        found = self._known[kind] = Handlers(into, out, enter, leave, query_document_keys_to_validate.get(kind, ()))
        return found

    def visit(self, node: Node, key: str | int | None = None, parent: Any = None) -> None:
        """Show a node and all below it to the rules; a path is not kept, since none of them reads it."""
        kind = node.kind
        into, out, enter, leave, keys = self._known.get(kind) or self._handlers(kind)
        skipping, ancestors, skipped = self._skipping, self._ancestors, False
        if into is not None:
            into(node)
        for i, handler in enter:
            if skipping[i] is None:
                result = handler(node, key, parent, (), ancestors)
                if result is not None:
                    skipping[i], skipped = _told(result, node), True
        if keys:
            self._below(node, keys, parent)
        for i, handler in leave:
            if skipping[i] is None and handler(node, key, parent, (), ancestors) in (BREAK, True):
                skipping[i] = BREAK
        if skipped:
            self._skipping[:] = [None if one is node else one for one in skipping]
        if out is not None:
            out()

    def _below(self, node: Node, keys: Sequence[str], parent: Any) -> None:
        ancestors = self._ancestors
        if parent is not None:
            ancestors.append(parent)
        for key in keys:
            value = getattr(node, key, None)
            if isinstance(value, tuple):
                ancestors.append(node)
                for i, one in enumerate(value):
                    self.visit(one, i, value)
                ancestors.pop()
            elif value is not None:
                self.visit(value, key, node)
        if parent is not None:
            ancestors.pop()


class Context(ValidationContext):
    """What rules ask of a document. graphql-core keeps the answers by a hash of all of a tree, and walks through each
    definition for its variables; here they are kept by the node itself, and what has no `$` is not walked through."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, types: TypeInfo, *more: Any) -> None:
        super().__init__(schema, document, types, *more)
        self._fragment_spreads = cast(Any, RefMap())
        self._recursive_variable_usages = cast(Any, RefMap())
        self._usages: dict[int, list[VariableUsage]] = {}

    def get_variable_usages(self, node: NodeWithSelectionSet) -> list[VariableUsage]:
        """The variables that stand within an operation or a fragment."""
        found = self._usages.get(id(node))
        if found is None:
            visitor = VariableUsageVisitor(self._type_info, node if isinstance(node, FragmentDefinitionNode) else None)
            if _has_variables(node):
                Walk(self._type_info, [visitor]).visit(node)
            found = self._usages[id(node)] = visitor.usages
        return found


def _has_variables(node: Node) -> bool:
    """Whether there may be a variable in a node, by its text."""
    return node.loc is None or "$" in node.loc.source.body[node.loc.start : node.loc.end]


def _told(result: Any, node: Node) -> Any:
    """What a rule skips after it answered: all below a node, or all of the document from there on."""
    if result is SKIP or result is False:
        return node
    assert result is BREAK or result is True, f"{result!r}: a rule of validation does not change what it reads"
    return BREAK


def validated(
    schema: GraphQLSchema,
    document: DocumentNode,
    rules: Sequence[type[ASTValidationRule]],
    max_errors: int,
    hide_suggestions: bool,
) -> list[GraphQLError]:
    """What `graphql.validate` says of a document; the schema is one that was found to be valid before."""
    errors: list[GraphQLError] = []

    def on_error(error: GraphQLError) -> None:
        if len(errors) >= max_errors:
            raise ValidationAbortedError(TOO_MANY)
        errors.append(error)

    types = TypeInfo(schema)
    context = Context(schema, document, types, on_error, hide_suggestions)
    held: list[Visitor] = [rule(context) for rule in rules]
    fragments = _fragments(document)
    if fragments:
        held.insert(0, FragmentNestingVisitor(dict(fragments)))
    try:
        Walk(types, held).visit(document)
    except ValidationAbortedError as error:
        error.__context__ = None  # an error that is kept keeps no frames
        errors.append(error.with_traceback(None))
    except RecursionError:
        errors.append(ValidationAbortedError("Validation aborted."))
    return errors


def _fragments(document: DocumentNode) -> Mapping[str, FragmentDefinitionNode]:
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
