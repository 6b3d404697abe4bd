"""The statements that stand under a root field: one node by id, a list, a search, or nodes that we already know.

Each can also be recalled: its value from the catalogue in memory, as the rows of its statement would have it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import log10
from typing import Any, Final, Protocol

import numpy as np
from graphql import GraphQLObjectType, SelectionSetNode

from api.compiler.compiler import Compilation, Source, order_of
from api.compiler.model import LABEL, Order, Related, Root, SortKey
from api.compiler.recall import KEPT, NotKept, Recall
from api.compiler.selection import Scope, Selected
from api.compiler.shape import ObjectShape, Parameters, Planned, Shape
from api.ids import key_of
from cinegraph.types import Label, MovieFilter, NodeRef
from graph.snapshot import UNKNOWN, Ints, Longs

Built = tuple[str, "Shape | GroupsShape"]
Given = Mapping[str, Any]
"""What the resolver gives, by name."""


class Build(Protocol):
    """What a root field is compiled to, and what it is where the graph does not answer."""

    def __call__(self, making: Compilation, selected: Selected) -> Built:
        """The text of the statement, and the shape of its value."""

    def recall(self, memory: Recall, selected: Selected, given: Given) -> Any:
        """That value from memory; raises `NotKept` for what only the graph knows."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """One node by the id in an argument, or by the key `$key` that the resolver gives."""

    label: Label
    argument: str | None = "id"

    def __call__(self, making: Compilation, selected: Selected) -> Built:
        if self.argument is None:
            key = making.binder.give("key")
        else:
            key = making.binder.bind(selected.argument(self.argument), partial(key_of, self.label))
        one = making.project(_kind(making.scope, self.label), selected.sets, "n0")
        return _text([f"MATCH (n0:{self.label} {{id: {key}}})", *one.calls], one.text), one.shape

    def recall(self, memory: Recall, selected: Selected, given: Given) -> Any:
        """The values of the node; None for one that is not there."""
        key = given["key"] if self.argument is None else _key(memory, selected, self.label, self.argument)
        node = _find(memory, self.label, key)
        kind = _kind(memory.scope, self.label)
        return None if node == UNKNOWN else memory.object(kind, selected.sets)(node, UNKNOWN)


def _kind(scope: Scope, label: Label) -> GraphQLObjectType:
    kind = scope.schema.type_map[label]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def _key(memory: Recall, selected: Selected, label: Label, argument: str) -> str:
    return key_of(label, selected.argument(argument).value(memory.scope.variables))


def _find(memory: Recall, label: Label, key: str) -> int:
    """The number of a node; raises `NotKept` for a label that is not in memory."""
    if label not in KEPT:
        raise NotKept(f"{label}:{key}")
    return memory.snapshot.find(NodeRef(label, key))


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of all nodes of a label, in an order, with a filter where the field has one.

    `in_order` goes through the index of the order until the page is full; the filter must let something through, since
    Neo4j refuses the hint beside a condition that is never true. `among` looks at the nodes of the keys `$among` alone.
    """

    root: Root
    filtered: bool = False
    in_order: bool = False
    among: bool = False

    def __call__(self, making: Compilation, selected: Selected) -> Built:
        label = self.root.label
        name, order = order_of(making.scope, selected, self.root)
        source = Source(f"MATCH (n0:{label})", order, indexed=all(key.name for key in order.keys))
        if self.among:
            keys = making.binder.give("among")
            source = Source(f"UNWIND {keys} AS key MATCH (n0:{label} {{id: key}})", order)
        if self.filtered:
            source.where += making.filtered(selected, "n0")
        if self.in_order and source.indexed:
            source.index = f"USING INDEX n0:{label}({', '.join(key.name for key in order.keys)})"
        return _connection(making, selected, source, name)

    def recall(self, memory: Recall, selected: Selected, given: Given) -> Any:
        """The page, of movies that the filter `wanted` lets through."""
        name, order = order_of(memory.scope, selected, self.root)
        snapshot = memory.snapshot
        if not memory.knows(order):
            raise NotKept(f"the order {name}")
        if self.root.label is Label.MOVIE:
            nodes = np.flatnonzero(snapshot.mask(given.get("wanted", MovieFilter()))).astype(np.int32)
        else:
            nodes = np.flatnonzero([label is self.root.label for label in snapshot.labels]).astype(np.int32)
        return memory.page(selected, name, order)(nodes, np.full(len(nodes), UNKNOWN))


