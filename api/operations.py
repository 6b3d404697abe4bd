"""Operations of a text: read, held against the limits and the schema once, kept, and run.

What is kept is bounded by tokens, since a document's tree takes memory by them, some 1 kB each: a caller who sends ever
new documents pushes out what others sent, no more.
"""

import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final, cast

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    execute,
    get_named_type,
    get_variable_values,
    parse,
    subscribe,
    type_from_ast,
)

from api.context import Context
from api.cost import Cost, reckon
from api.executor import PlannedExecutor
from api.limits import Counted, Definition, check_document, check_uses
from api.validating import MAX_ERRORS, mistakes
from cinegraph.settings import ApiSettings
from graph.snapshot import Snapshot

KEPT_TOKENS: Final = 200_000
"""Tokens of documents in memory at most; the documents that were used least recently go first."""
KEPT_COSTS: Final = 64
"""Costs of one document in memory."""
NO_NULL: Final = "Cannot return null for non-nullable field"
"""How graphql-core begins what it says of a null that may not be; it has no code."""


class WrongVariables(Exception):
    """Variables that are not of their types: the first few mistakes."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Ready:
    """A document within the limits: its operations by name, and what is wrong with it."""

    text: str
    document: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    errors: Sequence[GraphQLError]
    definitions: Sequence[Definition]
    """Its operations as they were counted, those that share a name each."""
    tokens: int
    costs: dict[Any, Cost] = field(default_factory=dict, compare=False)
    """What its operations cost, by what the cost depends on."""

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of a name, or the only one; None where there is none, or a name is wanted."""
        if name:
            return self.operations.get(name)
        return next(iter(self.operations.values())) if len(self.definitions) == 1 and self.operations else None

    def uses(self, name: str | None) -> Mapping[str, int]:
        """How often an operation uses each of its variables."""
        return next(one.uses for one in self.definitions if not name or one.name == name)

    def faults(self, name: str | None) -> Sequence[GraphQLError]:
        """Why an operation cannot be run; nothing for one that can."""
        if len(self.definitions) > 1 and not name:
            return [GraphQLError("the document has several operations; operationName must say which")]
        if not self.operations:
            return self.errors or [GraphQLError("the document has no operation; write a query")]
        if self.operation(name) is None:
            return [GraphQLError(f"the document has no operation {name!r}")]
        return self.errors


