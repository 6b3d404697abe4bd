"""Vectors compared by direction alone, and a bias for each movie: what serves networks that learn a likelihood."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from propcache.api import cached_property

from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray
from recommenders.scorers import (
    FactorScorer,
    History,
    Neighbours,
    candidates_of,
    check_shape,
    or_popularity,
    products,
)

SHORTEST = 1e-12
"""A vector that is no longer has no direction."""


@dataclass(frozen=True, eq=False)
class CosineScorer:
    """score(i) = <user, item_factors[i]> / |user| + biases[i], with user = sum over j of weight(j) history_factors[j].

    Both factors are (movies, d), the biases (movies,). A movie's bias is divided among the movies of the history that
    have a vector, so that contributions add up.
    """

    kind: ClassVar[str] = "cosine"
    history_factors: FloatArray
    item_factors: FloatArray
    biases: FloatArray
    popularity: FloatArray

    @cached_property
    def _factors(self) -> FactorScorer:
        return FactorScorer(self.history_factors, self.item_factors, self.popularity)

    @cached_property
    def _tells(self) -> BoolArray:
        return np.asarray(self.history_factors.any(axis=1))

    def is_personal(self, history: History) -> bool:
        """Whether a movie of the history has a vector."""
        return self._factors.is_personal(history)

    def user_vector(self, history: History) -> FloatArray:
        """The user's direction (d,), of length 1; zeros where the history says nothing."""
        return np.asarray(self._parts(history).sum(axis=0), dtype=np.float32)

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The product of the user's direction with every movie's vector, and the bias."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        scores = products(self.item_factors, self._parts(history).sum(axis=0)) + self.biases
        return candidates_of(scores, candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The same for many histories, as a product of matrices."""
        users = histories @ self.history_factors
        users /= np.maximum(np.linalg.norm(users, axis=1, keepdims=True), SHORTEST)
        scores = np.asarray(users @ self.item_factors.T + self.biases, dtype=np.float32)
        return or_popularity(scores, histories @ self._tells > 0, self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What each movie of the history adds to the product, and its share of the bias."""
        shares = self._tells[history.items].astype(np.float64)
        parts = np.einsum("hd,d->h", self._parts(history), self.item_factors[movie_index].astype(np.float64))
        return np.asarray(parts + self.biases[movie_index] * shares / max(shares.sum(), 1.0), dtype=np.float32)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """By the cosine of the movies' vectors; only those above 0."""
        return self._factors.similar(movie_index, k)

    def arrays(self) -> dict[str, AnyArray]:
        """Both factors, the biases, and popularity."""
        return {**self._factors.arrays(), "biases": self.biases}

    def check(self) -> None:
        """Both factors have a row, and the biases a value, for each movie."""
        self._factors.check()
        check_shape(self.biases, "biases", (len(self.popularity),))

    def _parts(self, history: History) -> DoubleArray:
        """What each movie of the history adds to the user's direction (h, d)."""
        parts = self.history_factors[history.items].astype(np.float64) * history.weights[:, None]
        scaled: DoubleArray = parts / max(float(np.linalg.norm(parts.sum(axis=0))), SHORTEST)
        return scaled
