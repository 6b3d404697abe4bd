"""The schema: the types and root fields put together, and every field of the answer a look-up.

Compiled answers are dictionaries by response key, so a field's resolver is `answer[key]`, whatever its arguments: they
went into the statement. Strawberry's own resolvers stay where a field is not part of a compiled answer.
"""

from collections.abc import Awaitable, Callable
from functools import cache, partial
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition

from api.compiler.model import Resolved, meaning
from api.compiler.planner import names_of
from api.compiler.shape import TYPE_KEY, Planned
from api.federation import REPRESENTATION, FederatedQuery, Representation
from api.mutations import Mutation
from api.queries import Query
from api.scalars import DATE_TIME, JSON_TEXT, DateTime, JsonText
from api.subscriptions import Subscription
from api.types.catalog import Company, Country, Language, Tag
from api.types.explanations import SEGMENTS
from cinegraph import telemetry


@cache
def build_schema(*, federation: bool = False) -> strawberry.Schema:
    """The schema that is served, and without the fields for a gateway of `federation` written to `schema.graphql`; one
    for all applications of a process, since nobody changes it."""
    schema = strawberry.Schema(
        FederatedQuery if federation else Query,
        Mutation,
        Subscription,
        types=[Company, Country, Language, Tag, *SEGMENTS.values()],
        config=StrawberryConfig(scalar_map={DateTime: DATE_TIME, JsonText: JSON_TEXT, Representation: REPRESENTATION}),
    )
    core: GraphQLSchema = schema._schema
    roots = {core.query_type, core.mutation_type, core.subscription_type}
    for kind in core.type_map.values():
        _read_plainly(kind)
        if kind in roots:
            _seen(kind)
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            _look_up(kind)
        elif hasattr(kind, "resolve_type") and not kind.name.startswith("__"):
            kind.resolve_type = _named
    return schema


def _read_plainly(kind: Any) -> None:
    """Give resolvers no filter: they read it as the compiler does, and objects of classes would be made of it for
    nothing, by two hundred calls each."""
    for field in kind.fields.values() if isinstance(kind, GraphQLObjectType) else ():
        if "filter" in field.args:
            field.resolve, field.subscribe = _without_filter(field.resolve), _without_filter(field.subscribe)


def _without_filter(own: Callable[..., Any] | None) -> Callable[..., Any] | None:
    if own is None:
        return None

    def resolve(source: Any, info: GraphQLResolveInfo[Any], filter: Any = None, **arguments: Any) -> Any:
        return own(source, info, **arguments)

    return resolve


def _seen(root: Any) -> None:
    """Let what a root field sends be seen as sent for it."""
    for field in root.fields.values():
        field.resolve = _within(field.resolve)


def _within(own: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        found = own(source, info, **arguments)
        return _awaited(found, info) if isawaitable(found) else found

    return resolve


async def _awaited(found: Awaitable[Any], info: GraphQLResolveInfo[Any]) -> Any:
    with telemetry.at(partial(names_of, info)):
        return await found


def _look_up(kind: GraphQLObjectType) -> None:
    """Let every field take its value from the answer; an object of a class of ours has resolvers of its own."""
    kind.is_type_of = None
    for field in kind.fields.values():
        resolved = isinstance(meaning(field), Resolved)
        field.resolve = _from_key(field.resolve) if resolved else _by_key(_own(field))


def _by_key(own: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if type(source) is Planned:
            return source.raw[str(info.path.key)]
        if type(source) is dict:
            return source[info.path.key]
        return own(source, info, **arguments)

    return resolve


def _from_key(own: Callable[..., Any]) -> Callable[..., Any]:
    """The field's own resolver, which goes on from the key that the compiled answer has."""

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        answer = source.raw if type(source) is Planned else source
        return own(answer[str(info.path.key)], info, **arguments)

    return resolve


def _own(field: GraphQLField) -> Callable[..., Any]:
    """Strawberry's resolver; where the field takes nothing, its method itself, at a tenth of the time."""
    assert field.resolve is not None
    method = field.extensions["strawberry-definition"].base_resolver
    if method is None or method.arguments or method.info_parameter:
        return field.resolve
    plain = method.wrapped_func
    return lambda source, _info: plain(source)


def _named(value: Any, info: GraphQLResolveInfo[Any], _kind: Any) -> str:
    if type(value) in (dict, Planned):
        return str((value.raw if type(value) is Planned else value)[TYPE_KEY])
    definition: StrawberryObjectDefinition = type(value).__strawberry_definition__
    return str(info.schema.type_map[definition.name].name)
