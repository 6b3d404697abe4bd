"""What turns a history into scores, with NumPy alone; evaluation and serving use the same: what is measured is served.

A movie rated `LIKED` or more counts 1 in a history, every other one 0: a lower rating keeps a movie out of the user's
recommendations, and says nothing else. `weights_of` is the only place that decides this, in training as in serving.
A history that says nothing to the model (empty, or of movies it learnt nothing about) gets popularity instead, and
contributions of 0. Sums over one history are made in float64, of few terms each in float32, and rounded at the end;
none by what may depend on the number of threads, as products of matrices do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from propcache.api import cached_property

from cinegraph.types import LIKED
from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray

ROWS_AT_ONCE = 16
"""Rows of a dense matrix that are summed in single precision: an error of 1e-7 of the largest, however long a history
is, in half the time that double precision takes."""


def weights_of(ratings: Sequence[float] | FloatArray) -> FloatArray:
    """The weight of each rating in a history: 1 from `LIKED` on, else 0."""
    return (np.asarray(ratings, dtype=np.float32) >= np.float32(LIKED)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The movies that speak for a user: positions (h,), rising, each once, and their weights (h,), all above 0."""

    items: IntArray
    weights: FloatArray

    @classmethod
    def from_ratings(cls, items: Sequence[int] | IntArray, ratings: Sequence[float] | FloatArray) -> "History":
        """From positions and ratings in any order; of a movie given twice the last rating counts."""
        if len(items) != len(ratings):
            raise ValueError(f"{len(items)} positions have {len(ratings)} ratings")
        backwards = np.asarray(items, dtype=np.int32)[::-1]
        positions, last = np.unique(backwards, return_index=True)
        weights = weights_of(np.asarray(ratings, dtype=np.float32)[::-1][last])
        return cls(positions[weights > 0], weights[weights > 0])

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The movies most similar to one: positions (k,) and scores (k,), the highest first."""

    items: IntArray
    scores: FloatArray


class Scorer(Protocol):
    """A model as it is served, over the positions of its own movies."""

    kind: ClassVar[str]

    @property
    def popularity(self) -> FloatArray:
        """What a history that says nothing gets (movies,)."""
        ...

    def is_personal(self, history: History) -> bool:
        """Whether the history says anything to the model; where not, scores are popularity."""
        ...

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The score of every movie (movies,), or of the candidates (c,)."""
        ...

    def score_many(self, histories: Csr) -> FloatArray:
        """The scores of many histories at once (users, movies), from their weights (users, movies).

        Equal to `score` but for rounding, which may depend on the machine: to measure with, never to serve.
        """
        ...

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What each movie of the history adds to the score of a movie (h,); all 0 where it is not personal."""
        ...

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """The `k` movies most similar to a movie, or fewer; none where the model has no such notion."""
        ...

    def arrays(self) -> dict[str, AnyArray]:
        """All that the scorer consists of, by name."""
        ...

    def check(self) -> None:
        """Raise `ValueError` where the shapes of the arrays do not fit each other."""
        ...


@dataclass(frozen=True, eq=False)
class PopularityScorer:
    """The same for everybody: `popularity` (movies,)."""

    kind: ClassVar[str] = "popularity"
    popularity: FloatArray

    def is_personal(self, history: History) -> bool:
        """Never."""
        return False

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The popularity of every movie, or of the candidates."""
        return candidates_of(self.popularity, candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The popularity, a row for each history."""
        return np.tile(self.popularity, (histories.shape[0], 1))

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """Zeros: no movie of the history adds anything."""
        return np.zeros(len(history), dtype=np.float32)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """None: popularity knows no similarity."""
        return best_neighbours(np.zeros(0, dtype=np.float32), k)

    def arrays(self) -> dict[str, AnyArray]:
        """The popularity."""
        return {"popularity": self.popularity}

    def check(self) -> None:
        """Popularity has one dimension."""
        check_shape(self.popularity, "popularity", (len(self.popularity),))


@dataclass(frozen=True, eq=False)
class ItemItemScorer:
    """score(i) = sum over j in the history of weight(j) * weights[j, i].

    `weights` (m, m), dense float32 or CSR, is over `items` (m,), the rising positions of the movies that the model
    learnt something about; every other movie has score 0.
    """

    kind: ClassVar[str] = "item_item"
    weights: FloatArray | Csr
    items: IntArray
    popularity: FloatArray

    @cached_property
    def _places(self) -> IntArray:
        places = np.full(len(self.popularity), -1, dtype=np.int32)
        places[self.items] = np.arange(len(self.items), dtype=np.int32)
        return places

    @cached_property
    def _columns(self) -> FloatArray | Csr:
        return self.weights.T if isinstance(self.weights, np.ndarray) else self.weights.T.tocsr()

    @cached_property
    def _tells(self) -> BoolArray:
        """Which rows of the weights have anything in them."""
        if isinstance(self.weights, np.ndarray):
            return np.asarray(self.weights.any(axis=1))
        return np.diff(self.weights.indptr) > 0

    def is_personal(self, history: History) -> bool:
        """Whether a movie of the history has a weight with any other."""
        places = self._places[history.items]
        return bool(self._tells[places[places >= 0]].any())

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The weighted sum of the rows of the history's movies."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        return candidates_of(self.sums(history).astype(np.float32), candidates)

    def sums(self, history: History) -> DoubleArray:
        """The weighted sum of the rows of the history's movies (movies,), before it is rounded; zeros for none."""
        places = self._places[history.items]
        sums = np.zeros(len(self.popularity), dtype=np.float64)
        sums[self.items] = self._sum(places[places >= 0], history.weights[places >= 0])
        return sums

    def score_many(self, histories: Csr) -> FloatArray:
        """The product of the histories with the weights."""
        chosen = histories[:, self.items]
        product = chosen @ self.weights
        scores = np.zeros(histories.shape, dtype=np.float32)
        scores[:, self.items] = product if isinstance(product, np.ndarray) else product.toarray()
        return or_popularity(scores, chosen @ self._tells > 0, self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """weight(j) * weights[j, i] for each j of the history."""
        found = np.zeros(len(history), dtype=np.float32)
        target, places = self._places[movie_index], self._places[history.items]
        if target >= 0:
            column = np.zeros(len(self.items), dtype=np.float32)
            column[:] = _row(self._columns, int(target))
            found[places >= 0] = column[places[places >= 0]] * history.weights[places >= 0]
        return found

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """By the weight between the two in either direction, the larger one; only weights above 0."""
        scores = np.maximum(*self.between(movie_index))
        scores[movie_index] = 0
        return best_neighbours(scores, k)

    def between(self, movie_index: int) -> tuple[FloatArray, FloatArray]:
        """The weights from a movie to every one (movies,), and to it from every one (movies,)."""
        there = np.zeros((2, len(self.popularity)), dtype=np.float32)
        place = int(self._places[movie_index])
        if place >= 0:
            there[0, self.items], there[1, self.items] = _row(self.weights, place), _row(self._columns, place)
        return there[0], there[1]

    def arrays(self) -> dict[str, AnyArray]:
        """The weights, and what they are over."""
        shared: dict[str, AnyArray] = {"items": self.items, "popularity": self.popularity}
        if isinstance(self.weights, np.ndarray):
            return {"weights": self.weights, **shared}
        parts = {f"weights_{part}": getattr(self.weights, part) for part in ("data", "indices", "indptr")}
        return {**parts, **shared}

    def check(self) -> None:
        """The weights are square, over positions that rise and exist."""
        n, m = len(self.popularity), len(self.items)
        check_shape(self.popularity, "popularity", (n,))
        check_shape(self.items, "items", (m,))
        check_shape(self.weights, "weights", (m, m))
        if not isinstance(self.weights, np.ndarray):
            self.weights.check_format(full_check=True)
        if m and (self.items[0] < 0 or self.items[-1] >= n or (np.diff(self.items) <= 0).any()):
            raise ValueError(f"items are not rising positions below {n}")

    def _sum(self, rows: IntArray, weights: FloatArray) -> DoubleArray:
        if isinstance(self.weights, np.ndarray):
            return sum_of_rows(self.weights, rows, weights)
        total: DoubleArray = weights.astype(np.float64) @ self.weights[rows]
        return total


@dataclass(frozen=True, eq=False)
class FactorScorer:
    """A user's vector is made from the history; score(i) = <user, item_factors[i]>.

    user = sum over j of weight(j) * history_factors[j], divided by the root of the sum of the weights: additive in the
    movies of a history, with no vector kept for any user. Both factors are (movies, d).
    """

    kind: ClassVar[str] = "factors"
    history_factors: FloatArray
    item_factors: FloatArray
    popularity: FloatArray

    @cached_property
    def _tells(self) -> BoolArray:
        return np.asarray(self.history_factors.any(axis=1))

    @cached_property
    def _directions(self) -> FloatArray:
        items = self.item_factors
        length = np.linalg.norm(items, axis=1, keepdims=True)
        directions: FloatArray = np.divide(items, length, out=np.zeros_like(items), where=length > 0)
        return directions

    def is_personal(self, history: History) -> bool:
        """Whether a movie of the history has a vector."""
        return bool(self._tells[history.items].any())

    def user_vector(self, history: History) -> FloatArray:
        """The user's embedding (d,); zeros where the history says nothing."""
        return self._user(history).astype(np.float32)

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The product of the user's vector with every movie's."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        return candidates_of(products(self.item_factors, self._user(history)), candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The products of the users' vectors with every movie's."""
        lengths = np.sqrt(np.maximum(histories.sum(axis=1), 1e-12)).astype(np.float32)
        users = (histories @ self.history_factors) / lengths[:, None]
        scores = np.asarray(users @ self.item_factors.T, dtype=np.float32)
        return or_popularity(scores, histories @ self._tells > 0, self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """weight(j) * <history_factors[j], item_factors[i]> by the root of the sum of weights, for each j."""
        parts = np.einsum("hd,d->h", self._parts(history), self.item_factors[movie_index].astype(np.float64))
        return np.asarray(parts, dtype=np.float32)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """By the cosine of the movies' vectors; only those above 0."""
        scores = products(self._directions, self._directions[movie_index])
        scores[movie_index] = 0
        return best_neighbours(scores, k)

    def arrays(self) -> dict[str, AnyArray]:
        """Both factors, and popularity."""
        return {
            "history_factors": self.history_factors,
            "item_factors": self.item_factors,
            "popularity": self.popularity,
        }

    def check(self) -> None:
        """Both factors have a row for each movie, and the same width."""
        n = len(self.popularity)
        check_shape(self.popularity, "popularity", (n,))
        check_shape(self.item_factors, "item_factors", (n, *self.item_factors.shape[1:2]))
        check_shape(self.history_factors, "history_factors", self.item_factors.shape)

    def _parts(self, history: History) -> DoubleArray:
        scale = history.weights / np.sqrt(max(float(history.weights.sum()), 1e-12))
        parts: DoubleArray = self.history_factors[history.items].astype(np.float64) * scale[:, None]
        return parts

    def _user(self, history: History) -> DoubleArray:
        user: DoubleArray = self._parts(history).sum(axis=0)
        return user


def sum_of_rows(matrix: FloatArray, rows: IntArray, weights: FloatArray) -> DoubleArray:
    """The sum of some rows (h,) of a matrix (n, d), each times its weight (h,); zeros for none."""
    total = np.zeros(matrix.shape[1], dtype=np.float64)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        total += np.einsum("h,hd->d", weights[part], matrix[rows[part]])
    return total


def products(factors: FloatArray, vector: FloatArray | DoubleArray) -> FloatArray:
    """The product of each row (n, d) with a vector (d,), row by row: in the same bytes by however many threads, as a
    product of matrices is not. Most of the time goes to reading the factors, so that single precision takes half."""
    found: FloatArray = np.vecdot(factors, vector.astype(np.float32))
    return found


def check_shape(array: AnyArray | Csr, name: str, shape: tuple[int, ...]) -> None:
    """Raise `ValueError` where the array has another shape."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, not {shape}")


def candidates_of(scores: FloatArray, candidates: IntArray | None) -> FloatArray:
    """The scores of the candidates (c,), or a copy of all."""
    return scores.copy() if candidates is None else scores[candidates]


def or_popularity(scores: FloatArray, personal: BoolArray, popularity: FloatArray) -> FloatArray:
    """The scores (users, movies), and popularity (movies,) in the rows that are not personal (users,)."""
    scores[~personal] = popularity
    return scores


def _row(matrix: FloatArray | Csr, place: int) -> FloatArray:
    if isinstance(matrix, np.ndarray):
        return np.asarray(matrix[place])
    row = np.zeros(matrix.shape[1], dtype=np.float32)
    part = slice(matrix.indptr[place], matrix.indptr[place + 1])
    row[matrix.indices[part]] = matrix.data[part]
    return row


def best_neighbours(scores: FloatArray, k: int) -> Neighbours:
    """The `k` highest scores above 0, of equals the first; `scores` (movies,)."""
    items = np.flatnonzero(scores > 0)
    order = items[np.lexsort((items, -scores[items]))][:k].astype(np.int32)
    return Neighbours(order, scores[order])
