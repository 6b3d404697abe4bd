"""JSON as it is taken from clients: nothing that another parser, or UTF-8, would not take."""

import json
from typing import Any, NoReturn


def parsed(text: str | bytes) -> Any:
    """The value of a text of JSON. Raises `ValueError` or `RecursionError` for anything else: NaN and the infinities,
    which are no JSON, and half of a surrogate pair, which is no text."""
    value = json.loads(text, parse_constant=_refuse)
    if ("\\u" if isinstance(text, str) else b"\\u") in text:  # type: ignore[operator]
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
