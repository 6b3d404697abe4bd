"""Vectors of users by least squares: what matrix factorisation by alternating least squares is served with.

A user's vector is the solution of the same regularised least squares that training solves for each user, with the
vectors of movies as they are (Hu, Koren and Volinsky 2008, equation 4, with the regularisation of Rendle et al. 2022):

    (gram + penalty I + sum over j of weight(j) y_j y_j') u = sum over j of weight(j) y_j

`gram` is the unobserved weight times Y'Y, and penalty = l2 * (sum of weights + offset)^exponent, where offset is the
unobserved weight times the number of movies. The solution is linear in the weighted movies of the history, so that a
score is a sum over them (section 5 of the first).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, TypeAlias

import numpy as np
from propcache.api import cached_property

from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray
from recommenders.least_squares import inverse, penalties, solved
from recommenders.scorers import FactorScorer, History, Neighbours, candidates_of, check_shape, or_popularity

FOLDED = 16
"""Histories whose solution is kept: all reasons of one answer ask for the same."""

Key: TypeAlias = tuple[bytes, bytes]


@dataclass(frozen=True, eq=False)
class LeastSquaresScorer:
    """score(i) = <user, item_factors[i]>, with the user's vector as above.

    `item_factors` is (movies, d), zeros for a movie without a vector, which does not count in a history; `gram` is
    (d, d), `regularisation` holds l2, exponent and offset (3,), both float64.
    """

    kind: ClassVar[str] = "least_squares"
    item_factors: FloatArray
    gram: DoubleArray
    regularisation: DoubleArray
    popularity: FloatArray

    @cached_property
    def _factors(self) -> FactorScorer:
        return FactorScorer(self.item_factors, self.item_factors, self.popularity)

    @cached_property
    def _tells(self) -> BoolArray:
        return np.asarray(self.item_factors.any(axis=1))

    @cached_property
    def _items(self) -> DoubleArray:
        return self.item_factors.astype(np.float64)

    def is_personal(self, history: History) -> bool:
        """Whether a movie of the history has a vector."""
        return self._factors.is_personal(history)

    def user_vector(self, history: History) -> FloatArray:
        """The user's vector (d,); zeros where the history says nothing."""
        return np.asarray(self._parts(history).sum(axis=0), dtype=np.float32)

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The product of the user's vector with every movie's."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        scores = np.einsum("id,d->i", self._items, self._parts(history).sum(axis=0))
        return candidates_of(scores.astype(np.float32), candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The same for many histories, as a product of matrices."""
        users = solved(histories[:, self._tells], self._items[self._tells], self.gram, self.regularisation)
        scores = np.asarray(users.astype(np.float32) @ self.item_factors.T, dtype=np.float32)
        return or_popularity(scores, histories @ self._tells > 0, self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """weight(j) * <A^-1 y_j, y_i> for each j of the history, with A the matrix of the user's least squares."""
        return np.asarray(np.einsum("hd,d->h", self._parts(history), self._items[movie_index]), dtype=np.float32)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """By the cosine of the movies' vectors; only those above 0."""
        return self._factors.similar(movie_index, k)

    def arrays(self) -> dict[str, AnyArray]:
        """The movies' vectors, what users are solved with, and popularity."""
        return {
            "item_factors": self.item_factors,
            "gram": self.gram,
            "regularisation": self.regularisation,
            "popularity": self.popularity,
        }

    def check(self) -> None:
        """The factors have a row for each movie, the gram is as wide, and the regularisation is above 0."""
        self._factors.check()
        width = self.item_factors.shape[1]
        check_shape(self.gram, "gram", (width, width))
        check_shape(self.regularisation, "regularisation", (3,))
        if self.regularisation[0] <= 0 or self.regularisation[2] < 0:
            raise ValueError(
                f"regularisation holds l2, exponent and offset: {self.regularisation.tolist()} is not that"
            )

    def _parts(self, history: History) -> DoubleArray:
        """What each movie of the history adds to the user's vector (h, d)."""
        return self._kept((history.items.tobytes(), history.weights.tobytes()))

    @cached_property
    def _kept(self) -> Callable[[Key], DoubleArray]:
        return lru_cache(FOLDED)(self._solved)

    def _solved(self, key: Key) -> DoubleArray:
        items, weights = np.frombuffer(key[0], np.int32), np.frombuffer(key[1], np.float32).astype(np.float64)
        vectors = self._items[items]
        weighted = vectors * weights[:, None]
        matrix = self.gram + np.einsum("hd,he->de", weighted, vectors)
        matrix[np.diag_indices_from(matrix)] += penalties(weights[self._tells[items]].sum(), self.regularisation)
        parts: DoubleArray = np.einsum("hd,de->he", weighted, inverse(matrix))
        return parts
