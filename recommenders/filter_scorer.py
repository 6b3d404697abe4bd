"""Sparse item-item weights and a low-rank part together: what a graph filter over a large catalogue is served with."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray
from recommenders.scorers import (
    History,
    ItemItemScorer,
    Neighbours,
    best_neighbours,
    candidates_of,
    check_shape,
    or_popularity,
    products,
)


@dataclass(frozen=True, eq=False)
class FilterScorer:
    """score(i) = sum over j in the history of weight(j) * (weights[j, i] + <history_factors[j], item_factors[i]>).

    `weights` (m, m) as CSR is over `items` (m,), as in `ItemItemScorer`; both factors are (movies, d).
    """

    kind: ClassVar[str] = "filter"
    weights: Csr
    items: IntArray
    history_factors: FloatArray
    item_factors: FloatArray
    popularity: FloatArray

    @cached_property
    def _links(self) -> ItemItemScorer:
        return ItemItemScorer(self.weights, self.items, self.popularity)

    @cached_property
    def _tells(self) -> BoolArray:
        return np.asarray(self.history_factors.any(axis=1))

    def is_personal(self, history: History) -> bool:
        """Whether a movie of the history has a vector, or a weight with any other."""
        return bool(self._tells[history.items].any()) or self._links.is_personal(history)

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The sum of both parts."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        scores = self._links.sums(history) + products(self.item_factors, self._parts(history).sum(axis=0))
        return candidates_of(scores.astype(np.float32), candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The sums of both parts, as products of matrices."""
        scores = (histories @ self.history_factors) @ self.item_factors.T
        scores[:, self.items] += (histories[:, self.items] @ self.weights).toarray()
        linked = np.zeros(len(self.popularity), dtype=np.bool_)
        linked[self.items] = np.diff(self.weights.indptr) > 0
        return or_popularity(scores, histories @ (self._tells | linked) > 0, self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What both parts give for each movie of the history."""
        low_rank = np.einsum("hd,d->h", self._parts(history), self.item_factors[movie_index].astype(np.float64))
        return np.asarray(self._links.contributions(history, movie_index) + low_rank, dtype=np.float32)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """By the weight between the two in either direction, both parts of it, the larger one; only weights above 0."""
        start, end = self._links.between(movie_index)
        start += products(self.item_factors, self.history_factors[movie_index])
        end += products(self.history_factors, self.item_factors[movie_index])
        scores = np.maximum(start, end)
        scores[movie_index] = 0
        return best_neighbours(scores, k)

    def arrays(self) -> dict[str, AnyArray]:
        """The weights and what they are over, both factors, and popularity."""
        return {
            **self._links.arrays(),
            "history_factors": self.history_factors,
            "item_factors": self.item_factors,
        }

    def check(self) -> None:
        """The weights are square, over positions that rise and exist; both factors have a row for each movie."""
        self._links.check()
        n = len(self.popularity)
        check_shape(self.item_factors, "item_factors", (n, *self.item_factors.shape[1:2]))
        check_shape(self.history_factors, "history_factors", self.item_factors.shape)

    def _parts(self, history: History) -> DoubleArray:
        """weight(j) * history_factors[j] for each j of the history (h, d)."""
        parts: DoubleArray = self.history_factors[history.items].astype(np.float64) * history.weights[:, None]
        return parts
