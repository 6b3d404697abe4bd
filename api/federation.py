"""A subgraph of Apollo Federation 2: what a gateway asks of us, beside the schema that everybody sees.

A gateway knows our nodes by key from other subgraphs and asks for all of a step at once, of whatever types; that is one
statement. Users are no entities: a gateway speaks for many people, and what is private is shown to its owner alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from reprlib import repr as shortened
from typing import Annotated, Any, Final, NewType, Union

import strawberry
from graphql import (
    DocumentNode,
    FieldDefinitionNode,
    GraphQLSchema,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
    print_schema,
)

from api.compiler.compiler import MAX_FIRST
from api.context import Info
from api.hydration import hydrated
from api.ids import key_of
from api.queries import Query
from api.types.catalog import Collection, Company, Country, Genre, Keyword, Language, Movie, Person, Tag
from cinegraph.errors import InvalidInput
from cinegraph.types import Label, NodeRef

ENTITIES: Final = (
    Label.MOVIE, Label.PERSON, Label.GENRE, Label.KEYWORD, Label.COLLECTION, Label.COMPANY, Label.COUNTRY,
    Label.LANGUAGE, Label.TAG,
)  # fmt: skip
"""What other subgraphs can refer to and extend; each is a type by the same name."""

MAX_REPRESENTATIONS: Final = MAX_FIRST
"""Entities of one request for them: as many as a page has at most."""

LINK: Final = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@shareable"])\n\n'
"""The first version of Federation 2, whose `@key` and `@shareable` are all that we use: every router knows it."""

Representation = NewType("Representation", object)
REPRESENTATION = strawberry.scalar(
    name="_Any", description='What names an entity: {__typename: "Movie", id: "Movie:1"}; the key alone will do for id.'
)

Entity = Annotated[
    Union[Movie, Person, Genre, Keyword, Collection, Company, Country, Language, Tag],  # noqa: UP007
    strawberry.union("_Entity", description="What other subgraphs can refer to, by its id."),
]


@strawberry.type(name="_Service", description="This subgraph, for what composes the graph of graphs.")
class Service:
    sdl: str = strawberry.field(description="The schema with Federation's directives, in the schema language.")


@strawberry.type(name="Query", description="All that can be asked.")
class FederatedQuery(Query):
    """The root fields, and those for a gateway."""

    @strawberry.field(name="_service", description="The schema of this subgraph, as a gateway composes it.")
    def service(self, info: Info) -> Service:
        return Service(sdl=sdl_of(info._raw_info.schema))

    @strawberry.field(
        name="_entities",
        graphql_type=list[Entity | None],
        description="Entities that other subgraphs refer to, in their order; null for one that there is not.",
    )
    async def entities(
        self,
        info: Info,
        representations: Annotated[
            list[Representation],
            strawberry.argument(description=f"What names each of them, {MAX_REPRESENTATIONS} at most."),
        ],
    ) -> Any:
        refs = refs_of(representations)
        found = await hydrated(info._raw_info, lambda _: refs)
        return [found.at(info._raw_info, ref) for ref in refs]


def refs_of(representations: Sequence[object]) -> list[NodeRef]:
    """The nodes that representations name; `InvalidInput` for the first one that names none of ours."""
    if len(representations) > MAX_REPRESENTATIONS:
        raise InvalidInput(
            f"_entities: {len(representations):,} representations, more than {MAX_REPRESENTATIONS}; ask for them in "
            f"several requests"
        )
    return [_ref_of(f"_entities: representations[{i}]", one) for i, one in enumerate(representations)]


def _ref_of(where: str, representation: object) -> NodeRef:
    if not isinstance(representation, dict):
        raise InvalidInput(f'{where} is {shortened(representation)}; one looks like {{__typename: "Movie", id: "1"}}')
    kind, key = representation.get("__typename"), representation.get("id")
    label = next((one for one in ENTITIES if one.value == kind), None)
    if label is None:
        known = ", ".join(one.value for one in ENTITIES)
        raise InvalidInput(f"{where} has the __typename {shortened(kind)}; the entities of this subgraph are {known}")
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise InvalidInput(f"{where} has the id {shortened(key)}; the id of a {label} looks like {label}:1")
    return NodeRef(label, key_of(label, str(key)))


@lru_cache(maxsize=4)
def sdl_of(schema: GraphQLSchema) -> str:
    """The schema as a subgraph shows it: the entities with their key, without the fields that every gateway adds."""
    document = parse(print_schema(schema), no_location=True)
    own = [_shown(one) for one in document.definitions if not _added(one)]
    return LINK + print_ast(DocumentNode(definitions=tuple(own))) + "\n"


def _added(definition: object) -> bool:
    """Whether a type or a field is Federation's own; those of GraphQL itself begin with two underscores."""
    named = TypeDefinitionNode | FieldDefinitionNode
    return isinstance(definition, named) and definition.name.value.startswith("_")


def _shown(definition: Any) -> Any:
    if not isinstance(definition, ObjectTypeDefinitionNode):
        return definition
    name = definition.name.value
    mark = KEYED if name in ENTITIES else SHARED if name == "PageInfo" else ()
    fields = tuple(one for one in definition.fields or () if not _added(one))
    return ObjectTypeDefinitionNode(
        name=definition.name,
        description=definition.description,
        interfaces=definition.interfaces,
        directives=(*(definition.directives or ()), *mark),
        fields=fields,
    )


def _directives(text: str) -> tuple[Any, ...]:
    (definition,) = parse(f"type X {text} {{ x: Int }}", no_location=True).definitions
    assert isinstance(definition, ObjectTypeDefinitionNode)
    return tuple(definition.directives or ())


KEYED: Final = _directives('@key(fields: "id")')
SHARED: Final = _directives("@shareable")
"""Of PageInfo, which every subgraph with Relay's connections has."""
