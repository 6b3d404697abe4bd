"""From rows back to the answer: rows are lists by position, so that no text depends on the names a client chose.

A value becomes the answer in one of two ways. `complete` makes the very answer, by what is known of the selection when
it is compiled, some ten times as fast as graphql-core can; for a value that is not plainly right it raises `NotPlain`.
`build` makes plain dictionaries by response key, which graphql-core walks through and whose faults it reports. There
the key `:type` (no GraphQL name has a colon) names the object's type where a field's type is an interface or a union.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from graphql import GraphQLNonNull, GraphQLOutputType
from propcache.api import cached_property

from api.compiler.leaves import NotPlain, leaf, total
from api.compiler.making import LATER, TYPENAME, Make, maker

TYPE_KEY = ":type"

Answer: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Mapping[str, Any]
Place: TypeAlias = tuple[int, Parameters]
Seal: TypeAlias = Callable[[Any], str]


class Shape(Protocol):
    """Turns one value of a row into a part of the answer; `plain` is false where only graphql-core can complete it."""

    @property
    def plain(self) -> bool: ...

    def build(self, value: Any, parameters: Parameters) -> Any: ...

    @property
    def complete(self) -> Callable[[Any, Parameters], Any]: ...


@dataclass(slots=True)
class Fields:
    """The fields of an object while it is compiled, in the order of the answer."""

    order: list[str] = field(default_factory=list)
    typenames: list[str] = field(default_factory=list)
    entries: list[tuple[str, GraphQLOutputType, Shape | None]] = field(default_factory=list)
    resolved: bool = False

    def add(self, key: str, kind: GraphQLOutputType, shape: Shape | None) -> None:
        """A field whose value is in the row."""
        self.order.append(key)
        self.entries.append((key, kind, shape))

    def name(self, key: str) -> None:
        """The type's own name."""
        self.order.append(key)
        self.typenames.append(key)

    def of(self, typename: str) -> "ObjectShape":
        """The shape of all that was added."""
        keys = tuple(key for key, _, _ in self.entries)
        parts = tuple((key, shape) for key, _, shape in self.entries if shape)
        plain = not self.resolved and all(shape.plain for _, shape in parts)
        places = dict.fromkeys(self.order, LATER) | dict.fromkeys(self.typenames, TYPENAME)
        places |= {key: place for place, key in enumerate(keys)}
        kinds = [_kind(kind, shape) for _, kind, shape in self.entries]
        return ObjectShape(typename, keys, parts, plain, tuple(places.items()), tuple(kinds))


def _kind(kind: GraphQLOutputType, shape: Shape | None) -> tuple[str, Any]:
    """What kind of value a field has, for `making.py`, and what makes it the answer."""
    if shape is None:
        return leaf(kind)
    return "part" if isinstance(kind, GraphQLNonNull) else "part?", shape


@dataclass(frozen=True)
class ObjectShape:
    """A list of values → a dictionary; `parts` are the positions whose values have a shape of their own.

    `order` has every key of the answer with the place of its value; `kinds` the kind of each value, and what makes it
    the answer.
    """

    typename: str
    keys: tuple[str, ...]
    parts: tuple[tuple[str, Shape], ...]
    plain: bool
    order: tuple[tuple[str, int], ...]
    kinds: tuple[tuple[str, Any], ...]

    def build(self, value: Any, parameters: Parameters) -> Answer | None:
        if value is None:
            return None
        answer = dict(zip(self.keys, value, strict=True))
        answer[TYPE_KEY] = self.typename
        for key, shape in self.parts:
            if not isinstance(answer[key], Exception):  # what is not known without the graph
                answer[key] = shape.build(answer[key], parameters)
        return answer

    @cached_property
    def complete(self) -> Make:
        """Written when it is first needed: most plans are made for an answer that is asked for again."""
        uses = [use.complete if kind.startswith("part") else use for kind, use in self.kinds]
        return maker([kind for kind, _ in self.kinds], self.order, self.typename, uses)


@dataclass(frozen=True, slots=True)
class AbstractShape:
    """A pair of type name and values → a dictionary of that type."""

    shapes: Mapping[str, ObjectShape]

    @property
    def plain(self) -> bool:
        return all(shape.plain for shape in self.shapes.values())

    def build(self, value: Any, parameters: Parameters) -> Answer | None:
        return None if value is None else self.shapes[value[0]].build(value[1], parameters)

    def complete(self, value: Any, parameters: Parameters) -> Answer:
        if value is None:
            raise NotPlain
        return self.shapes[value[0]].complete(value[1], parameters)


