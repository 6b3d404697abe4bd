"""How a type is written: leaves, connections and single nodes, each with its meaning for the compiler.

The resolvers here only give the fields their arguments: `api/schema.py` replaces them by a look-up in the answer.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry

from api.compiler.model import KEY, Order, Property, Related, ToOne
from api.types.arguments import After, First
from cinegraph.types import Label, Relation


@strawberry.type(description="Where a page stands in its connection (Relay).")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether this page came after a cursor.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; null where there is none.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last edge, for the page after; null where there is none."
    )

    @classmethod
    def of(cls, cursors: Sequence[str], *, continued: bool, more: bool) -> "PageInfo":
        """Of a page as it was found, so that the way on does not end where its last items are gone meanwhile;
        `continued`: it came after a cursor."""
        ends = (cursors[0], cursors[-1]) if cursors else (None, None)
        return cls(has_next_page=more, has_previous_page=continued, start_cursor=ends[0], end_cursor=ends[1])


@strawberry.interface(description="Anything with an id that `node(id:)` finds again.")
class Node:
    id: strawberry.ID = strawberry.field(description="Unique in the whole graph: its label and its key, as in Movie:1.")


def lazily(name: str, module: str) -> Any:
    """A type that another module defines, so that types can refer to each other."""
    return Annotated[name, strawberry.lazy(f"api.types.{module}")]


def leaf(expression: str, description: str) -> Any:
    """A field that is one expression of Cypher over `{n}` (the node) or `{r}` (the relationship)."""
    return strawberry.field(description=description, metadata={KEY: Property(expression)})


def identity(label: Label) -> Any:
    """The global id."""
    return leaf(f"'{label}:' + {{n}}.id", "Unique in the whole graph: its label and its key.")


def to_one(kind: Any, relation: Relation, target: Label, description: str) -> Any:
    """A field with at most one node."""
    return strawberry.field(
        resolver=_nothing,
        graphql_type=kind | None,
        description=description,
        metadata={KEY: ToOne(relation, outgoing=True, target=target)},
    )


def _nothing() -> None:
    """Gives the field no arguments."""


def _paged(first: First = 10, after: After = None) -> None:
    """Gives the field its arguments."""


def sorted_by(enum: type[Enum]) -> Any:
    """A resolver that gives the field `first`, `after` and `sort`, whose default is the enum's first member."""
    default = next(iter(enum))

    def paged(first: First = 10, after: After = None, sort: Any = default) -> None:
        """Gives the field its arguments."""

    described = strawberry.argument(description="The order; a cursor holds in its own order alone.")
    paged.__annotations__["sort"] = Annotated[enum, described]
    return paged


def connected(
    kind: Any,
    relation: Relation,
    orders: Mapping[str, Order] | Order,
    description: str,
    *,
    outgoing: bool,
    target: Label | None,
    sort: type[Enum] | None = None,
    owner_key: str = "",
    where: str = "",
) -> Any:
    """A connection along a relationship."""
    named = {"DEFAULT": orders} if isinstance(orders, Order) else orders
    return along(kind, Related(relation, outgoing, target, named, owner_key, where), description, sort)


def along(kind: Any, meaning: Related, description: str, sort: type[Enum] | None = None) -> Any:
    """A connection of this meaning."""
    return strawberry.field(
        resolver=sorted_by(sort) if sort else _paged,
        graphql_type=kind,
        description=description,
        metadata={KEY: meaning},
    )


def connection(
    name: str, node: Any, edge_fields: Mapping[str, tuple[Any, Any]] | None = None, *, description: str = ""
) -> Any:
    """The types `<name>Connection` and `<name>Edge`; `edge_fields` are the relationship's properties."""
    edge: Any = _object(
        f"{name}Edge",
        {
            "cursor": (str, strawberry.field(description="Where this edge stands; give it as `after`.")),
            **({"node": (node, strawberry.field(description="The node at the other end."))} if node else {}),
            **(edge_fields or {}),
        },
        description or f"One edge of a {name}Connection.",
    )
    fields = {
        "edges": (list[edge], strawberry.field(description="The page, with the relationship's properties.")),
        **({"nodes": (list[node], strawberry.field(description="The page without its edges."))} if node else {}),
        "page_info": (PageInfo, strawberry.field(description="Where the page stands.")),
        "total_count": (int, strawberry.field(description="How many there are in all.")),
    }
    return _object(f"{name}Connection", fields, f"A page of {name}.")


def _object(name: str, fields: Mapping[str, tuple[Any, Any]], description: str) -> Any:
    body: dict[str, Any] = {"__annotations__": {key: kind for key, (kind, _) in fields.items()}}
    body |= {key: field for key, (_, field) in fields.items()}
    return strawberry.type(type(name, (), body), description=description)


def enumeration(kind: type[Enum], description: str, values: Mapping[str, str], name: str | None = None) -> Any:
    """An enum of the domain, each of its names described; `ValueError` where others are."""
    shown: Any = strawberry.enum(kind, name=name, description=description)
    members = shown.__strawberry_definition__.values
    for one, (key, text) in zip(members, values.items(), strict=True):
        if one.name != key:
            raise ValueError(f"{kind.__name__}.{one.name} is described as {key}")
        one.description = text
    return shown
