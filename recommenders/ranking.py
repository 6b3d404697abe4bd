"""The best movies by score: exact, and in an order that depends on nothing but scores and positions."""

from dataclasses import dataclass

import numpy as np

from recommenders.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from recommenders.scorers import History, Scorer

SAMPLED = 8
"""One of so many scores is looked at first, to see which cannot be among the best."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Movies by position (n,) with their scores (n,): the highest score first, equal scores by position."""

    items: IntArray
    scores: FloatArray | DoubleArray


def recommend(
    scorer: Scorer, history: History, k: int, exclude: IntArray | None = None, mask: BoolArray | None = None
) -> Ranked:
    """The best `k` movies, fewer where fewer are allowed; never one of the history, of `exclude`, or outside `mask`."""
    scores = scorer.score(history)
    return top_k(scores, allowed(len(scores), history, exclude, mask), k)


def allowed(n_movies: int, history: History, exclude: IntArray | None, mask: BoolArray | None) -> BoolArray:
    """Which movies (n_movies,) may be recommended."""
    free = np.ones(n_movies, dtype=np.bool_) if mask is None else mask.copy()
    free[history.items] = False
    if exclude is not None:
        free[exclude] = False
    return free


def top_k(scores: FloatArray | DoubleArray, free: BoolArray, k: int) -> Ranked:
    """The `k` highest scores among the free movies, exactly."""
    items = np.flatnonzero(free) if k > 0 else np.zeros(0, dtype=np.int32)
    if k < len(items):
        values = scores[items]
        least = _kth(values, k)
        above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
        items = items[np.concatenate([above, equal[: k - len(above)]])]
    order = items[np.lexsort((items, -scores[items]))][:k].astype(np.int32)
    return Ranked(order, scores[order])


def _kth(values: FloatArray | DoubleArray, k: int) -> float:
    """The `k`-th highest of more values than that. A bound from a part of them leaves few to look for it among, which
    takes long where many are alike, as zeros are."""
    sample, rank = values[::SAMPLED], k // SAMPLED + 2 * int((k // SAMPLED) ** 0.5) + SAMPLED
    if rank < len(sample):
        bound = np.partition(sample, len(sample) - rank)[len(sample) - rank]
        above = values[values > bound]
        if len(above) < k <= len(above) + int(np.count_nonzero(values == bound)):
            return float(bound)
        values = above if len(above) >= k else values
    return float(np.partition(values, len(values) - k)[len(values) - k])


def place_of_first(scores: FloatArray | DoubleArray, free: BoolArray, wanted: IntArray) -> int:
    """The place, from 1, of the first wanted movie in the order of all free ones; 0 where none of them is free."""
    wanted = wanted[free[wanted]]
    if not len(wanted):
        return 0
    best = wanted[np.lexsort((wanted, -scores[wanted]))][0]
    before = (scores > scores[best]) | ((scores == scores[best]) & (np.arange(len(scores)) < best))
    return 1 + int(np.count_nonzero(before & free))
