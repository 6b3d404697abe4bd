"""The compiler: one statement for the whole selection under a root field.

Every connection, however deep, is a correlated subquery that sorts and limits before it collects; where the
relationship has an index on (owner's id, sort key, other end's id), the page is a seek in it, and a page after a cursor
is a seek for each key (equal sort key and larger id; larger sort key), so that its cost does not depend on the degree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from graphql import (
    GraphQLID,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    SelectionSetNode,
    get_named_type,
)

from api.compiler.binding import Argument, Binder
from api.compiler.filters import predicate
from api.compiler.model import Meaning, Names, Order, Property, Related, Resolved, Root, ToOne, meaning
from api.compiler.selection import Composite, Scope, Selected, fields_of
from api.compiler.shape import AbstractShape, ConnectionShape, EdgeShape, Fields, ObjectShape, Shape
from api.ids import Cursors
from cinegraph.errors import InvalidInput
from cinegraph.types import LABELS

MAX_FIRST = 100
DEFAULT_FIRST = 10
REFERENCE = "labels({n})[0] + ':' + {n}.id"
"""Which node it is, among those of any label."""


@dataclass(slots=True)
class Projection:
    """What a selection on one object needs: subqueries first, then the list of values."""

    calls: list[str]
    values: list[str]
    shape: ObjectShape

    @property
    def text(self) -> str:
        return f"[{', '.join(self.values)}]"


@dataclass(slots=True)
class Source:
    """Where the rows of a connection come from: a MATCH (or a search), and what must hold of them.

    `counted` is a pattern of all of them that the graph answers from a node's degree, where there is one. `indexed`
    nodes have an index of all the keys; relationships have one where `index` names it. In the order of a `restless` one
    rows change places whenever anything is written.
    """

    match: str
    order: Order
    where: list[str] = field(default_factory=list)
    counted: str = ""
    owner: str = ""
    indexed: bool = False
    index: str = ""
    owner_key: str = ""
    restless: bool = False


@dataclass(slots=True)
class Compilation:
    """One statement in the making."""

    scope: Scope
    cursors: Cursors
    binder: Binder = field(default_factory=Binder)
    names: Names = field(default_factory=Names)
    pages: list[tuple[str, ...]] = field(default_factory=list)
    within: tuple[str, ...] = ()

    # -- objects -------------------------------------------------------------------------------------------------

    def project(self, owner: GraphQLObjectType, sets: Sequence[SelectionSetNode], n: str, r: str = "") -> Projection:
        """The selection on an object of a known type that is bound to the variable `n`."""
        calls: list[str] = []
        values: list[str] = []
        fields = Fields()
        for selected in fields_of(self.scope, owner, sets):
            if selected.definition is None:
                fields.name(selected.key)
                continue
            found = meaning(selected.definition)
            value, shape = self._field(selected, found, n, r, calls)
            if isinstance(found, Resolved):
                fields.resolved = True
                fields.add(selected.key, GraphQLID, None)  # the key that its resolver goes on from
            elif value:
                fields.add(selected.key, selected.definition.type, shape)
            values += [value] if value else []
        return Projection(calls, values, fields.of(owner.name))

    def _field(self, selected: Selected, found: Meaning, n: str, r: str, calls: list[str]) -> tuple[str, Shape | None]:
        match found:
            case Property(expression):
                return expression.format(n=n, r=r), None
            case Related() as related:
                return self.related(selected, related, n, calls)
            case ToOne() as to_one:
                return self._to_one(selected, to_one, n, calls)
            case Resolved(least):
                self._reach(selected, least)
                return f"{n}.id", None
        return "", None

    def project_any(
        self, owner: Composite, sets: Sequence[SelectionSetNode], n: str, r: str, calls: list[str]
    ) -> tuple[str, Shape]:
        """The selection on a node whose type may be known only from its label."""
        if isinstance(owner, GraphQLObjectType):
            one = self.project(owner, sets, n, r)
            calls += one.calls
            return one.text, one.shape
        variable = f"a{self.names.fresh()}"
        branches, shapes = [], {}
        for kind in possible(self.scope, owner):
            one = self.project(kind, sets, n, r)
            shapes[kind.name] = one.shape
            body = "\n".join([f"WITH {n} WHERE {n}:{kind.name}", *one.calls])
            branches.append(f"{body}\nRETURN ['{kind.name}', {one.text}] AS {variable}")
        calls.append(f"CALL ({n}) {{\n" + "\nUNION ALL\n".join(branches) + "\n}")
        return variable, AbstractShape(shapes)

    def _to_one(self, selected: Selected, to_one: ToOne, n: str, calls: list[str]) -> tuple[str, Shape]:
        number = self.names.fresh()
        variable, other = f"c{number}", f"n{number}"
        assert selected.definition is not None
        kind = get_named_type(selected.definition.type)
        assert isinstance(kind, GraphQLObjectType)
        one = self.project(kind, selected.sets, other)
        left, right = ("", ">") if to_one.outgoing else ("<", "")
        lines = [
            f"MATCH ({n}){left}-[:{to_one.relation}]-{right}({other}:{to_one.target})",
            f"WITH {other} ORDER BY {other}.id LIMIT 1",
            *one.calls,
            f"RETURN collect({one.text})[0] AS {variable}",
        ]
        calls.append(_call(n, lines))
        return variable, one.shape

    # -- what a resolver reads later -----------------------------------------------------------------------------

    def _reach(self, selected: Selected, least: int = 0) -> None:
        """Count what a field that is no part of the statement may reach, so that it is refused with the statement."""
        first = selected.argument("first")
        limit = self.binder.bind(first, partial(_limit, selected.name))
        if least:
            cost = self.binder.bind(first, lambda size: max(_limit(selected.name, size), least + 1))
            self.pages.append((*self.within, cost[1:]))
        outer, self.within = self.within, (*self.within, limit[1:])
        if not least:
            self.pages.append(self.within)
        assert selected.definition is not None
        self._reach_below(get_named_type(selected.definition.type), selected.sets)
        self.within = outer

    def _reach_below(self, kind: Any, sets: Sequence[SelectionSetNode]) -> None:
        for one in self._kinds(kind):
            if one.name in LABELS:
                self.project(one, sets, "n")
                continue
            for inner in fields_of(self.scope, one, sets):
                if inner.definition is not None and "first" in inner.definition.args:
                    self._reach(inner)
                elif inner.definition is not None:
                    self._reach_below(get_named_type(inner.definition.type), inner.sets)

    def _kinds(self, kind: Any) -> Sequence[GraphQLObjectType]:
        """The object types that a value of a type may have; none for a leaf."""
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            return self.scope.schema.get_possible_types(kind)
        return [kind] if isinstance(kind, GraphQLObjectType) else []

    # -- connections ---------------------------------------------------------------------------------------------

    def related(self, selected: Selected, related: Related, owner: str, calls: list[str]) -> tuple[str, Shape]:
        number = self.names.fresh()
        n, r = f"n{number}", f"r{number}"
        name, order = order_of(self.scope, selected, related)
        source = Source(f"MATCH {related.pattern.format(o=owner, r=r, n=n)}", order, owner=owner)
        if not related.where:
            source.counted = related.pattern_of_degree.format(o=owner)
        else:
            source.where.append(related.where.format(r=r, n=n, o=owner))
            self._give(related.where)
        if related.owner_key:
            source.owner_key = related.owner_key
            keys = ", ".join((related.owner_key, *(key.name for key in order.keys)))
            source.index = f"USING INDEX {r}:{related.relation}({keys})"
        return self.connection(selected, source, name, n, r, calls)

    def _give(self, text: str) -> None:
        for word in text.split():
            if word.startswith("$"):
                self.binder.give(word.strip("$),"))

    def connection(
        self, selected: Selected, source: Source, order_name: str, n: str, r: str, calls: list[str]
    ) -> tuple[str, Shape]:
        """A page of a connection as a subquery; its value is `[rows, total]`."""
        variable = f"c{n[1:]}"
        assert selected.definition is not None
        kind = get_named_type(selected.definition.type)
        assert isinstance(kind, GraphQLObjectType)
        limit = self.binder.bind(selected.argument("first"), partial(_limit, selected.name))
        after = selected.argument("after")
        continued = after.value(self.scope.variables) is not None
        seal_kind = f"{kind.name}.{order_name}"
        marks = self._marks(after, seal_kind, len(source.order.keys)) if continued and not source.restless else []
        shown = self.binder.bind(after, partial(self._shown, seal_kind)) if source.restless else ""

        outer, self.within = self.within, (*self.within, limit[1:])
        self.pages.append(self.within)
        inner: list[str] = []
        groups, fields = self._groups(kind, selected.sets, n, r, inner)
        self.within = outer

        keys = ", ".join(key.expression.format(n=n, r=r, o=source.owner) for key in source.order.keys)
        if shown:
            keys = REFERENCE.format(n=n)
        total = self._total(source, f"t{n[1:]}", calls) if any(one[1] == "totalCount" for one in fields) else "null"
        if any(what != "totalCount" for _, what, _, _ in fields):
            lines = [*(_unseen(source, n, r, limit, shown) if shown else page(source, n, r, limit, marks)), *inner]
            lines.append(f"RETURN collect([{', '.join([f'[{keys}]', *groups])}]) AS {variable}")
            calls.append(_call(source.owner, lines))
            value = f"[{variable}, {total}]"
        else:
            value = f"[[], {total}]"
        seal = partial(self.cursors.seal, seal_kind)
        return value, ConnectionShape(kind.name, limit[1:], continued, seal, tuple(fields), shown[1:])

    def _marks(self, after: Argument, kind: str, count: int) -> list[str]:
        """Parameters for the sort values in the cursor."""

        def mark(position: int, cursor: str) -> Any:
            values = self.cursors.open(kind, cursor)
            return values[position]

        return [self.binder.bind(after, partial(mark, position)) for position in range(count)]

    def _shown(self, kind: str, cursor: str | None) -> list[Any]:
        """What the pages before have shown."""
        return [] if cursor is None else self.cursors.open(kind, cursor)

    def _total(self, source: Source, variable: str, calls: list[str]) -> str:
        """How many there are, counted in a subquery of its own: what a search aggregates must not meet other values."""
        pattern = source.counted or source.match.removeprefix("MATCH ")
        where = f" WHERE {' AND '.join(source.where)}" if source.where else ""
        calls.append(_call(source.owner, [f"RETURN COUNT {{ {pattern}{where} }} AS {variable}"]))
        return variable

    def _groups(
        self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode], n: str, r: str, calls: list[str]
    ) -> tuple[list[str], list[tuple[str, str, int, Any]]]:
        groups: list[str] = []
        fields: list[tuple[str, str, int, Any]] = []
        for selected in fields_of(self.scope, kind, sets):
            if selected.definition is None:
                fields.append((selected.key, selected.name, 0, None))
                continue
            inner = get_named_type(selected.definition.type)
            shape: Any = None
            position = 0
            if selected.name == "edges":
                assert isinstance(inner, GraphQLObjectType)
                text, shape = self._edge(inner, selected.sets, n, r, calls)
            elif selected.name == "nodes":
                text, shape = self.project_any(inner, selected.sets, n, r, calls)  # type: ignore[arg-type]
            elif selected.name == "pageInfo":
                assert isinstance(inner, GraphQLObjectType)
                shape = tuple((one.key, one.name) for one in fields_of(self.scope, inner, selected.sets))
            if selected.name in ("edges", "nodes"):
                groups.append(text)
                position = len(groups)
            fields.append((selected.key, selected.name, position, shape))
        return groups, fields

    def _edge(
        self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode], n: str, r: str, calls: list[str]
    ) -> tuple[str, EdgeShape]:
        values: list[str] = []
        fields = Fields()
        cursors: list[str] = []
        for selected in fields_of(self.scope, kind, sets):
            if selected.definition is None:
                fields.name(selected.key)
                continue
            if selected.name == "cursor":
                fields.order.append(selected.key)
                cursors.append(selected.key)
                continue
            found, shape = meaning(selected.definition), None
            if isinstance(found, Property):
                values.append(found.expression.format(n=n, r=r))
            else:
                owner = get_named_type(selected.definition.type)
                text, shape = self.project_any(owner, selected.sets, n, r, calls)  # type: ignore[arg-type]
                values.append(text)
            fields.add(selected.key, selected.definition.type, shape)
        return f"[{', '.join(values)}]", EdgeShape(fields.of(kind.name), tuple(cursors))

    def filtered(self, selected: Selected, n: str) -> list[str]:
        """The condition of the argument `filter`, if there is one."""
        argument = selected.argument("filter")
        text = predicate(self.binder, argument, argument.value(self.scope.variables), n)
        return [text] if text else []


def possible(scope: Scope, owner: GraphQLInterfaceType | GraphQLUnionType) -> list[GraphQLObjectType]:
    """The concrete types of an interface or a union that are labels of the graph."""
    return [kind for kind in scope.schema.get_possible_types(owner) if kind.name in LABELS]


def order_of(scope: Scope, selected: Selected, source: Related | Root) -> tuple[str, Order]:
    """The order that the argument `sort` names, or the first."""
    sort = selected.argument("sort").value(scope.variables) if len(source.orders) > 1 else None
    name = getattr(sort, "name", sort) or next(iter(source.orders))
    return name, source.orders[name]


def page(source: Source, n: str, r: str, limit: str, marks: list[str]) -> list[str]:
    """The lines that bind `n` and `r` to the rows of one page, sorted and limited."""
    if source.index or source.indexed:
        return _seek(source, n, r, limit, marks)
    keys = [key.expression.format(n=n, r=r, o=source.owner) for key in source.order.keys]
    where = [*source.where, *([_beyond(keys, marks, source.order.descending)] if marks else [])]
    bound = ", ".join(name for name in (r, n) if name)
    return [
        source.match + (f" WHERE {' AND '.join(where)}" if where else ""),
        f"WITH {bound} ORDER BY {_sorted(keys, source.order.descending)} LIMIT {limit}",
    ]


def _unseen(source: Source, n: str, r: str, limit: str, shown: str) -> list[str]:
    """The first rows that no page before has shown, wherever they were then."""
    source = replace(source, where=[*source.where, f"NOT {REFERENCE.format(n=n)} IN {shown}"])
    return page(source, n, r, limit, [])


def _beyond(keys: list[str], marks: list[str], descending: bool) -> str:
    """Strictly after the cursor; the bound on the first key comes first, since an index can use it."""
    sign = "<" if descending else ">"
    first, mark = keys[0], marks[0]
    if len(keys) == 1:
        return f"{first} {sign} {mark}"
    return f"{first} {sign}= {mark} AND ({first} {sign} {mark} OR ({_beyond(keys[1:], marks[1:], descending)}))"


def _seek(source: Source, n: str, r: str, limit: str, marks: list[str]) -> list[str]:
    """A page in the order of an index: of relationships by owner and keys, or of nodes by keys."""
    keys = [key.expression.format(n=n, r=r, o=source.owner) for key in source.order.keys]
    owner = [f"{r}.{source.owner_key} = {source.owner}.id"] if source.owner_key else []
    bound = ", ".join(name for name in (r, n) if name)
    order = _sorted([*(f"{r}.{source.owner_key}" for _ in owner), *keys], source.order.descending)
    if not marks:
        found = [f"{key} IS NOT NULL" for key in keys]
        return [_leg(source, [*owner, *found]), f"WITH {bound} ORDER BY {order} LIMIT {limit}"]
    sign = "<" if source.order.descending else ">"
    legs = []
    for place in reversed(range(len(keys))):
        equal = [f"{key} = {mark}" for key, mark in zip(keys[:place], marks[:place], strict=True)]
        later = [f"{keys[place]} {sign} {marks[place]}", *(f"{key} IS NOT NULL" for key in keys[place + 1 :])]
        legs.append(f"{_leg(source, [*owner, *equal, *later])}\nRETURN {bound} ORDER BY {order} LIMIT {limit}")
    lines = _call(source.owner, ["\nUNION ALL\n".join(legs)])
    return [lines, f"WITH {bound} ORDER BY {_sorted(keys, source.order.descending)} LIMIT {limit}"]


def _leg(source: Source, conditions: list[str]) -> str:
    hint = [source.index] if source.index else []
    return "\n".join([source.match, *hint, f"WHERE {' AND '.join([*conditions, *source.where])}"])


def _sorted(keys: list[str], descending: bool) -> str:
    return ", ".join(f"{key} DESC" if descending else key for key in keys)


def _call(owner: str, lines: list[str]) -> str:
    return f"CALL ({owner}) {{\n" + "\n".join(lines) + "\n}"


def _limit(field_name: str, first: Any) -> int:
    """One more than asked for, which tells whether there is a next page."""
    return page_size(field_name, first) + 1


def page_size(field_name: str, first: Any) -> int:
    """How many items a page has; raises `InvalidInput` for too many or too few."""
    size = DEFAULT_FIRST if first is None else first
    if not 1 <= size <= MAX_FIRST:
        raise InvalidInput(f"{field_name}(first: {size}): a page has 1 to {MAX_FIRST} items")
    return int(size)