SEARCH: Final = (
    "CALL () { CALL db.index.fulltext.queryNodes('names', $search, {limit: 500}) YIELD node, score RETURN node, score "
    "UNION ALL MATCH (node:Movie) WHERE node.title IN $titles AND node.id IS NOT NULL RETURN node, 100.0 AS score } "
    "WITH node AS n0, max(score) AS score, toLower(coalesce(node.title, node.name)) AS name "
    "WITH n0, score * (1 + log10(1 + coalesce(n0.popularity, 0)) / 10) * "
    "CASE WHEN name = $typed THEN 30 WHEN name STARTS WITH $typed THEN 10 ELSE 1 END * "
    "CASE WHEN n0.year IN $years THEN 10 ELSE 1 END AS r0"
)
SHOWN: Final = "SHOWN"
WHOLE: Final = 4.0
"""What a word as it was typed counts beside one that begins so."""


@dataclass(frozen=True, slots=True)
class Search:
    """A page of what the full-text index finds for `$search` beside movies of the very `$titles`, of the `$labels`; a
    name that is, or begins with, what was `$typed` comes first, and so does a movie of the `$years`. How rare a word
    is, and with it every score, changes with whatever is written.

    In memory names are found that have all of the `words`, whole or unfinished, and none that was mistyped."""

    def __call__(self, making: Compilation, selected: Selected) -> Built:
        for name in ("search", "titles", "typed", "years", "labels"):
            making.binder.give(name)
        order = Order((SortKey("{r}"), SortKey("{n}.id"), LABEL), descending=True)
        among = "any(label IN labels(n0) WHERE label IN $labels)"
        source = Source(SEARCH, order, where=[among], restless=True)
        return _connection(making, selected, source, SHOWN, "r0")

    def recall(self, memory: Recall, selected: Selected, given: Given) -> Any:
        """The page from memory."""
        snapshot, labels = memory.snapshot, frozenset(given["labels"])
        found = {node: score for node, score in _named(memory, given).items() if snapshot.labels[node] in labels}
        nodes = np.fromiter(found, np.int32, len(found))

        def standing(node: int) -> tuple[Any, ...]:
            return found[node], snapshot.ids[node], snapshot.labels[node].value

        def arranged(nodes: Ints, _: Longs) -> Sequence[int]:
            return sorted(range(len(nodes)), key=lambda place: standing(int(nodes[place])), reverse=True)

        def marks(nodes: Ints, _: Longs, place: int) -> list[Any]:
            return [str(snapshot.ref(int(nodes[place])))]

        page = memory.paged(selected, SHOWN, True, arranged, marks, restless=True)
        return page(nodes, np.full(len(nodes), UNKNOWN))


def _named(memory: Recall, given: Given) -> dict[int, float]:
    """The nodes that a search finds, with how well."""
    snapshot, scores = memory.snapshot, dict[int, float]()
    for place, word in enumerate(given["words"]):
        begun = snapshot.words.beginning(word).tolist()
        whole = set(snapshot.words.having(word).tolist())
        one = {node: WHOLE + 1.0 if node in whole else 1.0 for node in begun}
        scores = one if place == 0 else {node: scores[node] + score for node, score in one.items() if node in scores}
    titles = frozenset(given["titles"])
    if titles:
        scores |= {node: 100.0 for node in range(snapshot.movies) if snapshot.names[node] in titles}
    return {node: score * _weight(memory, node, given) for node, score in scores.items()}


def _weight(memory: Recall, node: int, given: Given) -> float:
    snapshot, name, typed = memory.snapshot, memory.snapshot.names[node].lower(), given["typed"]
    weight = 30.0 if name == typed else 10.0 if name.startswith(typed) else 1.0
    if node < snapshot.movies:
        weight *= 1 + log10(1 + float(snapshot.popularity[node])) / 10
        weight *= 10 if int(snapshot.year[node]) in given["years"] else 1
    return weight


