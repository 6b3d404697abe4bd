"""The statements that stand under a root field: one node by id, a list, a search, or nodes that we already know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import GraphQLObjectType, SelectionSetNode

from api.compiler.compiler import Compilation, Source
from api.compiler.model import LABEL, Order, Related, Root, SortKey
from api.compiler.selection import Selected
from api.compiler.shape import ObjectShape, Parameters, Shape
from api.ids import key_of
from cinegraph.types import Label

Built = tuple[str, Shape]
Build = Callable[[Compilation, Selected], Built]


def lookup(label: Label, argument: str | None = "id") -> Build:
    """One node by the id in an argument, or by the key `$key` that the resolver gives."""

    def build(making: Compilation, selected: Selected) -> Built:
        if argument is None:
            key = making.binder.give("key")
        else:
            key = making.binder.bind(selected.argument(argument), partial(key_of, label))
        kind = making.scope.schema.type_map[label]
        assert isinstance(kind, GraphQLObjectType)
        one = making.project(kind, selected.sets, "n0")
        return _text([f"MATCH (n0:{label} {{id: {key}}})", *one.calls], one.text), one.shape

    return build


def listing(root: Root, *, filtered: bool = False) -> Build:
    """A page of all nodes of a label, in an order, with a filter where the field has one."""

    def build(making: Compilation, selected: Selected) -> Built:
        name, order = making.order_of(selected, root)
        source = Source(f"MATCH (n0:{root.label})", order, indexed=all(key.name for key in order.keys))
        if filtered:
            source.where += making.filtered(selected, "n0")
        return _connection(making, selected, source, name)

    return build


SEARCH = (
    "CALL () { CALL db.index.fulltext.queryNodes('names', $search, {limit: 500}) YIELD node, score RETURN node, score "
    "UNION ALL MATCH (node:Movie) WHERE node.title IN $titles AND node.id IS NOT NULL RETURN node, 100.0 AS score } "
    "WITH node AS n0, max(score) AS score, toLower(coalesce(node.title, node.name)) AS name "
    "WITH n0, score * (1 + log10(1 + coalesce(n0.popularity, 0)) / 10) * "
    "CASE WHEN name = $typed THEN 30 WHEN name STARTS WITH $typed THEN 10 ELSE 1 END * "
    "CASE WHEN n0.year IN $years THEN 10 ELSE 1 END AS r0"
)


def search(making: Compilation, selected: Selected) -> Built:
    """A page of what the full-text index finds for `$search` beside movies of the very `$titles`, of the `$labels`; a
    name that is, or begins with, what was `$typed` comes first, and so does a movie of the `$years`."""
    for name in ("search", "titles", "typed", "years", "labels"):
        making.binder.give(name)
    order = Order((SortKey("{r}"), SortKey("{n}.id"), LABEL), descending=True)
    source = Source(SEARCH, order, where=["any(label IN labels(n0) WHERE label IN $labels)"])
    return _connection(making, selected, source, "RELEVANCE", "r0")


def related(label: Label, meaning: Related, argument: str) -> Build:
    """A connection of a node whose id is in an argument of the root field itself."""

    def build(making: Compilation, selected: Selected) -> Built:
        key = making.binder.bind(selected.argument(argument), partial(key_of, label))
        calls: list[str] = []
        value, shape = making.related(selected, meaning, "o", calls)
        return _text([f"MATCH (o:{label} {{id: {key}}})", *calls], value), shape

    return build


@dataclass(frozen=True, slots=True)
class Wanted:
    """Nodes that the resolver knows by key, and what is asked of them: keys come as `$<name>`."""

    name: str
    kind: GraphQLObjectType
    sets: Sequence[SelectionSetNode]


@dataclass(frozen=True, slots=True)
class GroupsShape:
    """`[[[key, values], …] for each group, version]` → ([{key: object} for each group], version)."""

    groups: tuple[ObjectShape, ...]

    def build(self, value: Any, parameters: Parameters) -> tuple[list[Mapping[str, Any]], int | None]:
        rows, version = value
        groups: list[Mapping[str, Any]] = [
            {key: shape.build(values, parameters) for key, values in group}
            for shape, group in zip(self.groups, rows, strict=True)
        ]
        return groups, version


def hydrate(wanted: Sequence[Wanted], *, versioned: bool) -> Build:
    """All groups of known nodes in one statement, with the version of the history of `$user` where it matters."""

    def build(making: Compilation, selected: Selected) -> Built:
        lines, values, shapes = [], [], []
        for one in wanted:
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
        if versioned:
            user = making.binder.give("user")
            lines.append(f"CALL () {{ OPTIONAL MATCH (u:User {{id: {user}}}) RETURN u.version AS version }}")
        version = "version" if versioned else "null"
        return _text(lines, f"[[{', '.join(values)}], {version}]"), GroupsShape(tuple(shapes))

    return build


def _connection(making: Compilation, selected: Selected, source: Source, order: str, r: str = "") -> Built:
    calls: list[str] = []
    value, shape = making.connection(selected, source, order, "n0", r, calls)
    return _text(calls, value), shape


def _text(lines: Sequence[str], value: str) -> str:
    return "\n".join([*lines, f"RETURN {value} AS value"])
