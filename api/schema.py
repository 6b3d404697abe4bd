"""The schema: the types and root fields put together, and every field of the answer a look-up.

Compiled answers are dictionaries by response key, so a field's resolver is `answer[key]`, whatever its arguments: they
went into the statement. Strawberry's own resolvers stay where a field is not part of a compiled answer.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.extensions import DisableIntrospection, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition

from api.compiler.model import Resolved, meaning
from api.compiler.shape import TYPE_KEY
from api.mutations import Mutation
from api.queries import Query
from api.scalars import DATE_TIME, JSON_TEXT, DateTime, JsonText
from api.types.catalog import Company, Country, Language, Tag
from api.types.explanations import SEGMENTS

CACHED_DOCUMENTS = 1_000


class Schema(strawberry.Schema):
    """Leaves the log to `api/errors.py`: Strawberry notes each mistake of a client as an error, with the document."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Nothing."""


def build_schema(*, introspection: bool = True) -> strawberry.Schema:
    """The schema that is served, and written to `schema.graphql`; without introspection it suggests no names either."""
    schema = Schema(
        Query,
        Mutation,
        types=[Company, Country, Language, Tag, *SEGMENTS.values()],
        config=StrawberryConfig(
            scalar_map={DateTime: DATE_TIME, JsonText: JSON_TEXT}, disable_field_suggestions=not introspection
        ),
        extensions=[
            lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
            lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
            *([] if introspection else [DisableIntrospection]),
        ],
    )
    core: GraphQLSchema = schema._schema
    roots = {core.query_type, core.mutation_type}
    for kind in core.type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind not in roots and not kind.name.startswith("__"):
            _look_up(kind)
        elif hasattr(kind, "resolve_type") and not kind.name.startswith("__"):
            kind.resolve_type = _named
    return schema


def _look_up(kind: GraphQLObjectType) -> None:
    """Let every field take its value from the answer; an object of a class of ours has resolvers of its own."""
    kind.is_type_of = None
    for field in kind.fields.values():
        resolved = isinstance(meaning(field), Resolved)
        field.resolve = _from_key(field.resolve) if resolved else _by_key(_own(field))


def _by_key(own: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if type(source) is dict:
            return source[info.path.key]
        return own(source, info, **arguments)

    return resolve


def _from_key(own: Callable[..., Any]) -> Callable[..., Any]:
    """The field's own resolver, which goes on from the key that the compiled answer has."""

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        return own(source[info.path.key], info, **arguments)

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
    if type(value) is dict:
        return str(value[TYPE_KEY])
    definition: StrawberryObjectDefinition = type(value).__strawberry_definition__
    return str(info.schema.type_map[definition.name].name)