@dataclass(frozen=True, slots=True)
class RelatedOf:
    """A connection of a node whose id is in an argument of the root field itself."""

    label: Label
    meaning: Related
    argument: str

    def __call__(self, making: Compilation, selected: Selected) -> Built:
        key = making.binder.bind(selected.argument(self.argument), partial(key_of, self.label))
        calls: list[str] = []
        value, shape = making.related(selected, self.meaning, "o", calls)
        return _text([f"MATCH (o:{self.label} {{id: {key}}})", *calls], value), shape

    def recall(self, memory: Recall, selected: Selected, given: Given) -> Any:
        """The page; None for a node that is not there."""
        node = _find(memory, self.label, _key(memory, selected, self.label, self.argument))
        if not memory.keeps(selected, self.meaning):
            raise NotKept(f"{selected.name}({self.argument}:)")
        return None if node == UNKNOWN else memory.related(selected, self.meaning)(node, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Nodes that the resolver knows by key, and what is asked of them: keys come as `$<name>`."""

    name: str
    kind: GraphQLObjectType
    sets: Sequence[SelectionSetNode]


@dataclass(frozen=True, slots=True)
class GroupsShape:
    """`[[[key, values], …] for each group, version]` → ([{key: what was found} for each group], version)."""

    groups: tuple[ObjectShape, ...]

    def build(self, value: Any, parameters: Parameters) -> tuple[list[Mapping[str, Planned]], int | None]:
        rows, version = value
        groups: list[Mapping[str, Planned]] = [
            {key: Planned(shape, values, parameters) for key, values in group}
            for shape, group in zip(self.groups, rows, strict=True)
        ]
        return groups, version


@dataclass(frozen=True, slots=True)
class Hydrate:
    """All groups of known nodes in one statement, with the version of the history of `$user` where it matters."""

    wanted: Sequence[Wanted]
    versioned: bool

    def __call__(self, making: Compilation, selected: Selected) -> Built:
        lines, values, shapes = [], [], []
        for one in self.wanted:
            number = making.names.fresh()
            n, variable = f"n{number}", f"c{number}"
            making.within = (one.name,)
            making.pages.append(making.within)
            inner = making.project(one.kind, one.sets, n)
            making.within = ()
            body = [f"UNWIND {making.binder.give(one.name)} AS key", f"MATCH ({n}:{one.kind.name} {{id: key}})"]
            body += [*inner.calls, f"RETURN collect([{n}.id, {inner.text}]) AS {variable}"]
            lines.append("CALL () {\n" + "\n".join(body) + "\n}")
            values.append(variable)
            shapes.append(inner.shape)
        if self.versioned:
            user = making.binder.give("user")
            lines.append(f"CALL () {{ OPTIONAL MATCH (u:User {{id: {user}}}) RETURN u.version AS version }}")
        version = "version" if self.versioned else "null"
        return _text(lines, f"[[{', '.join(values)}], {version}]"), GroupsShape(tuple(shapes))

    def recall(self, memory: Recall, selected: Selected, given: Given) -> Any:
        """The groups; the version is not known."""
        return [[_group(memory, one, given[one.name]) for one in self.wanted], UNKNOWN]


def _group(memory: Recall, wanted: Wanted, keys: Sequence[str]) -> list[list[Any]]:
    """The values of the nodes of these keys that are in memory."""
    label = Label(wanted.kind.name)
    if not keys:
        return []
    if label not in KEPT:
        return [[key, memory.stranger(wanted.kind, wanted.sets, NodeRef(label, key))] for key in keys]
    take = memory.object(wanted.kind, wanted.sets)
    found = ((key, _find(memory, label, key)) for key in keys)
    return [[key, take(node, UNKNOWN)] for key, node in found if node != UNKNOWN]


def _connection(making: Compilation, selected: Selected, source: Source, order: str, r: str = "") -> Built:
    calls: list[str] = []
    value, shape = making.connection(selected, source, order, "n0", r, calls)
    return _text(calls, value), shape


def _text(lines: Sequence[str], value: str) -> str:
    return "\n".join([*lines, f"RETURN {value} AS value"])
