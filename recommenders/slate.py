"""From a ranking to a slate: diverse, calibrated and as novel as asked for, at a price in accuracy that is measured.

Greedy: each place gets the movie with the highest sum of relevance, novelty, the distance from what stands above it
(maximal marginal relevance, Carbonell and Goldstein 1998), and what it does for the shares of genres (Steck 2018).
Instead of the distance from the nearest, the volume that all span can be taken: greedy inference of a determinantal
point process (Chen et al. 2018). Only the first places are composed, from the first movies of the ranking; all others
follow in their order, so that pages go on for ever.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from recommenders.arrays import DoubleArray, IntArray
from recommenders.beyond_accuracy import SMOOTHING

POOL: Final = 200
"""Movies of a ranking that may come into its composed places."""
PLACES: Final = 60
"""Places that are composed: three pages of twenty."""
STRENGTH: Final = 2.0
"""Weight of diversity and of calibration at 1, where relevance goes from 0 to 1 over the pool."""
NOVELTY: Final = 1.0
"""Weight of novelty at 1."""
NOTHING: Final = 1e-12
"""The sum of genres of a movie without one, so that a share of it is 0."""
JITTER: Final = 1e-3
"""Added to a movie's likeness to itself, so that a volume is never quite 0."""


class Spread(StrEnum):
    """How diversity is measured: by the nearest movie above, or by the volume that all of them span."""

    MMR = "mmr"
    DPP = "dpp"


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is asked of a slate beside relevance: each dial from 0 (nothing) to 1.

    `per_collection` and `per_director` are the most movies of one series, and by one director, in the composed places.
    `fresh` and `exploration` are the shares of those places that are kept for new movies, and for movies that are worth
    a try (`slots.py`).
    """

    diversity: float = 0.0
    novelty: float = 0.0
    calibration: float = 0.0
    per_collection: int | None = None
    per_director: int | None = None
    spread: Spread = Spread.MMR
    fresh: float = 0.0
    exploration: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether anything is asked at all."""
        return self.composes or self.keeps

    @property
    def keeps(self) -> bool:
        """Whether places are kept."""
        return max(self.fresh, self.exploration) > 0

    @property
    def composes(self) -> bool:
        """Whether the movies of the ranking come in another order."""
        limited = self.per_collection is not None or self.per_director is not None
        return limited or max(self.diversity, self.novelty, self.calibration) > 0


@dataclass(frozen=True, slots=True, eq=False)
class SlateFacts:
    """What a slate needs to know of each movie (movies, …).

    `vectors` (movies, d) of length 1 or 0: their product is how alike two movies are. `genres` (movies, g) are shares.
    `information` (movies,) is 1 for the least known movie, 0 for the best known. `collections` and `directors`
    (movies,) are numbers, -1 for none.
    """

    vectors: DoubleArray
    genres: DoubleArray
    information: DoubleArray
    collections: IntArray
    directors: IntArray


def compose(
    items: IntArray,
    scores: DoubleArray,
    facts: SlateFacts,
    tuning: Tuning,
    taste: DoubleArray | None = None,
    places: int = PLACES,
) -> IntArray:
    """The same items (n,), ranked by `scores` (n,), in the order of the slate; `taste` (g,) are the user's own shares
    of genres, without which nothing is calibrated. However many places are composed, the first are the same."""
    if not tuning.composes or len(items) < 2:
        return items
    pool = items[:POOL]
    worth = _relevance(scores[:POOL]) + NOVELTY * tuning.novelty * facts.information[pool]
    chosen = _chosen(pool, worth, facts, tuning, taste, places)
    rest = np.ones(len(items), dtype=np.bool_)
    rest[chosen] = False
    return np.concatenate([pool[chosen], items[rest]])


def _relevance(scores: DoubleArray) -> DoubleArray:
    """From 0 for the last to 1 for the first."""
    span = float(scores.max() - scores.min())
    found: DoubleArray = (scores - scores.min()) / (span or 1.0)
    return found


