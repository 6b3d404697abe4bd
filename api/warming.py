"""Trusted documents before anybody asks: read, validated, and run once, so that plans are there, ours and Neo4j's.

A document that is past a limit or not valid is told at the start. What is run are queries, as nobody in particular,
with made-up variables of the right types: the ids need not be there for a statement to be planned. What only a user may
ask, and every mutation, is planned when it comes first.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    type_from_ast,
)

from api.context import Context, Services
from api.limits import LimitExceeded
from api.operations import Operations
from cinegraph.errors import InvalidInput

log = logging.getLogger("cinegraph.api")

SAMPLES: Mapping[str, Any] = {
    "Int": 1,
    "Float": 1.0,
    "String": "a",
    "Boolean": True,
    "ID": "1",
    "DateTime": "2000-01-01T00:00:00Z",
    "JSON": "{}",
    "_Any": {"__typename": "Movie", "id": "1"},
}
"""A value of each scalar."""


def check_trusted(documents: Mapping[str, str], operations: Operations) -> None:
    """Raises `InvalidInput` with the first document that cannot be run, and why."""
    for id_, text in documents.items():
        try:
            errors = operations.ready(text).errors
        except LimitExceeded as error:
            raise InvalidInput(f"the trusted document {id_!r} cannot be run: {error}") from error
        if errors:
            raise InvalidInput(f"the trusted document {id_!r} cannot be run: {errors[0].message}")


async def warm(documents: Mapping[str, str], operations: Operations, services: Services) -> int:
    """Run each query of the documents once or twice, with and without what it may leave out; how many ran through."""
    ran = 0
    for id_, text in documents.items():
        ready = operations.ready(text)
        for operation in _queries(ready.document):
            name = operation.name.value if operation.name else None
            for variables in samples(operations.schema, operation):
                context = Context(services, None, f"start of {id_}"[:100], warming=True)
                result = await operations.run(ready, variables, context, name)
                ran += not result.errors
    log.info("%d trusted documents are ready; %d queries of them were run", len(documents), ran)
    return ran


def _queries(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode) and one.operation is OperationType.QUERY:
            yield one


def samples(schema: GraphQLSchema, operation: OperationDefinitionNode) -> list[dict[str, Any]]:
    """Variables of the operation's types: all of them, and those alone that must be given, where that is less."""
    every, needed = dict[str, Any](), dict[str, Any]()
    for definition in operation.variable_definitions or ():
        kind: Any = type_from_ast(schema, definition.type)
        name = definition.variable.name.value
        every[name] = sample(kind)
        if isinstance(kind, GraphQLNonNull) and definition.default_value is None:
            needed[name] = every[name]
    return [every] if len(needed) == len(every) else [every, needed]


def sample(kind: GraphQLInputType) -> Any:
    """A value of an input type: of an object what must be given, or the first of its fields; of ids none, since those
    that the catalogue does not have are refused."""
    if isinstance(kind, GraphQLNonNull):
        return sample(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [] if get_named_type(kind).name == "ID" else [sample(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        needed = {name: one for name, one in kind.fields.items() if isinstance(one.type, GraphQLNonNull)}
        chosen = needed or dict(list(kind.fields.items())[:1])
        return {name: sample(one.type) for name, one in chosen.items()}
    return SAMPLES[kind.name]
