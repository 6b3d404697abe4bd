"""Which of many names may be one person spelled in two ways."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import combinations

from graph.sample.catalog import slug

ALIKE = 0.86
"""From this similarity on (0 to 1, difflib's ratio) two names that share a word are suspicious."""


def near_duplicates(names: Iterable[str]) -> set[tuple[str, str]]:
    """Pairs, each in alphabetical order, that a person should look at."""
    groups: dict[str, set[str]] = {}
    for name in names:
        for word in {*slug(name).split("-"), initials(name)}:
            groups.setdefault(word, set()).add(name)
    pairs = {pair for group in groups.values() for pair in combinations(sorted(group), 2)}
    return {(one, other) for one, other in pairs if suspicious(slug(one), slug(other))}


def initials(name: str) -> str:
    """First letter and last word, as in `m scorsese`, which a shortened first name keeps."""
    words = slug(name).split("-")
    return f"{words[0][0]} {words[-1]}"


def suspicious(one: str, other: str) -> bool:
    """The same words in another order, a middle name more, a first name shortened, or nearly the same letters."""
    first, second = one.split("-"), other.split("-")
    if sorted(first) == sorted(second) or (first[0], first[-1]) == (second[0], second[-1]):
        return True
    if first[-1] == second[-1] and 1 in (len(first[0]), len(second[0])) and first[0][0] == second[0][0]:
        return True
    return SequenceMatcher(None, one, other).ratio() >= ALIKE
