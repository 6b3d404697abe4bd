"""A selection read from the catalogue in memory, where the graph does not answer: the rows its statement would give.

Each selection becomes a function from a node to its list of values, in the places where the compiler puts them, so that
what follows is the same as for rows of the graph. A field that is not in memory is null, and named in `absent`; where
it cannot be null, it is an error of its own.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
from graphql import GraphQLNonNull, GraphQLObjectType, SelectionSetNode, get_named_type

from api.compiler.compiler import order_of, page_size, possible
from api.compiler.model import LABEL, Order, Property, Related, Resolved, ToOne, meaning
from api.compiler.selection import Composite, Scope, Selected, fields_of
from api.ids import Cursors
from cinegraph.errors import GraphAway
from cinegraph.types import Label, NodeRef
from graph.details import PROPERTIES
from graph.snapshot import BILLED, CODES, UNKNOWN, Ints, Longs, Snapshot

Take: TypeAlias = Callable[[int, int], Any]
"""The value of a node, reached by a row of the adjacency, or by none (-1)."""

KEPT: Final = frozenset(
    {
        Label.MOVIE,
        Label.PERSON,
        Label.GENRE,
        Label.KEYWORD,
        Label.COMPANY,
        Label.COLLECTION,
        Label.COUNTRY,
        Label.LANGUAGE,
    }
)
"""What of the graph is in memory."""
UNBILLED: Final = 1_000_000


class NotKept(GraphAway):
    """Something that only the graph knows."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the graph does not answer, and {what} is not kept in memory; try again in some seconds")


def _plain(value: Any) -> int | None:
    return None if value == UNKNOWN else int(value)


def _billing(snapshot: Snapshot, row: int) -> int | None:
    order = int(snapshot.order[row])
    return order if 0 <= order < BILLED else None


Held: TypeAlias = Callable[[Snapshot, int, int], Any]


def _id(label: Label) -> Held:
    return lambda snapshot, node, _: f"{label}:{snapshot.ids[node]}"


def _detail(name: str) -> Held:
    return lambda snapshot, node, _: snapshot.details.at(node)[name]


HELD: Final[Mapping[str, Held]] = {
    **{f"'{label}:' + {{n}}.id": _id(label) for label in KEPT},
    **{f"{{n}}.{name}": _detail(name) for name in PROPERTIES},
    "{n}.title": lambda snapshot, node, _: snapshot.names[node],
    "{n}.name": lambda snapshot, node, _: snapshot.names[node],
    "{n}.year": lambda snapshot, node, _: _plain(snapshot.year[node]),
    "{n}.runtime": lambda snapshot, node, _: _plain(snapshot.runtime[node]),
    "coalesce({n}.popularity, 0.0)": lambda snapshot, node, _: float(snapshot.popularity[node]),
    "coalesce({n}.ratingCount, 0)": lambda snapshot, node, _: snapshot.details.at(node)["ratingCount"] or 0,
    "{r}.order": lambda snapshot, _, row: _billing(snapshot, row),
}
"""What the meaning of a leaf is in memory."""


@dataclass(frozen=True, slots=True)
class Key:
    """A sort key in memory: of one node and the row that leads to it, and of many, as numbers in the same order."""

    one: Held
    many: Callable[[Snapshot, Ints, Longs], Any] | None = None


_ID = Key(lambda snapshot, node, _: snapshot.ids[node], lambda _, nodes, __: nodes)
_NAME = Key(lambda snapshot, node, _: snapshot.names[node])
_POPULARITY = Key(
    lambda snapshot, node, _: float(snapshot.popularity[node]), lambda snapshot, nodes, _: snapshot.popularity[nodes]
)
_YEAR = Key(
    lambda snapshot, node, _: max(0, int(snapshot.year[node])),
    lambda snapshot, nodes, _: np.maximum(snapshot.year[nodes], 0),
)
_BILLING = Key(
    lambda snapshot, _, row: UNBILLED if snapshot.order[row] == UNKNOWN else int(snapshot.order[row]),
    lambda snapshot, _, rows: np.where(
        snapshot.order[rows] == UNKNOWN, UNBILLED, snapshot.order[rows].astype(np.int64)
    ),
)
KEYS: Final[Mapping[str, Key]] = {
    "{n}.id": _ID,
    "{r}.movieId": _ID,
    "{n}.title": _NAME,
    "{n}.name": _NAME,
    "{n}.popularity": _POPULARITY,
    "coalesce({n}.popularity, 0.0)": _POPULARITY,
    "{r}.popularity": _POPULARITY,
    "coalesce({n}.year, 0)": _YEAR,
    "{r}.year": _YEAR,
    "coalesce({r}.order, 1000000)": _BILLING,
    LABEL.expression: Key(lambda snapshot, node, _: snapshot.labels[node].value),
}
"""What the expression of a sort key is in memory; numbers of nodes are in the order of their ids."""


