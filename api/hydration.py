"""Nodes that a resolver knows by key, filled with what the client asked of them: all of a field in one statement.

A recommendation or a path is made in memory and names nodes by key. Below such a field every place of the selection
that shows a node is found beforehand; one compiled statement reads them all, and the resolvers below look them up.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLUnionType,
    get_named_type,
    print_ast,
)

from api.compiler.planner import Place, coerced, place_of, selected_at
from api.compiler.roots import Hydrate, Wanted
from api.compiler.selection import Scope, Selected, fields_of
from api.compiler.shape import TYPE_KEY
from api.context import Context
from cinegraph.types import LABELS, Label, NodeRef, Relation

Info: TypeAlias = "GraphQLResolveInfo[Context]"

BY_PERSON: Final = (Relation.ACTED_IN, Relation.DIRECTED, Relation.WROTE, Relation.CREW)
BY_USER: Final = (Relation.RATED, Relation.VIEWED, Relation.TAGGED, Relation.DISMISSED, Relation.PREFERS)
OF_MOVIE: Final = tuple(relation for relation in Relation if relation not in (*BY_PERSON, *BY_USER))
STARTS: Final = {
    relation: frozenset({label.value})
    for relations, label in ((BY_PERSON, Label.PERSON), (BY_USER, Label.USER), (OF_MOVIE, Label.MOVIE))
    for relation in relations
}
TARGETS: Final = {
    **{relation: frozenset({Label.MOVIE.value}) for relation in (*BY_PERSON, *BY_USER, Relation.SIMILAR)},
    Relation.PREFERS: frozenset({"Genre", "Person", "Keyword", "Collection"}),
    Relation.HAS_GENRE: frozenset({"Genre"}),
    Relation.HAS_KEYWORD: frozenset({"Keyword"}),
    Relation.HAS_TAG: frozenset({"Tag"}),
    Relation.PRODUCED_BY: frozenset({"Company"}),
    Relation.PART_OF: frozenset({"Collection"}),
    Relation.FROM_COUNTRY: frozenset({"Country"}),
    Relation.IN_LANGUAGE: frozenset({"Language"}),
}

Nodes: TypeAlias = Mapping[tuple[Place, str], Mapping[str, Any]]
"""What the client asked of each node, by place and type, then by key."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that shows nodes: `names` are the fields' names on the way, `kind` the type there."""

    place: Place
    names: tuple[str, ...]
    kind: GraphQLObjectType
    selected: Selected


@dataclass(frozen=True, slots=True)
class Layout:
    """All places below a field, by what they ask: one group of the statement for each."""

    groups: tuple[tuple[Slot, ...], ...]
    named: tuple[tuple[Slot, tuple[str, ...]], ...] = ()
    """Places on a verified path of which only the id is asked, with its response keys: they need no statement."""

    def known(self, refs_of: Callable[[tuple[str, ...]], Iterable[NodeRef]]) -> Nodes:
        """The nodes of which only the id is asked."""
        return {
            (slot.place, slot.kind.name): {
                ref.id: {TYPE_KEY: slot.kind.name, **dict.fromkeys(keys, str(ref))}
                for ref in refs_of(slot.names)
                if ref.label == slot.kind.name
            }
            for slot, keys in self.named
        }

    def wanted(self) -> list[Wanted]:
        """What the statement reads."""
        return [Wanted(f"g{i}", slots[0].kind, slots[0].selected.sets) for i, slots in enumerate(self.groups)]

    def keys(self, refs_of: Callable[[tuple[str, ...]], Iterable[NodeRef]]) -> dict[str, list[str]]:
        """The keys of each group."""
        return {f"g{i}": self._keys(slots, refs_of) for i, slots in enumerate(self.groups)}

    @staticmethod
    def _keys(slots: Iterable[Slot], refs_of: Callable[[tuple[str, ...]], Iterable[NodeRef]]) -> list[str]:
        found = {ref.id for slot in slots for ref in refs_of(slot.names) if ref.label == slot.kind.name}
        return sorted(found)


@dataclass(frozen=True, slots=True)
class Hydrated:
    """The nodes of one root field by place and key, and the version of the caller's history when they were read, -1
    where they come from memory."""

    read: Nodes
    known: Nodes
    version: int | None

    def has(self, node: NodeRef) -> bool:
        """Whether the graph still has a node, as far as it was read."""
        places = [found for (_, label), found in self.read.items() if label == node.label]
        return not places or any(node.id in found for found in places)

    def at(self, info: Info, node: NodeRef) -> Any:
        """The node for the field that `info` stands at; None where the graph does not have it any more."""
        where = (place_of(info), node.label.value)
        return (self.read.get(where) or self.known.get(where) or {}).get(node.id)


