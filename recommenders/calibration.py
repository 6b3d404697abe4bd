"""From a score to a chance: how many of those who watch a movie with such a score give it 4 stars or more.

Scores of different models have scales of their own. What a model says of the ratings that it has not seen (the
validation part) is set beside which of them are likes: isotonic regression (pool adjacent violators, Ayer et al. 1955)
over bins of equally many ratings, and straight lines between the middles of its steps. It never falls, so that the
order by score is the order by `match`. What is not personal has a curve of its own, over popularity in parts of the
best one's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cinegraph.types import LIKED
from recommenders.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from recommenders.scorers import Scorer
from recommenders.splits import Question

BINS: Final = 50
"""Bins of equally many ratings that a curve is fitted to."""
LEAST: Final = 100
"""Ratings without which there is no curve."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A chance (k,) at scores (k,): scores rise, chances do not fall; straight lines between, level outside."""

    scores: DoubleArray
    chances: DoubleArray

    def at(self, scores: DoubleArray | FloatArray) -> DoubleArray:
        """The chance at each score (n,)."""
        return np.interp(scores, self.scores, self.chances)

    def as_json(self) -> dict[str, list[float]]:
        """Plain numbers."""
        return {"scores": self.scores.tolist(), "chances": self.chances.tolist()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Curve":
        """From what `as_json` gave."""
        return cls(np.array(found["scores"], np.float64), np.array(found["chances"], np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The curves of a model, of its own scores and of popularity; None where there were too few ratings."""

    personal: Curve | None = None
    popular: Curve | None = None

    def match(self, scores: DoubleArray, personal: bool, most: float) -> DoubleArray | None:
        """The chance at each score (n,); `most` is the popularity of the most popular movie."""
        if personal:
            return self.personal.at(scores) if self.personal else None
        return self.popular.at(scores / max(most, 1e-12)) if self.popular else None

    def as_json(self) -> dict[str, Any]:
        """Plain numbers."""
        curves = {"personal": self.personal, "popular": self.popular}
        return {name: curve.as_json() for name, curve in curves.items() if curve}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Calibration":
        """From what `as_json` gave."""
        return cls(**{name: Curve.from_json(curve) for name, curve in found.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Ratings that a model has not seen (n,): its score, popularity in parts of the best one's, whether it was a like,
    and whether the score is personal."""

    scores: DoubleArray
    popularity: DoubleArray
    liked: BoolArray
    personal: BoolArray


def foreseen(scorer: Scorer, question: Question, max_users: int | None = None, seed: int = 0) -> Judged:
    """What a scorer says of the ratings that are asked about; of `max_users` drawn by the seed."""
    users, target = question.users, question.target
    if max_users is not None and len(users) > max_users:
        users = np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))
    likes = scorer.popularity.astype(np.float64) / max(float(scorer.popularity.max(initial=0.0)), 1e-12)
    rows: list[tuple[DoubleArray, DoubleArray, BoolArray, BoolArray]] = []
    starts = np.argsort(target.user_index, kind="stable")
    bounds = np.searchsorted(target.user_index[starts], np.stack([users, users + 1]))
    for user, first, last in zip(users.tolist(), *bounds.tolist(), strict=True):
        chosen = starts[first:last]
        items, history = target.movie_index[chosen], question.known.history(user)
        scores = scorer.score(history)[items].astype(np.float64)
        personal = np.full(len(items), scorer.is_personal(history))
        rows.append((scores, likes[items], target.rating[chosen] >= np.float32(LIKED), personal))
    empty = (np.zeros(0), np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    return Judged(*(np.concatenate(part) for part in zip(empty, *rows, strict=True)))


def calibrate(judged: Judged) -> Calibration:
    """The curves that fit what a model says to what is liked."""
    own = judged.personal
    return Calibration(fit(judged.scores[own], judged.liked[own]), fit(judged.popularity, judged.liked))


def fit(scores: DoubleArray, liked: BoolArray, bins: int = BINS) -> Curve | None:
    """The chance to be liked by score; None for fewer than `LEAST` ratings."""
    if len(scores) < LEAST:
        return None
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(bins, len(scores)))
    middles = np.array([scores[part].mean() for part in parts])
    shares = np.array([liked[part].mean() for part in parts])
    counts = np.array([len(part) for part in parts])
    blocks = pooled(shares, counts)
    starts = np.cumsum([0, *(size for size, _ in blocks)])[:-1]
    places = [
        float(np.average(middles[start : start + size], weights=counts[start : start + size]))
        for start, (size, _) in zip(starts.tolist(), blocks, strict=True)
    ]
    rising = np.flatnonzero(np.diff(places, prepend=-np.inf) > 0)
    return Curve(np.array(places)[rising], np.array([share for _, share in blocks])[rising])


def pooled(shares: DoubleArray, counts: IntArray) -> list[tuple[int, float]]:
    """Isotonic regression: how many neighbouring bins make a block, and its share; shares rise from block to block."""
    blocks: list[tuple[int, float, float]] = []
    for share, count in zip(shares.tolist(), counts.tolist(), strict=True):
        size, weight, value = 1, float(count), float(share)
        while blocks and blocks[-1][2] >= value:
            before, other, lower = blocks.pop()
            value = (value * weight + lower * other) / (weight + other)
            size, weight = size + before, weight + other
        blocks.append((size, weight, value))
    return [(size, value) for size, _, value in blocks]


def expected_error(chances: DoubleArray, liked: BoolArray, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015), over bins of equally many: by how much the mean chance of a bin
    and the part that is liked differ, the mean over all."""
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    errors = [len(part) * abs(float(chances[part].mean()) - float(liked[part].mean())) for part in parts if len(part)]
    return sum(errors) / max(len(chances), 1)
