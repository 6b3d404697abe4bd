"""A `MovieFilter` of the API as a predicate of Cypher: its values become parameters, its structure the text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from api.compiler.binding import Argument, Binder
from api.ids import key_of
from cinegraph.errors import InvalidInput
from cinegraph.types import Label

MAX_DEPTH = 4
MAX_CONDITIONS = 40
MAX_VALUES = 100

LISTS: Mapping[str, tuple[Label, str]] = {
    "genres": (Label.GENRE, "EXISTS {{ ({n})-[:HAS_GENRE]->(x:Genre) WHERE x.id IN {p} }}"),
    "keywords": (Label.KEYWORD, "EXISTS {{ ({n})-[:HAS_KEYWORD]->(x:Keyword) WHERE x.id IN {p} }}"),
    "people": (Label.PERSON, "EXISTS {{ ({n})<-[:ACTED_IN|DIRECTED|WROTE|CREW]-(x:Person) WHERE x.id IN {p} }}"),
    "countries": (Label.COUNTRY, "EXISTS {{ ({n})-[:FROM_COUNTRY]->(x:Country) WHERE x.id IN {p} }}"),
    "languages": (Label.LANGUAGE, "EXISTS {{ ({n})-[:IN_LANGUAGE]->(x:Language) WHERE x.id IN {p} }}"),
}
RANGES = ("year", "runtime")
BOUNDS = {"min": ">=", "max": "<="}


def predicate(binder: Binder, argument: Argument, value: Mapping[str, Any] | None, n: str) -> str:
    """The text that is true for the movies of the filter; empty for a filter without conditions."""
    if not value:
        return ""
    check_size(value)
    return _all(binder, argument, value, n, ())


def check_size(value: Mapping[str, Any], depth: int = 1) -> int:
    """The number of conditions; `InvalidInput` for a filter that is deeper or larger than anyone needs."""
    if depth > MAX_DEPTH:
        raise InvalidInput(f"the filter is nested deeper than {MAX_DEPTH} levels; write it flatter")
    count = sum(1 for name, part in value.items() if part is not None and name not in ("and", "or", "not"))
    count += sum(max(1, check_size(part, depth + 1)) for part in _nested(value))
    if count > MAX_CONDITIONS:
        raise InvalidInput(f"the filter has more than {MAX_CONDITIONS} conditions; {MAX_CONDITIONS} is the most")
    return count


def _nested(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from value.get("and") or ()
    yield from value.get("or") or ()
    if value.get("not"):
        yield value["not"]


def _all(binder: Binder, argument: Argument, value: Mapping[str, Any], n: str, path: tuple[Any, ...]) -> str:
    return " AND ".join(_conditions(binder, argument, value, n, path)) or "true"


def _conditions(
    binder: Binder, argument: Argument, value: Mapping[str, Any], n: str, path: tuple[Any, ...]
) -> Iterator[str]:
    for name, (label, text) in LISTS.items():
        if value.get(name) is not None:
            yield text.format(n=n, p=binder.bind(argument, _keys(label, (*path, name))))
    for name in RANGES:
        for bound in BOUNDS if value.get(name) else ():
            if value[name].get(bound) is not None:
                yield f"{n}.{name} {BOUNDS[bound]} {binder.bind(argument, _bound((*path, name), bound))}"
    for name, word in (("and", " AND "), ("or", " OR ")):
        if value.get(name) is not None:
            parts = [f"({_all(binder, argument, one, n, (*path, name, i))})" for i, one in enumerate(value[name])]
            yield f"({word.join(parts)})" if parts else str(name == "and").lower()
    if value.get("not") is not None:
        # A movie without a year is in no range of years, so it is in the "not" of every one.
        yield f"NOT coalesce(({_all(binder, argument, value['not'], n, (*path, 'not'))}), false)"


def _dig(path: tuple[Any, ...]) -> Callable[[Any], Any]:
    def dig(value: Any) -> Any:
        for part in path:
            value = value[part]
        return value

    return dig


def _bound(path: tuple[Any, ...], bound: str) -> Callable[[Any], Any]:
    dig = _dig(path)
    return lambda value: in_order(path[-1], dig(value))[bound]


def in_order(name: str, bounds: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same bounds of a range; `InvalidInput` where nothing lies between them."""
    least, most = bounds.get("min"), bounds.get("max")
    if least is not None and most is not None and least > most:
        raise InvalidInput(f"{name}: min is {least} and max {most}, so that no movie can match; swap them")
    return bounds


def _keys(label: Label, path: tuple[Any, ...]) -> Callable[[Any], list[str]]:
    dig = _dig(path)
    return lambda value: keys(label, dig(value))


def keys(label: Label, ids: list[str]) -> list[str]:
    """The keys in a filter's list of ids."""
    if len(ids) > MAX_VALUES:
        raise InvalidInput(f"a filter takes at most {MAX_VALUES} {label} ids, this has {len(ids)}")
    return [key_of(label, one) for one in ids]