def _chosen(
    pool: IntArray, worth: DoubleArray, facts: SlateFacts, tuning: Tuning, taste: DoubleArray | None, places: int
) -> IntArray:
    """The places in the pool that come first, in order (k,)."""
    spread = SPREADS[tuning.spread](facts.vectors[pool]) if tuning.diversity else None
    balance = _Balance(facts.genres[pool], taste) if tuning.calibration and taste is not None else None
    limits = [
        _Limit(numbers[pool], most)
        for numbers, most in ((facts.collections, tuning.per_collection), (facts.directors, tuning.per_director))
        if most is not None
    ]
    worth = worth.copy()
    chosen: list[int] = []
    for _ in range(min(places, len(pool))):
        value = worth
        if spread:
            value = value - STRENGTH * tuning.diversity * spread.penalty()
        if balance:
            value = value - STRENGTH * tuning.calibration * balance.errors()
        best = int(value.argmax())
        if value[best] == -np.inf:
            break
        chosen.append(best)
        worth[best] = -np.inf
        for limit in limits:
            worth[limit.reached(best)] = -np.inf
        if spread:
            spread.take(best)
        if balance:
            balance.take(best)
    return np.array(chosen, dtype=np.int32)


class _Nearest:
    """How like each movie is to the one chosen so far that is most like it, from 0 to 1."""

    def __init__(self, vectors: DoubleArray) -> None:
        self._vectors, self._near = vectors, np.zeros(len(vectors))

    def penalty(self) -> DoubleArray:
        return self._near

    def take(self, place: int) -> None:
        self._near = np.maximum(self._near, self._vectors @ self._vectors[place])


class _Volume:
    """How little each movie adds to the volume of those chosen so far: 0 for a new direction, 1 for nothing new.

    d^2 is the squared length of what a movie's vector adds; the penalty is log d^2 over log of its least value.
    """

    def __init__(self, vectors: DoubleArray) -> None:
        self._vectors = vectors
        self._added = np.full(len(vectors), 1 + JITTER)
        self._directions = np.zeros((0, len(vectors)))

    def penalty(self) -> DoubleArray:
        found: DoubleArray = np.log(self._added.clip(JITTER, 1)) / np.log(JITTER)
        return found

    def take(self, place: int) -> None:
        inner = self._vectors @ self._vectors[place] - self._directions.T @ self._directions[:, place]
        inner[place] += JITTER
        direction = inner / np.sqrt(max(self._added[place], JITTER))
        self._directions = np.vstack([self._directions, direction])
        self._added = self._added - direction**2


SPREADS: Final[dict[Spread, type[_Nearest] | type[_Volume]]] = {Spread.MMR: _Nearest, Spread.DPP: _Volume}


class _Balance:
    """How far the shares of genres would be from the user's with each movie of the pool added.

    As `divergence` of `beyond_accuracy.py`, written out: what genres outside the user's taste would add is 0 whatever
    is shown. A list without any genre is as far as one of other genres alone: a movie without one wins nothing.
    """

    def __init__(self, genres: DoubleArray, taste: DoubleArray) -> None:
        own = taste > 0
        self._genres, self._taste = genres[:, own], taste[own]
        self._own = genres.sum(axis=1) + NOTHING
        self._each = self._smoothed(self._genres, self._own[:, None])
        self._entropy = float(self._taste @ np.log2(self._taste))
        self._sum, self._total = np.zeros(int(own.sum())), 0.0

    def errors(self) -> DoubleArray:
        """In bits (n,). Shares are taken times the sum that they are shares of, whose logarithm is taken off again:
        what each movie adds to that is known beforehand."""
        smoothed = self._each + self._smoothed(self._sum, self._total)
        bits = self._entropy + np.log2(self._total + self._own) - np.log2(smoothed) @ self._taste
        found: DoubleArray = np.maximum(bits, 0.0)
        return found

    def take(self, place: int) -> None:
        """One more in the list."""
        self._sum = self._sum + self._genres[place]
        self._total += float(self._own[place])

    def _smoothed(self, genres: DoubleArray, total: DoubleArray | float) -> DoubleArray:
        """Shares of genres times their sum, drawn towards the taste a little."""
        found: DoubleArray = (1 - SMOOTHING) * genres + SMOOTHING * total * self._taste
        return found


class _Limit:
    """At most so many of one number; -1 is none, and has no limit."""

    def __init__(self, numbers: IntArray, most: int) -> None:
        self._numbers, self._most = numbers, most
        self._taken = Counter[int]()

    def reached(self, place: int) -> IntArray:
        """One more of the number at a place; the places that may be taken no more (k,)."""
        number = int(self._numbers[place])
        self._taken[number] += 1
        if number < 0 or self._taken[number] < self._most:
            return np.zeros(0, dtype=np.int32)
        return np.flatnonzero(self._numbers == number).astype(np.int32)
