"""Functions that make one object of the answer from its list of values, written for its types.

An answer of twenty movies has some three hundred objects, so what is done for each of them counts. As `dataclasses`
does, the function is written out: what it checks and where each value goes stands in its code. That code depends on
types and places alone, is the same for all selections that are alike, and holds nothing that a client chose.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from api.compiler.leaves import MAX_INT, NotPlain

Make: TypeAlias = Callable[[Any, Mapping[str, Any]], dict[str, Any]]
"""Values, and the parameters of the statement → the object; raises `NotPlain`."""

TYPENAME: Final = -1
LATER: Final = -2
"""Places of the type's own name, and of what is put in afterwards."""

CHECKS: Final = {
    "text": "type({v}) is not str",
    "flag": "type({v}) is not bool",
    "integer": f"type({{v}}) is not int or not {-MAX_INT - 1} <= {{v}} <= {MAX_INT}",
    "part": "type({v}) is not list",
}
"""What keeps a value of a kind from being the answer as it is. A kind that ends in ? may also be null."""

USES: Final = {"part": "{use}({v}, parameters)", "other": "{use}({v})"}
"""What is made of a value of these kinds."""


@lru_cache(maxsize=4_096)
def _written(kinds: tuple[str, ...], order: tuple[int, ...]) -> Callable[[Sequence[str], str, Sequence[Any]], Make]:
    """The function for values of these kinds; `order` has the place of each value in the answer's order."""
    values = "".join(f"v{i}, " for i in range(len(kinds)))
    faults = [fault for i, kind in enumerate(kinds) if (fault := _fault(kind, f"v{i}"))]
    found = {TYPENAME: "typename", LATER: "None"} | {i: _made(kind, f"v{i}", f"u{i}") for i, kind in enumerate(kinds)}
    text = "\n".join(
        [
            "def make(keys, typename, uses):",
            f"    {''.join(f'k{i}, ' for i in range(len(order)))} = keys" if order else "",
            f"    {''.join(f'u{i}, ' for i in range(len(kinds)))} = uses" if kinds else "",
            "    def complete(value, parameters):",
            "        if value is None: raise NotPlain",
            f"        {values} = value" if kinds else "",
            f"        if {' or '.join(faults)}: raise NotPlain" if faults else "",
            f"        return {{{', '.join(f'k{i}: {found[place]}' for i, place in enumerate(order))}}}",
            "    return complete",
        ]
    )
    names: dict[str, Any] = {"NotPlain": NotPlain}
    exec(text, names)
    make: Callable[[Sequence[str], str, Sequence[Any]], Make] = names["make"]
    return make


def _fault(kind: str, v: str) -> str:
    check = CHECKS.get(kind.rstrip("?"), "").format(v=v)
    if not check:
        return ""
    return f"({v} is not None and ({check}))" if kind.endswith("?") else f"({check})"


def _made(kind: str, v: str, use: str) -> str:
    made = USES.get(kind.rstrip("?"), "{v}").format(v=v, use=use)
    return f"None if {v} is None else {made}" if kind.endswith("?") and made != v else made


def maker(kinds: Sequence[str], order: Sequence[tuple[str, int]], typename: str, uses: Sequence[Any]) -> Make:
    """The function that makes an object: `kinds` of its values, `order` of its keys, each with its value's place."""
    keys = [key for key, _ in order]
    return _written(tuple(kinds), tuple(place for _, place in order))(keys, typename, uses)
