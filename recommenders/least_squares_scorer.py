"""Vectors of users by least squares: what matrix factorisation by alternating least squares is served with.

A user's vector is the solution of the same regularised least squares that training solves for each user, with the
vectors of movies as they are (Hu, Koren and Volinsky 2008, equation 4, with the regularisation of Rendle et al. 2022):

    (gram + penalty I + sum over j of weight(j) y_j y_j') u = sum over j of weight(j) y_j

`gram` is the unobserved weight times Y'Y, and penalty = l2 * (sum of weights + offset)^exponent, where offset is the
unobserved weight times the number of movies. The solution is linear in the weighted movies of the history, so that a
score is a sum over them (section 5 of the first).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, TypeAlias

import numpy as np

from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray
from recommenders.scorers import FactorScorer, History, Neighbours, candidates_of, check_shape, or_popularity

NUMBERS_AT_ONCE = 4_000_000
"""Numbers that a batch of rows is solved with, 32 MB of them."""
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
            raise ValueError(f"regularisation holds l2, exponent and offset: {self.regularisation.tolist()} is not that")

    def _parts(self, history: History) -> DoubleArray:
        """What each movie of the history adds to the user's vector (h, d)."""
        return self._kept((history.items.tobytes(), history.weights.tobytes()))

    @cached_property
    def _kept(self) -> "lru_cache[DoubleArray]":  # type: ignore[type-arg]
        return lru_cache(FOLDED)(self._solved)

    def _solved(self, key: Key) -> DoubleArray:
        items, weights = np.frombuffer(key[0], np.int32), np.frombuffer(key[1], np.float32).astype(np.float64)
        vectors = self._items[items]
        weighted = vectors * weights[:, None]
        matrix = self.gram + np.einsum("hd,he->de", weighted, vectors)
        matrix[np.diag_indices_from(matrix)] += penalties(weights[self._tells[items]].sum(), self.regularisation)
        parts: DoubleArray = np.einsum("hd,de->he", weighted, inverse(matrix))
        return parts


def penalties(weights: DoubleArray, regularisation: DoubleArray) -> DoubleArray:
    """What stands on the diagonal for histories whose weights sum to these (n,)."""
    l2, exponent, offset = regularisation.tolist()
    found: DoubleArray = l2 * (weights + offset) ** exponent
    return found


def inverse(matrix: DoubleArray) -> DoubleArray:
    """The inverse of a positive definite matrix, by sweeps of Gauss and Jordan: no BLAS, whose result may depend on the
    number of threads; the matrix given is used up."""
    for place in range(len(matrix)):
        pivot, column = matrix[place, place], matrix[:, place].copy()
        row = column / pivot
        matrix -= np.multiply.outer(column, row)
        matrix[place] = matrix[:, place] = row
        matrix[place, place] = -1 / pivot
    return -matrix


def solved(histories: Csr, items: DoubleArray, gram: DoubleArray, regularisation: DoubleArray) -> DoubleArray:
    """The vector of each history (rows, d), from weights (rows, items) and the vectors of items (items, d).

    Histories of about the same length are solved together, filled up with a vector of zeros. Equal to what a history is
    served with but for rounding.
    """
    energies, basis = np.linalg.eigh(gram)
    padded = np.vstack([items @ basis, np.zeros((1, items.shape[1]))])
    penalty = penalties(np.asarray(histories.sum(axis=1), dtype=np.float64), regularisation)
    found = np.zeros((histories.shape[0], items.shape[1]))
    for rows in _batches(np.diff(histories.indptr), items.shape[1]):
        places, weights = _filled(histories, rows, len(items))
        solve = _by_history if places.shape[1] < items.shape[1] else _by_width
        found[rows] = solve(padded[places], weights, np.maximum(energies, 0) + penalty[rows, None])
    rotated: DoubleArray = found @ basis.T
    return rotated


def _by_width(vectors: DoubleArray, weights: DoubleArray, diagonal: DoubleArray) -> DoubleArray:
    """(D + Y'WY)^-1 Y'w for each row, with Y (rows, h, d), w (rows, h), D (rows, d)."""
    weighted = vectors * weights[:, :, None]
    matrices = np.matmul(weighted.transpose(0, 2, 1), vectors)
    places = np.arange(vectors.shape[2])
    matrices[:, places, places] += diagonal
    found: DoubleArray = np.linalg.solve(matrices, weighted.sum(axis=1)[:, :, None])[:, :, 0]
    return found


def _by_history(vectors: DoubleArray, weights: DoubleArray, diagonal: DoubleArray) -> DoubleArray:
    """The same by the smaller matrix over the history (Woodbury): D^-1 Y' (I + W Y D^-1 Y')^-1 w."""
    scaled = vectors / diagonal[:, None, :]
    kernels = weights[:, :, None] * np.matmul(vectors, scaled.transpose(0, 2, 1))
    places = np.arange(vectors.shape[1])
    kernels[:, places, places] += 1
    found: DoubleArray = np.matmul(np.linalg.solve(kernels, weights[:, :, None]).transpose(0, 2, 1), scaled)[:, 0]
    return found


def _batches(lengths: IntArray, width: int) -> Iterator[IntArray]:
    """The rows with anything in them, the shortest first, in parts that fit."""
    order = np.argsort(lengths, kind="stable")
    end = len(order)
    while end > 0 and lengths[order[end - 1]]:
        longest = int(lengths[order[end - 1]])
        count = max(1, NUMBERS_AT_ONCE // (2 * longest * width + min(longest, width) ** 2))
        rows = order[max(0, end - count) : end]
        yield rows[lengths[rows] > 0]
        end -= count


def _filled(histories: Csr, rows: IntArray, nothing: int) -> tuple[IntArray, DoubleArray]:
    """The items of each row and their weights (rows, longest), filled up with the item `nothing` of weight 0."""
    lengths = np.diff(histories.indptr)[rows]
    there = np.arange(lengths.max()) < lengths[:, None]
    at = (histories.indptr[rows][:, None] + np.arange(lengths.max()))[there]
    places, weights = np.full(there.shape, nothing, dtype=np.int32), np.zeros(there.shape)
    places[there], weights[there] = histories.indices[at], histories.data[at]
    return places, weights