def layout_of(info: Info) -> Layout:
    """Every place below the field of `info` that shows nodes; those that ask the same of a type are read together."""
    scope = Scope(info.schema, info.fragments, coerced(info))
    groups: dict[tuple[str, str], list[Slot]] = {}
    named: list[tuple[Slot, tuple[str, ...]]] = []
    texts: dict[tuple[int, ...], str] = {}  # a selection on an interface is that of many slots
    for slot in _slots(scope, selected_at(info), place_of(info), ()):
        fields = fields_of(scope, slot.kind, slot.selected.sets)
        if _is_on_path(slot.place) and all(one.name in ("id", "__typename") for one in fields):
            named.append((slot, tuple(one.key for one in fields if one.name == "id")))
        else:
            sets = tuple(map(id, slot.selected.sets))
            if sets not in texts:
                texts[sets] = " ".join(map(print_ast, slot.selected.sets))
            groups.setdefault((slot.kind.name, texts[sets]), []).append(slot)
    return Layout(tuple(map(tuple, groups.values())), tuple(named))


def _is_on_path(place: Place) -> bool:
    """Whether a place shows a node of a path, which stands since the relationships beside it were verified."""
    owner = place[-1].partition(".")[0]
    return owner == "Path" or owner.endswith("Segment")


def _slots(scope: Scope, selected: Selected, place: Place, names: tuple[str, ...]) -> Iterator[Slot]:
    assert selected.definition is not None
    kind, ends = get_named_type(selected.definition.type), _ends(place, selected.name)
    for one in _objects(scope, kind):
        if one.name in LABELS:
            if one.name in ends:
                yield Slot(place, names, one, selected)
            continue
        for inner in fields_of(scope, one, selected.sets):
            if inner.definition is not None and inner.sets:
                yield from _slots(scope, inner, (*place, f"{one.name}.{inner.key}"), (*names, inner.name))


def _ends(place: Place, name: str) -> frozenset[str]:
    """The labels that can stand at a place: the ends of a relationship have few."""
    relation = SHOWN.get(place[-1].partition(".")[0]) if name in ("start", "end") else None
    if relation is None:
        return LABELS
    return STARTS[relation] if name == "start" else TARGETS[relation]


def segment_name(relation: Relation) -> str:
    """The GraphQL type of a relationship on a path: RATED is a RatedSegment."""
    return "".join(part.title() for part in relation.value.split("_")) + "Segment"


SHOWN: Final = {segment_name(relation): relation for relation in Relation}


def _objects(scope: Scope, kind: object) -> Iterable[GraphQLObjectType]:
    if isinstance(kind, GraphQLObjectType):
        return [kind]
    assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
    return scope.schema.get_possible_types(kind)


def hydrated(
    info: Info,
    refs_of: Callable[[tuple[str, ...]], Iterable[NodeRef]],
    *,
    user_id: str | None = None,
    counted: bool = False,
) -> Awaitable[Hydrated]:
    """Read all nodes below the field of `info`; `refs_of` says which, from the names of the fields on the way.

    A selection that is past the budget is refused by the call, before there is anything to await.
    """
    services = info.context.services
    layout: Layout = services.planner.kept(info, "layout", partial(layout_of, info))
    keys, known = layout.keys(refs_of), layout.known(refs_of)
    if not any(keys.values()) and user_id is None:
        return _nothing(known)
    reading = services.planner.prepared(
        services.graph,
        info,
        Hydrate(layout.wanted(), versioned=user_id is not None),
        "signed in" if user_id else "",
        counted=counted,
        model=services.serving.model_version,
        user=user_id,
        **keys,
    )
    return _placed(layout, known, reading)


async def _nothing(known: Nodes) -> Hydrated:
    return Hydrated({}, known, None)


async def _placed(layout: Layout, known: Nodes, reading: Callable[[], Awaitable[Any]]) -> Hydrated:
    groups, version = await reading()
    pairs = zip(layout.groups, groups, strict=True)
    read = {(slot.place, slot.kind.name): nodes for slots, nodes in pairs for slot in slots}
    return Hydrated(read, known, version)
