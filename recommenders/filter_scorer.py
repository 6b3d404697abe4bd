"""Sparse item-item weights and a filter of the graph's spectrum: how a filter over a large catalogue is served."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from propcache.api import cached_property

from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray
from recommenders.scorers import (
    History,
    ItemItemScorer,
    Neighbours,
    best_neighbours,
    candidates_of,
    check_shape,
    or_popularity,
    sum_of_rows,
)

AT_ONCE = 256
"""Movies whose vectors are multiplied with both vectors of a user while they are near."""


@dataclass(frozen=True, eq=False)
class FilterScorer:
    """score(i) = sum over j in the history of weight(j) * (weights[j, i] + spectral[j, i]), where spectral[j, i] is

        root[i] / root[j] * <low_pass * vectors[j], vectors[i]> - <sharpen * vectors[j], vectors[i]>

    `weights` (m, m) as CSR is over `items` (m,), as in `ItemItemScorer`; `vectors` (movies, d) are the eigenvectors,
    kept once for what they say of both ends; `root` (movies,) is above 0. `low_pass` (d,) is what each eigenvalue lets
    through, and `sharpen` (s,) what the first s of them, at most d, lose.
    """

    kind: ClassVar[str] = "graph_filter"
    weights: Csr
    items: IntArray
    vectors: FloatArray
    root: FloatArray
    low_pass: FloatArray
    sharpen: FloatArray
    popularity: FloatArray

    @cached_property
    def _links(self) -> ItemItemScorer:
        return ItemItemScorer(self.weights, self.items, self.popularity)

    @cached_property
    def _tells(self) -> BoolArray:
        return np.asarray(self.vectors.any(axis=1))

    def is_personal(self, history: History) -> bool:
        """Whether a movie of the history has a vector, or a weight with any other."""
        return bool(self._tells[history.items].any()) or self._links.is_personal(history)

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The sum of both parts."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        items, weights = history.items, history.weights
        smooth, sharp = (sum_of_rows(self.vectors, items, one) for one in (weights / self.root[items], weights))
        scores = self._links.sums(history) + self._spectral(smooth, sharp, self.root)
        return candidates_of(scores.astype(np.float32), candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The sums of both parts, as products of matrices."""
        s = len(self.sharpen)
        scores = (histories @ (self.vectors / self.root[:, None]) * self.low_pass) @ self.vectors.T * self.root
        scores -= (histories @ self.vectors[:, :s] * self.sharpen) @ self.vectors[:, :s].T
        scores[:, self.items] += (histories[:, self.items] @ self.weights).toarray()
        linked = np.zeros(len(self.popularity), dtype=np.bool_)
        linked[self.items] = np.diff(self.weights.indptr) > 0
        return or_popularity(np.asarray(scores, np.float32), histories @ (self._tells | linked) > 0, self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What both parts give for each movie of the history."""
        vector, s = self.vectors[movie_index].astype(np.float64), len(self.sharpen)
        there = self.vectors[history.items].astype(np.float64)
        parts = np.vecdot(there, self.low_pass * vector) * (self.root[movie_index] / self.root[history.items])
        parts -= np.vecdot(there[:, :s], self.sharpen * vector[:s])
        return np.asarray(self._links.contributions(history, movie_index) + parts * history.weights, dtype=np.float32)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """By the weight between the two in either direction, both parts of it, the larger one; only weights above 0."""
        start, end = self._links.between(movie_index)
        vector, root = self.vectors[movie_index].astype(np.float64), self.root[movie_index]
        start += self._spectral(vector / root, vector, self.root)
        end += self._spectral(vector * root, vector, np.float32(1) / self.root)
        scores = np.maximum(start, end)
        scores[movie_index] = 0
        return best_neighbours(scores, k)

    def arrays(self) -> dict[str, AnyArray]:
        """The weights and what they are over, the filter of the spectrum, and popularity."""
        return {
            **self._links.arrays(),
            "vectors": self.vectors,
            "root": self.root,
            "low_pass": self.low_pass,
            "sharpen": self.sharpen,
        }

    def check(self) -> None:
        """The weights are square, over positions that rise and exist; each movie has a vector and a root."""
        self._links.check()
        n, d = len(self.popularity), len(self.low_pass)
        check_shape(self.low_pass, "low_pass", (d,))
        check_shape(self.vectors, "vectors", (n, d))
        check_shape(self.root, "root", (n,))
        check_shape(self.sharpen, "sharpen", (min(len(self.sharpen), d),))
        if not (np.isfinite(self.root) & (self.root > 0)).all():
            raise ValueError("root has a value that is not a number above 0")

    def _spectral(self, smooth: DoubleArray, sharp: DoubleArray, scale: FloatArray) -> FloatArray:
        """scale * <low_pass * smooth, vectors> - <sharpen * sharp, vectors> for every movie (movies,), where `smooth`
        and `sharp` are (d,) and `scale` is (movies,)."""
        s, found = len(self.sharpen), np.empty((2, len(self.vectors)), dtype=np.float32)
        low, high = (self.low_pass * smooth).astype(np.float32), (self.sharpen * sharp[:s]).astype(np.float32)
        for start in range(0, len(self.vectors), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            np.vecdot(self.vectors[part], low, out=found[0, part])
            np.vecdot(self.vectors[part, :s], high, out=found[1, part])
        difference: FloatArray = scale * found[0] - found[1]
        return difference
