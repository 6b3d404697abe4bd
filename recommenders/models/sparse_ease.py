"""SparseEase: EASE for catalogues whose dense inverse does not fit, solved block by block over the movies nearest.

The weights of EASE (Steck 2019, equation 8) for the movies of a block are those of a ridge regression on all movies.
Here it is on the block's `support` nearest alone: with G the movies' counts of common likes over those, and
P = (G + l2 I)^-1, column j is B_ij = -P_ij / P_jj, exactly EASE's where the support is the whole catalogue; of it the
`neighbours` largest weights are kept (as in Steck et al. 2020, "Sparse approximation", and SLIM before it).

A block begins with the most popular movie that is in none yet and takes those nearest to it by cosine; its support is
the movies nearest to all of the block together. Nothing is ever dense over movies and movies: with m movies that keep k
weights, and s of support, a fit takes 16 m k bytes for the weights, 32 s^2 for a block and 24 for a like. 80,000 movies
take some 0.7 GB with the defaults, where EASE's inverse would take 51 GB (`benchmarks/large_catalogue.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from recommenders.arrays import Csr, DoubleArray, IntArray
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model, ModelConfig, Progress
from recommenders.models.ease import inverse
from recommenders.scorers import ItemItemScorer
from recommenders.search_space import Range, SearchSpace


class Config(ModelConfig):
    """Hyper-parameters of SparseEase."""

    l2: float = Field(100.0, gt=0, description="weight of the squared weights in the loss")
    min_likes: int = Field(2, ge=1, description="movies liked by fewer users take no part: their score is 0")
    support: int = Field(200, ge=1, le=20_000, description="how many movies a block is regressed on")
    block: int = Field(10, ge=1, le=20_000, description="how many movies share one support")
    neighbours: int = Field(200, ge=1, le=20_000, description="how many weights a movie keeps, the largest")

    search_space: ClassVar[SearchSpace] = {
        "l2": Range(3.0, 3000.0, log=True),
        "support": Range(50, 1000, log=True),
        "neighbours": Range(50, 1000, log=True),
    }


class SparseEase(Model[Config]):
    """Linear item-item weights, block by block."""

    config_class = Config
    search = ({"l2": 100.0}, {"l2": 30.0}, {"l2": 300.0})

    def _learn(self, interactions: Interactions, options: FitOptions) -> ItemItemScorer:
        likes = interactions.likes()
        items = np.flatnonzero(likes >= self.config.min_likes).astype(np.int32)
        near, columns = Near.of(interactions.liked[:, items]), Columns(len(items), self.config.neighbours)
        solved = 0
        for block in near.blocks(self.config.block):
            self._solve(near, block, columns)
            solved += len(block)
            options.progress(Progress("movies", solved, len(items)))
        return ItemItemScorer(columns.together(), items, likes)

    def _solve(self, near: "Near", block: IntArray, columns: "Columns") -> None:
        support = near.support(block, self.config.support)
        precision = inverse(near.counts(support), self.config.l2)
        for movie, place in zip(block, np.searchsorted(support, block), strict=True):
            weights = -precision[:, place] / precision[place, place]
            weights[place] = 0
            columns.keep(movie, support, weights)


class Columns:
    """Of each of `n` movies the `size` largest weights that others give it."""

    def __init__(self, n: int, size: int) -> None:
        self._size = min(size, n)
        self._places = np.zeros((n, self._size), dtype=np.int32)
        self._weights = np.zeros((n, self._size), dtype=np.float32)

    def keep(self, movie: int, places: IntArray, weights: DoubleArray) -> None:
        """Of these weights (s,) at these rising places the largest."""
        kept = _largest(np.abs(weights), self._size)
        self._places[movie, : len(kept)], self._weights[movie, : len(kept)] = places[kept], weights[kept]

    def together(self) -> Csr:
        """The weights (n, n), row j being what movie j gives to others."""
        n, starts = len(self._places), np.arange(0, self._places.size + 1, max(self._size, 1))
        columns = sparse.csc_array((self._weights.ravel(), self._places.ravel(), starts[: n + 1]), shape=(n, n))
        matrix = Csr(columns.tocsr())
        matrix.eliminate_zeros()
        return matrix


@dataclass(frozen=True, eq=False)
class Near:
    """Which movies are near to which, by the cosine of who likes them.

    Likes by user (users, m) and by movie (m, users), and the root of each movie's likes (m,).
    """

    by_user: Csr
    by_movie: Csr
    root: DoubleArray

    @classmethod
    def of(cls, liked: Csr) -> "Near":
        """From likes (users, m)."""
        by_user = liked.astype(np.float64)
        return cls(by_user, Csr(by_user.T.tocsr()), np.sqrt(np.asarray(by_user.sum(axis=0))))

    def cosines(self, movies: IntArray) -> DoubleArray:
        """Of every movie the sum of its cosines with these (m,)."""
        of_user = (1 / self.root[movies]) @ self.by_movie[movies]
        users = np.flatnonzero(of_user)
        found: DoubleArray = of_user[users] @ self.by_user[users] / self.root
        return found

    def blocks(self, size: int) -> Iterator[IntArray]:
        """Every movie once: the most popular one that is left, and those left that are nearest to it; rising."""
        left = np.ones(len(self.root), dtype=np.bool_)
        for movie in np.argsort(-self.root, kind="stable").astype(np.int32):
            if left[movie]:
                cosines = self.cosines(np.array([movie]))
                cosines[movie] = np.inf
                block = _largest(np.where(left, cosines, -1.0), min(size, int(left.sum())))
                left[block] = False
                yield block

    def support(self, block: IntArray, size: int) -> IntArray:
        """The block and the movies nearest to all of it together, `size` in all, those that share no user with it only
        where that is the whole catalogue; rising."""
        if size >= len(self.root):
            return np.arange(len(self.root), dtype=np.int32)
        cosines = self.cosines(block)
        cosines[block] = np.inf
        return _largest(cosines, max(len(block), min(size, int((cosines > 0).sum()))))

    def counts(self, movies: IntArray) -> DoubleArray:
        """How many users like each two of these movies (s, s)."""
        part = self.by_movie[movies]
        found: DoubleArray = (part @ part.T).toarray()
        return found


def _largest(values: DoubleArray, k: int) -> IntArray:
    """The places of the `k` largest values, of equals the first, rising."""
    return np.sort(np.argsort(-values, kind="stable")[:k]).astype(np.int32)
