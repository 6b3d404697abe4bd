"""How good ranked lists are: each function gives one figure a user, in float64.

`hits` (users, depth) says at each place whether the movie there is one the user liked later; `relevant` (users,) how
many such movies there are, in the list or not (at least 1).
"""

import numpy as np

from recommenders.arrays import BoolArray, DoubleArray, FloatArray, IntArray


def ndcg_at(hits: BoolArray, relevant: IntArray, k: int) -> DoubleArray:
    """Discounted gain, 1 / log2(place + 1) for a hit, by the most that is possible (Järvelin and Kekäläinen 2002)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gain = hits[:, :k] @ discount[: hits.shape[1]]
    most = np.concatenate([[0.0], np.cumsum(discount)])
    return np.asarray(gain / most[np.minimum(relevant, k)], dtype=np.float64)


def recall_at(hits: BoolArray, relevant: IntArray, k: int) -> DoubleArray:
    """The part of the relevant movies that is among the first k."""
    return np.asarray(hits[:, :k].sum(axis=1) / relevant, dtype=np.float64)


def hit_rate_at(hits: BoolArray, k: int) -> DoubleArray:
    """1 where any relevant movie is among the first k."""
    return np.asarray(hits[:, :k].any(axis=1), dtype=np.float64)


def average_precision_at(hits: BoolArray, relevant: IntArray, k: int) -> DoubleArray:
    """Mean over all relevant movies of the precision at their places, 0 for one past the first k (as in trec_eval)."""
    first = hits[:, :k]
    precision = np.cumsum(first, axis=1) / np.arange(1, first.shape[1] + 1)
    return np.asarray((precision * first).sum(axis=1) / relevant, dtype=np.float64)


def reciprocal_rank(first: IntArray) -> DoubleArray:
    """1 / place of the first relevant movie among all; 0 where `first` (users,) is 0: not ranked at all."""
    return np.divide(1.0, first, out=np.zeros(len(first)), where=first > 0)


def coverage_at(lists: IntArray, n_movies: int, k: int) -> float:
    """The part of all movies that is in anybody's first k; `lists` (users, depth) holds -1 where a list has ended."""
    shown = np.unique(lists[:, :k])
    return float(np.count_nonzero(shown >= 0) / n_movies)


def novelty_at(lists: IntArray, popularity: FloatArray, n_users: int, k: int) -> DoubleArray:
    """Mean self-information of the first k, in bits: -log2 of the part of the users who like the movie.

    A movie that nobody likes counts as liked by one (Vargas and Castells 2011 leave this open); an empty list has 0.
    """
    information = -np.log2(np.maximum(popularity.astype(np.float64), 1) / n_users)
    shown = lists[:, :k] >= 0
    bits = np.where(shown, information[lists[:, :k]], 0.0).sum(axis=1)
    return np.asarray(bits / np.maximum(shown.sum(axis=1), 1), dtype=np.float64)


def auc(alike: DoubleArray, unlike: DoubleArray) -> float:
    """How often one of the first has a higher score than one of the second, an equal one counting half (Hanley and
    McNeil 1982): .5 is chance."""
    above = alike[:, None] > unlike[None, :]
    equal = alike[:, None] == unlike[None, :]
    return float((above + 0.5 * equal).mean())
