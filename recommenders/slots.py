"""Places of a list that are kept for new movies and for movies worth a try, with the odds of what stands there.

A share of .1 keeps every tenth place: fresh ones the 5th, 15th, 25th …, exploring ones the 10th, 20th, 30th … Every
other place has the next movie of the list, whatever stands in the kept ones. A fresh place has the best new movie that
does not stand above. A movie of an exploring place is drawn: each candidate that does not stand above has a chance in
proportion to how much it is worth a try. That chance is the movie's propensity, given what stands above it; of every
other place it is 1. What was shown can so be weighed later as another policy would have shown it (inverse propensity,
Horvitz and Thompson 1952). The draw is by user, day, model and catalogue: the same question has the same answer for a
day, unless another model or catalogue is served before its end.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from recommenders.arrays import DoubleArray, IntArray
from recommenders.candidates import Source

FIRST_FRESH: Final = 0.5
"""Where between two exploring places a fresh one stands."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Who filled a place, and the chance that this movie came there, given those above."""

    source: Source
    propensity: float


ORDINARY: Final = Slot(Source.MODEL, 1.0)
"""Any place that is not kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What fills the kept places: `fresh` (n,), the best first, and `trying` (t,) with what each is `worth` (t,)."""

    fresh: IntArray
    trying: IntArray
    worth: DoubleArray


def keeps(place: int, share: float, offset: float = 0.0) -> bool:
    """Whether a place, from 1, is kept by a share of all."""
    return int(place * share + offset + 1e-9) > int((place - 1) * share + offset + 1e-9)


def fill(
    order: IntArray, kept: Kept, shares: tuple[float, float], places: int, seed: int
) -> tuple[IntArray, Mapping[int, Slot]]:
    """The list (n,) with its kept places among the first `places`, and who filled those, by the movie's number.

    `shares` are of fresh and of exploring places. However many places are filled, the first are the same.
    """
    rng, fresh_share, trying_share = np.random.default_rng(seed), *shares
    above, slots = dict[int, None](), dict[int, Slot]()
    ordinary, fresh = iter(order.tolist()), iter(kept.fresh.tolist())
    while len(above) < min(places, len(order)):
        place, slot = len(above) + 1, ORDINARY
        item: int | None = None
        if keeps(place, trying_share):
            item, slot = _drawn(kept, above, rng)
        elif keeps(place, fresh_share, FIRST_FRESH):
            item, slot = next((one for one in fresh if one not in above), None), Slot(Source.FRESH, 1.0)
        if item is None:
            item, slot = next(one for one in ordinary if one not in above), ORDINARY
        above[item] = None
        if slot is not ORDINARY:
            slots[item] = slot
    first = np.array(list(above), np.int32)
    return np.concatenate([first, order[~np.isin(order, first)]])[: len(order)].astype(np.int32), slots


def _drawn(kept: Kept, above: Mapping[int, None], rng: np.random.Generator) -> tuple[int | None, Slot]:
    """A movie that does not stand above, and its chance; none where all do."""
    worth = np.where(np.isin(kept.trying, list(above)), 0.0, kept.worth)
    total = float(worth.sum())
    if total <= 0:
        return None, ORDINARY
    chances = worth / total
    drawn = int(np.searchsorted(np.cumsum(chances), rng.random(), side="right"))
    drawn = min(drawn, int(np.flatnonzero(chances)[-1]))
    return int(kept.trying[drawn]), Slot(Source.EXPLORATION, float(chances[drawn]))


def seed_of(*parts: str | int | Sequence[str]) -> int:
    """A seed from who asks, when, and what answers."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big")
