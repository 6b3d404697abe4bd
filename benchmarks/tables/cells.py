"""How a table and its cells are written, from what the benchmarks wrote."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


def result(name: str) -> dict[str, Any]:
    """What a benchmark wrote."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def short(value: float, digits: int = 4) -> str:
    """A figure as the documents have it: .0123, −.0123."""
    text = f"{abs(value):.{digits}f}"
    text = text.removeprefix("0") if abs(value) < 1 else text
    return f"−{text}" if value < 0 and float(text) else text


def spread(values: Sequence[float]) -> str:
    """A mean with its interval."""
    mean, low, high = map(short, values)
    return f"{mean} [{low}, {high}]"


def plain(value: float) -> str:
    """A figure of any size in three digits, and a large one in all."""
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
