"""One shape for the answers of all peers, and what differs between two."""

import re
from typing import Any, Final

MERGED: Final = ("node", "properties", "person")
"""Fields of an edge that stand for what they hold."""
LABEL: Final = re.compile(r"^(Movie|Person|Genre|Keyword):")
"""What Cinegraph's ids begin with."""


def normal(value: Any) -> Any:
    """An answer without what each peer wraps it in.

    A connection is its list, and `{"items": …}` with what else was asked of it; an edge is its node with the
    relationship's properties beside; an id is the key without its label.
    """
    if isinstance(value, list):
        return [normal(one) for one in value]
    if not isinstance(value, dict):
        return value
    for wrapper in ("edges", "nodes"):
        if wrapper in value:
            rest = {key: normal(part) for key, part in value.items() if key != wrapper}
            items = normal(value[wrapper])
            return {"items": items, **rest} if rest else items
    found: dict[str, Any] = {}
    for key, part in value.items():
        if key in MERGED:
            found |= normal(part)
        else:
            found[key] = LABEL.sub("", part) if key == "id" else normal(part)
    return found


def answer_of(data: dict[str, Any], *, one: bool) -> Any:
    """The normal shape of an answer with a single root field; of `one` node where a peer answers with a list."""
    (value,) = data.values()
    if one and isinstance(value, list):
        value = value[0] if value else None
    return normal(value)


def difference(ours: Any, theirs: Any, place: str = "") -> str | None:
    """The first place at which two answers differ, with both values; None where they are equal."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        pairs = [(f"{place}.{key}", ours[key], theirs[key]) for key in ours]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{place}[{at}]", *pair) for at, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return None if ours == theirs else f"{place or '.'}: {_short(ours)} and {_short(theirs)}"
    return next((found for at, one, other in pairs if (found := difference(one, other, at))), None)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
