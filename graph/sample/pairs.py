"""Pairs of films of the sample that are alike, and pairs that are not, by people's judgement: `pairs.txt`.

Under `## alike` and `## unlike` a pair a line, `Title (year); Title (year)`. Likenesses are measured on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeAlias

from graph.sample.catalog import SampleFormatError, load_catalog

Pair: TypeAlias = tuple[str, str]
"""The ids of two films."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Both lists, in the order of the file."""

    alike: tuple[Pair, ...]
    unlike: tuple[Pair, ...]


@cache
def load_pairs() -> Pairs:
    """The pairs of the sample."""
    ids = {f"{film.title} ({film.year})": film.id for film in load_catalog()}
    return parse(resources.files("graph.sample").joinpath("pairs.txt").read_text(encoding="utf-8"), ids)


def parse(text: str, ids: Mapping[str, str]) -> Pairs:
    """The pairs in a text; `ids` by `Title (year)`. `SampleFormatError` names a line that is none."""
    found: dict[str, list[Pair]] = {"alike": [], "unlike": []}
    seen, under = set[frozenset[str]](), ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("## "):
            under = line.removeprefix("## ")
        elif line and not line.startswith("#"):
            pair = _pair(line, number, ids)
            if under not in found:
                raise SampleFormatError(f"pairs.txt:{number}: {under!r} is no list; write `## alike` or `## unlike`")
            if frozenset(pair) in seen:
                raise SampleFormatError(f"pairs.txt:{number}: {line!r} stands twice; keep one of the two")
            seen.add(frozenset(pair))
            found[under].append(pair)
    return Pairs(tuple(found["alike"]), tuple(found["unlike"]))


def _pair(line: str, number: int, ids: Mapping[str, str]) -> Pair:
    parts = [part.strip() for part in line.split(";")]
    unknown = [part for part in parts if part not in ids]
    if len(parts) != 2 or unknown:
        wrong = f"{unknown[0]!r} is no film of the sample" if unknown else f"{line!r} has {len(parts)} films"
        raise SampleFormatError(f"pairs.txt:{number}: {wrong}; write `Title (year); Title (year)`")
    return ids[parts[0]], ids[parts[1]]