@dataclass(frozen=True, slots=True)
class EdgeShape:
    """A row of a connection → its edge; cursors are sealed only where they are asked for."""

    object: ObjectShape
    cursors: tuple[str, ...]

    @property
    def plain(self) -> bool:
        return self.object.plain

    def edges(self, rows: list[Any], make: Callable[[Any, Parameters], Any], place: Place, seal: Seal) -> list[Any]:
        """The edges of rows: `make` makes the object of the values at a place of each."""
        position, parameters = place
        found = [make(row[position], parameters) for row in rows]
        for key in self.cursors:
            for row, answer in zip(rows, found, strict=True):
                answer[key] = seal(row[0])
        return found


@dataclass(frozen=True, slots=True)
class ConnectionShape:
    """Rows `[sort keys, group, group, …]`, one more than asked for → edges, nodes, pageInfo, totalCount.

    `fields` are (response key, what, position of its group in a row, its shape). Where `shown` names a parameter, it
    has what the pages before have shown, the key of a row is its node, and a cursor has all nodes shown up to it.
    """

    typename: str
    limit: str
    continued: bool
    seal: Seal
    fields: tuple[tuple[str, str, int, Any], ...]
    shown: str = ""

    @property
    def plain(self) -> bool:
        return all(shape.plain for _, what, _, shape in self.fields if what in ("edges", "nodes"))

    def build(self, value: Any, parameters: Parameters) -> Answer:
        page, count, more = self._page(value, parameters)
        answer: Answer = {TYPE_KEY: self.typename}
        for key, what, position, shape in self.fields:
            match what:
                case "edges":
                    answer[key] = shape.edges(page, shape.object.build, (position, parameters), self.seal)
                case "nodes":
                    answer[key] = [shape.build(row[position], parameters) for row in page]
                case "totalCount":
                    answer[key] = count
                case "pageInfo":
                    answer[key] = self._page_info(page, more, shape)
        return answer

    def complete(self, value: Any, parameters: Parameters) -> Answer:
        page, count, more = self._page(value, parameters)
        answer: Answer = {}
        for key, what, position, shape in self.fields:
            match what:
                case "edges":
                    answer[key] = shape.edges(page, shape.object.complete, (position, parameters), self.seal)
                case "nodes":
                    complete = shape.complete
                    answer[key] = [complete(row[position], parameters) for row in page]
                case "totalCount":
                    answer[key] = total(count)
                case "pageInfo":
                    answer[key] = self._page_info(page, more, shape)
                case _:
                    answer[key] = self.typename
        return answer

    def _page(self, value: Any, parameters: Parameters) -> tuple[list[Any], Any, bool]:
        rows, count = value
        size = parameters[self.limit] - 1
        page = rows[:size]
        if self.shown:
            before, keys = parameters[self.shown], [row[0][0] for row in page]
            page = [[[*before, *keys[: place + 1]], *row[1:]] for place, row in enumerate(page)]
        return page, count, len(rows) > size

    def _page_info(self, page: list[Any], more: bool, fields: tuple[tuple[str, str], ...]) -> Answer:
        return page_info(
            fields, [row[0] for row in page[:1] + page[-1:]], more=more, continued=self.continued, seal=self.seal
        )


def page_info(
    fields: tuple[tuple[str, str], ...],
    ends: list[Any],
    *,
    more: bool,
    continued: bool,
    seal: Seal,
) -> Answer:
    """The `pageInfo` of a page whose first and last rows have the sort keys `ends`; `fields` are (key, name)."""
    values: dict[str, Callable[[], Any]] = {
        "hasNextPage": lambda: more,
        "hasPreviousPage": lambda: continued,
        "startCursor": lambda: seal(ends[0]) if ends else None,
        "endCursor": lambda: seal(ends[-1]) if ends else None,
        "__typename": lambda: "PageInfo",
    }
    return {key: values[name]() for key, name in fields if name in values}


class Planned:
    """What a statement found for an object of the answer: completed at once, or built for graphql-core."""

    __slots__ = ("_raw", "parameters", "shape", "value")

    def __init__(self, shape: Shape, value: Any, parameters: Parameters) -> None:
        self.shape, self.value, self.parameters = shape, value, parameters
        self._raw: Answer | None = None

    @property
    def raw(self) -> Answer:
        """By response key, for graphql-core; the same for each of its fields."""
        if self._raw is None:
            self._raw = self.shape.build(self.value, self.parameters)
        assert self._raw is not None
        return self._raw

    def completed(self) -> Answer:
        """The answer; raises `NotPlain` where only graphql-core can tell it."""
        if not self.shape.plain:
            raise NotPlain
        found: Answer = self.shape.complete(self.value, self.parameters)
        return found
