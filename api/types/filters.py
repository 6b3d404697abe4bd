"""The filter on movies: the same in lists (as Cypher) and in recommendations (in memory)."""

from collections.abc import Iterator, Mapping
from typing import Any

import strawberry

from api.compiler.filters import LISTS, check_size, in_order, keys
from cinegraph.types import IntRange, MovieFilter, NodeRef
from graph.snapshot import named_in


@strawberry.input(name="IntRange", description="Whole numbers, both ends included; an end left out is open.")
class IntRangeInput:
    min: int | None = strawberry.field(default=None, description="The least; null for no lower end.")
    max: int | None = strawberry.field(default=None, description="The greatest; null for no upper end.")


@strawberry.input(
    name="MovieFilter",
    description="Every condition that is given must hold. In a list of ids one must match; ids may be full "
    "(Genre:drama) or bare (drama).",
)
class MovieFilterInput:
    genres: list[strawberry.ID] | None = strawberry.field(default=None, description="One of these genres.")
    people: list[strawberry.ID] | None = strawberry.field(
        default=None, description="One of these people, in front of the camera or behind it."
    )
    keywords: list[strawberry.ID] | None = strawberry.field(default=None, description="One of these keywords.")
    countries: list[strawberry.ID] | None = strawberry.field(default=None, description="One of these countries (US).")
    languages: list[strawberry.ID] | None = strawberry.field(default=None, description="Original language (en).")
    year: IntRangeInput | None = strawberry.field(default=None, description="Year of the first release.")
    runtime: IntRangeInput | None = strawberry.field(default=None, description="Minutes.")
    and_: list["MovieFilterInput"] | None = strawberry.field(default=None, name="and", description="All of these.")
    or_: list["MovieFilterInput"] | None = strawberry.field(
        default=None, name="or", description="At least one of these."
    )
    not_: "MovieFilterInput | None" = strawberry.field(default=None, name="not", description="Not this.")


def to_filter(value: Mapping[str, Any] | None) -> MovieFilter:
    """The filter of the domain, from the coerced argument."""
    if not value:
        return MovieFilter()
    check_size(value)
    return _convert(value)


def _convert(value: Mapping[str, Any]) -> MovieFilter:
    lists = {name: _list(value, name) for name in LISTS}
    return MovieFilter(
        **lists,
        year=to_range("year", value.get("year")),
        runtime=to_range("runtime", value.get("runtime")),
        all_=_each(value.get("and")),
        any_=_each(value.get("or")),
        none_=None if value.get("not") is None else (_convert(value["not"]),),
    )


def _list(value: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    return None if value.get(name) is None else tuple(keys(LISTS[name][0], value[name]))


def _each(values: list[Mapping[str, Any]] | None) -> tuple[MovieFilter, ...] | None:
    return None if values is None else tuple(_convert(one) for one in values)


def nodes_of(wanted: MovieFilter) -> Iterator[NodeRef]:
    """The nodes that a filter names."""
    for label, ids in named_in(wanted):
        yield from (NodeRef(label, id_) for id_ in ids or ())
    for part in (*(wanted.all_ or ()), *(wanted.any_ or ()), *(wanted.none_ or ())):
        yield from nodes_of(part)


def to_range(name: str, bounds: Mapping[str, Any] | None) -> IntRange | None:
    """The range of the domain; raises `InvalidInput`, with its name, where nothing lies between its bounds."""
    if bounds is None:
        return None
    in_order(name, bounds)
    return IntRange(bounds.get("min"), bounds.get("max"))
