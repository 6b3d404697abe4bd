"""From rows back to the answer: rows are lists by position, so that no text depends on the names a client chose.

The result is plain dictionaries by response key; the key `:type` (no GraphQL name has a colon) names the object's type
where a field's type is an interface or a union.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

TYPE_KEY = ":type"

Answer: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Mapping[str, Any]


class Shape(Protocol):
    """Turns one value of a row into a part of the answer."""

    def build(self, value: Any, parameters: Parameters) -> Any: ...


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """A list of values → a dictionary; `parts` are the positions whose values have a shape of their own."""

    typename: str
    keys: tuple[str, ...]
    parts: tuple[tuple[str, Shape], ...]

    def build(self, value: Any, parameters: Parameters) -> Answer | None:
        if value is None:
            return None
        answer = dict(zip(self.keys, value, strict=True))
        answer[TYPE_KEY] = self.typename
        for key, shape in self.parts:
            answer[key] = shape.build(answer[key], parameters)
        return answer


@dataclass(frozen=True, slots=True)
class AbstractShape:
    """A pair of type name and values → a dictionary of that type."""

    shapes: Mapping[str, ObjectShape]

    def build(self, value: Any, parameters: Parameters) -> Answer | None:
        return None if value is None else self.shapes[value[0]].build(value[1], parameters)


@dataclass(frozen=True, slots=True)
class EdgeShape:
    """A row of a connection → its edge; cursors are sealed only where they are asked for."""

    typename: str
    object: ObjectShape
    cursors: tuple[str, ...]

    def build_edge(self, row: Any, values: Any, parameters: Parameters, seal: Callable[[Any], str]) -> Answer | None:
        answer = self.object.build(values, parameters)
        if answer is not None:
            for key in self.cursors:
                answer[key] = seal(row[0])
        return answer


@dataclass(frozen=True, slots=True)
class ConnectionShape:
    """Rows `[sort keys, group, group, …]`, one more than asked for → edges, nodes, pageInfo, totalCount.

    `fields` are (response key, what, position of its group in a row, its shape).
    """

    typename: str
    limit: str
    continued: bool
    seal: Callable[[Any], str]
    fields: tuple[tuple[str, str, int, Any], ...]

    def build(self, value: Any, parameters: Parameters) -> Answer:
        rows, total = value
        size = parameters[self.limit] - 1
        page = rows[:size]
        answer: Answer = {TYPE_KEY: self.typename}
        for key, what, position, shape in self.fields:
            match what:
                case "edges":
                    answer[key] = [shape.build_edge(row, row[position], parameters, self.seal) for row in page]
                case "nodes":
                    answer[key] = [shape.build(row[position], parameters) for row in page]
                case "totalCount":
                    answer[key] = total
                case "pageInfo":
                    answer[key] = self._page_info(page, len(rows) > size, shape)
        return answer

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
    seal: Callable[[Any], str],
) -> Answer:
    """The `pageInfo` of a page whose first and last rows have the sort keys `ends`; `fields` are (key, name)."""
    values: dict[str, Callable[[], Any]] = {
        "hasNextPage": lambda: more,
        "hasPreviousPage": lambda: continued,
        "startCursor": lambda: seal(ends[0]) if ends else None,
        "endCursor": lambda: seal(ends[-1]) if ends else None,
    }
    return {key: values[name]() for key, name in fields if name in values}