class Operations:
    """Reads and runs operations on one schema; with `introspection` off it neither tells the schema nor hints at it."""

    def __init__(self, schema: GraphQLSchema, limits: ApiSettings, *, introspection: bool = True) -> None:
        self.schema, self._limits, self._hides = schema, limits, not introspection
        self._kept: OrderedDict[str, Ready] = OrderedDict()
        self._tokens = 0

    def ready(self, text: str) -> Ready:
        """The document of a text; raises `LimitExceeded` for one that is past a limit."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        made = self._made(text, check_document(text, self._limits))
        self._kept[text] = made
        self._tokens += made.tokens
        while self._tokens > KEPT_TOKENS:
            self._tokens -= self._kept.popitem(last=False)[1].tokens
        return made

    def _made(self, text: str, counted: Counted) -> Ready:
        try:
            document = _loose(parse(text))
        except GraphQLError as error:
            mistake = error.with_traceback(None)  # which would keep the parser, and all that it has read
            return Ready(text, DocumentNode(definitions=()), {}, [mistake], counted.operations, counted.tokens)
        named: dict[str | None, OperationDefinitionNode] = {}
        for one in document.definitions:
            if isinstance(one, OperationDefinitionNode):
                named.setdefault(one.name.value if one.name else None, one)
        errors = mistakes(self.schema, text, document, introspection=not self._hides)
        return Ready(text, document, named, errors, counted.operations, counted.tokens)

    def cost(self, ready: Ready, variables: Mapping[str, Any] | None, snapshot: Snapshot, name: str | None) -> Cost:
        """What an operation of a valid document may cost; raises `WrongVariables`, and `LimitExceeded` for one that
        uses too many values."""
        operation, uses = ready.operation(name), ready.uses(name)
        assert operation is not None
        check_uses(uses, variables or {})
        key = (name, snapshot.version, *self._weights(operation, variables or {}))
        found = ready.costs.get(key)
        if found is None:
            given = self._coerced(operation, variables or {})
            check_uses(uses, {**given.coerced, **(variables or {})})  # with those by default
            fragments = {
                one.name.value: one for one in ready.document.definitions if isinstance(one, FragmentDefinitionNode)
            }
            found = reckon(self.schema, fragments, operation, given.coerced, snapshot)
            if len(ready.costs) >= KEPT_COSTS:
                ready.costs.clear()
            ready.costs[key] = found
        return found

    def _coerced(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Any:
        """The variables' values as their types have them; raises `WrongVariables`."""
        found = get_variable_values(
            self.schema, operation.variable_definitions or (), dict(variables), MAX_ERRORS, self._hides
        )
        if isinstance(found, list):
            raise WrongVariables(found)
        return found

    def _weights(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Iterator[Any]:
        """What of the variables can change a cost: sizes, conditions, orders, and what is given at all."""
        for definition in operation.variable_definitions or ():
            value = variables.get(definition.variable.name.value, Undefined)
            if isinstance(value, list | dict):
                yield len(value)
            elif isinstance(value, str):
                kind: Any = get_named_type(type_from_ast(self.schema, definition.type))
                yield value if isinstance(kind, GraphQLEnumType) else True
            else:
                yield value

    async def run(
        self, ready: Ready, variables: dict[str, Any] | None, context: Context, name: str | None = None
    ) -> ExecutionResult:
        """What an operation of a valid document comes to; a query whose statement was torn is run once more."""
        result = await self._run(ready, variables, context, name)
        if _is_torn(result) and _is_query(ready.operation(name)):
            context.begin_anew()
            result = await self._run(ready, variables, context, name)
        return _marked(result, context)

    async def _run(
        self, ready: Ready, variables: dict[str, Any] | None, context: Context, name: str | None
    ) -> ExecutionResult:
        found = self._begun(execute, ready, variables, context, name)
        return cast(ExecutionResult, found if isinstance(found, ExecutionResult) else await found)

    async def answers(
        self, ready: Ready, variables: dict[str, Any] | None, context: Context, name: str | None = None
    ) -> AsyncGenerator[ExecutionResult, None]:
        """All that a subscription of a valid document comes to."""
        begun = self._begun(subscribe, ready, variables, context, name)
        found = await begun if isawaitable(begun) else begun
        if isinstance(found, ExecutionResult):
            yield found
            return
        async with aclosing(found) as results:
            async for one in results:
                yield _marked(one, context)

    def _begun(
        self,
        begin: Callable[..., Any],
        ready: Ready,
        variables: dict[str, Any] | None,
        context: Context,
        name: str | None,
    ) -> Any:
        """What graphql-core gives at once, by `execute` or `subscribe`, which take the same."""
        return begin(
            self.schema,
            ready.document,
            context_value=context,
            variable_values=variables,
            operation_name=name,
            max_coercion_errors=MAX_ERRORS,
            executor_class=PlannedExecutor,
            hide_suggestions=self._hides,
        )

    async def ask(
        self, text: str, variables: dict[str, Any] | None, context: Context, name: str | None = None
    ) -> ExecutionResult:
        """What an operation comes to; of a document that is not valid its errors alone."""
        ready = self.ready(text)
        if ready.errors:
            return ExecutionResult(None, list(ready.errors))
        return await self.run(ready, variables, context, name)


def _loose(document: DocumentNode) -> DocumentNode:
    """A document whose tokens do not hold each other: what is let go of is free at once, not when cycles are sought.

    Each token that graphql-core reads knows the one before and the one after; nothing here asks for them.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token.next, token = None, None, token.next
    return document


def _is_query(operation: OperationDefinitionNode | None) -> bool:
    return operation is not None and operation.operation is OperationType.QUERY


def _is_torn(result: ExecutionResult) -> bool:
    """Whether null stands where nothing may be: a node that others delete while a statement reads it has no value left,
    and is not found by the next statement."""
    return any(NO_NULL in one.message for one in result.errors or ())


def _marked(result: ExecutionResult, context: Context) -> ExecutionResult:
    """A result that says what it is given without."""
    if degraded := context.degraded:
        result.extensions = {**(result.extensions or {}), "degraded": degraded}
    return result


def bytes_of(answer: Any) -> bytes:
    """An answer as JSON, in few bytes."""
    try:
        return orjson.dumps(answer)
    except TypeError:  # a number beyond 64 bits, in the JSON that somebody wrote into the graph
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