@dataclass(slots=True)
class Recall:
    """Reads selections from a snapshot. What a selection asks for and is not there is put into `absent`, by the names
    of type and field."""

    scope: Scope
    snapshot: Snapshot
    cursors: Cursors
    absent: set[str] = field(default_factory=set)

    # -- objects -------------------------------------------------------------------------------------------------

    def object(self, owner: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> Take:
        """The values of a node of a known type."""
        takes = [take for one in fields_of(self.scope, owner, sets) if (take := self._field(owner, one))]
        return lambda node, row: [take(node, row) for take in takes]

    def any(self, owner: Composite, sets: Sequence[SelectionSetNode]) -> Take:
        """The values of a node whose type may be known only from its label."""
        if isinstance(owner, GraphQLObjectType):
            return self.object(owner, sets)
        takes = {kind.name: self.object(kind, sets) for kind in possible(self.scope, owner)}
        labels = self.snapshot.labels
        return lambda node, row: [labels[node].value, takes[labels[node]](node, row)]

    def stranger(self, owner: GraphQLObjectType, sets: Sequence[SelectionSetNode], ref: NodeRef) -> list[Any]:
        """The values of a node that is not in memory: its id is known."""
        fields = [one for one in fields_of(self.scope, owner, sets) if one.definition is not None]
        return [str(ref) if one.name == "id" else self._missing(owner, one)(UNKNOWN, UNKNOWN) for one in fields]

    def _field(self, owner: GraphQLObjectType, selected: Selected) -> Take | None:
        """The value of a field; None for what is no part of a row."""
        if selected.definition is None:
            return None
        snapshot, found = self.snapshot, meaning(selected.definition)
        match found:
            case Property(expression) if expression in HELD:
                return partial(HELD[expression], snapshot)
            case Related() if self.keeps(selected, found):
                return self.related(selected, found)
            case ToOne():
                return self._to_one(selected, found)
            case Resolved():
                return lambda node, _: snapshot.ids[node]
            case None:
                return None
        return self._missing(owner, selected)

    def _missing(self, owner: GraphQLObjectType, selected: Selected) -> Take:
        assert selected.definition is not None
        what = f"{owner.name}.{selected.name}"
        if isinstance(selected.definition.type, GraphQLNonNull):
            error = NotKept(what)
            return lambda *_: error
        self.absent.add(what)
        return lambda *_: None

    def _to_one(self, selected: Selected, to_one: ToOne) -> Take:
        assert selected.definition is not None
        kind = get_named_type(selected.definition.type)
        assert isinstance(kind, GraphQLObjectType)
        inner, snapshot = self.object(kind, selected.sets), self.snapshot

        def take(node: int, _: int) -> Any:
            rows = self._rows(node, CODES[to_one.relation], to_one.outgoing)
            if not len(rows):
                return None
            row = int(rows[np.argmin(snapshot.neighbour[rows])])
            return inner(int(snapshot.neighbour[row]), row)

        return take

    # -- connections ---------------------------------------------------------------------------------------------

    def keeps(self, selected: Selected, related: Related) -> bool:
        """Whether a connection can be had from memory in the order that is asked for."""
        _, order = order_of(self.scope, selected, related)
        return not related.where and related.target in KEPT and self.knows(order)

    def knows(self, order: Order) -> bool:
        """Whether all keys of an order are in memory."""
        return all(key.expression in KEYS for key in order.keys)

    def related(self, selected: Selected, related: Related) -> Take:
        """A page of what a node is connected to."""
        name, order = order_of(self.scope, selected, related)
        paged, snapshot, code = self.page(selected, name, order), self.snapshot, CODES[related.relation]

        def take(node: int, _: int) -> Any:
            rows = self._rows(node, code, related.outgoing)
            return paged(snapshot.neighbour[rows], rows)

        return take

    def _rows(self, node: int, code: int, outgoing: bool) -> Longs:
        """The rows of the adjacency that lead on from a node by a relation."""
        snapshot, first, last = self.snapshot, int(self.snapshot.indptr[node]), int(self.snapshot.indptr[node + 1])
        chosen = (snapshot.relation[first:last] == code) & (snapshot.outgoing[first:last] == outgoing)
        return np.flatnonzero(chosen) + first

    def page(self, selected: Selected, name: str, order: Order) -> Callable[[Ints, Longs], list[Any]]:
        """A page of these nodes, reached by these rows: `[rows, total]`."""
        keys = [KEYS[key.expression] for key in order.keys]

        def arranged(nodes: Ints, rows: Longs) -> Sequence[int]:
            return _arranged(self.snapshot, keys, order.descending, nodes, rows)

        def marks(nodes: Ints, rows: Longs, place: int) -> list[Any]:
            return [key.one(self.snapshot, int(nodes[place]), int(rows[place])) for key in keys]

        return self.paged(selected, name, order.descending, arranged, marks)

    def paged(
        self,
        selected: Selected,
        name: str,
        descending: bool,
        arranged: Callable[[Ints, Longs], Sequence[int]],
        marks: Callable[[Ints, Longs, int], list[Any]],
        restless: bool = False,
    ) -> Callable[[Ints, Longs], list[Any]]:
        """A page of nodes in an order of their places: `arranged` makes it, `marks` are the sort keys of one; in a
        `restless` one the node, and the page is of what no page before has shown."""
        assert selected.definition is not None
        kind = get_named_type(selected.definition.type)
        assert isinstance(kind, GraphQLObjectType)
        size = page_size(selected.name, selected.argument("first").value(self.scope.variables))
        after = selected.argument("after").value(self.scope.variables)
        mark = None if after is None else self.cursors.open(f"{kind.name}.{name}", after)
        groups = self._groups(kind, selected.sets)

        def take(nodes: Ints, rows: Longs) -> list[Any]:
            places, start = arranged(nodes, rows), 0
            if mark is not None and restless:
                shown = frozenset(mark)
                places = [place for place in places if marks(nodes, rows, place)[0] not in shown]
            elif mark is not None:
                start = _beyond(places, partial(marks, nodes, rows), mark, descending)
            found = [
                [marks(nodes, rows, place), *(group(int(nodes[place]), int(rows[place])) for group in groups)]
                for place in places[start : start + size + 1]
            ]
            return [found, len(nodes)]

        return take

    def _groups(self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> list[Take]:
        groups: list[Take] = []
        for selected in fields_of(self.scope, kind, sets):
            if selected.definition is None or selected.name not in ("edges", "nodes"):
                continue
            inner: Any = get_named_type(selected.definition.type)
            groups.append((self._edge if selected.name == "edges" else self.any)(inner, selected.sets))
        return groups

    def _edge(self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> Take:
        takes: list[Take] = []
        for selected in fields_of(self.scope, kind, sets):
            if selected.definition is None or selected.name == "cursor":
                continue
            if isinstance(meaning(selected.definition), Property):
                takes.append(self._field(kind, selected) or self._missing(kind, selected))
            else:
                owner: Any = get_named_type(selected.definition.type)
                takes.append(self.any(owner, selected.sets))
        return lambda node, row: [take(node, row) for take in takes]


def _arranged(snapshot: Snapshot, keys: Sequence[Key], descending: bool, nodes: Ints, rows: Longs) -> Sequence[int]:
    """The places of nodes in the order of keys; no two are equal."""
    columns = [key.many(snapshot, nodes, rows) for key in keys if key.many is not None]
    if len(columns) == len(keys):
        order = np.lexsort(columns[::-1])
        found: list[int] = (order[::-1] if descending else order).tolist()
        return found
    pairs = list(zip(nodes.tolist(), rows.tolist(), strict=True))
    return sorted(
        range(len(pairs)), key=lambda place: [key.one(snapshot, *pairs[place]) for key in keys], reverse=descending
    )


def _beyond(places: Sequence[int], marks: Callable[[int], list[Any]], mark: list[Any], descending: bool) -> int:
    """Where the places begin that are strictly after a mark."""
    if not descending:
        return bisect_right(places, mark, key=marks)
    backwards = places[::-1]
    return len(places) - bisect_left(backwards, mark, key=marks)
