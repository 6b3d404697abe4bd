"""ItemKNN: a movie is as good as the movies in the history are near to it, by cosine (Sarwar et al. 2001).

similarity(i, j) = both(i, j) / (sqrt(likes(i) * likes(j)) + shrinkage), where both(i, j) is the number of users who
like both; a movie keeps its k nearest, and score(i) is the sum over those of them that are in the history.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from recommenders.arrays import Csr, FloatArray, IntArray
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model, ModelConfig
from recommenders.scorers import ItemItemScorer
from recommenders.search_space import Range, SearchSpace

BLOCK = 512
"""Movies whose similarities are computed at once."""


class Config(ModelConfig):
    """Hyper-parameters of ItemKNN."""

    neighbours: int = Field(10, ge=1, le=10_000, description="how many nearest movies a movie keeps")
    shrinkage: float = Field(5.0, ge=0, description="added to the divisor: the larger, the less few common users count")

    search_space: ClassVar[SearchSpace] = {
        "neighbours": Range(5, 400, log=True),
        "shrinkage": Range(0.0, 50.0),
    }


class ItemKNN(Model[Config]):
    """Cosine neighbours with shrinkage."""

    config_class = Config
    search = ({"neighbours": 10}, {"neighbours": 20}, {"neighbours": 50}, {"neighbours": 200})

    def _learn(self, interactions: Interactions, options: FitOptions) -> ItemItemScorer:
        likes = interactions.likes()
        nearest = self._nearest(interactions.liked, likes)
        return ItemItemScorer(nearest.T.tocsr(), np.arange(len(likes), dtype=np.int32), likes)

    def _nearest(self, liked: Csr, likes: FloatArray) -> Csr:
        """Row i: the similarities of the nearest movies of i (movies, movies)."""
        n = len(likes)
        data, indices, counts = [], [], np.zeros(n, dtype=np.int64)
        by_movie = liked.T.tocsr()
        for start in range(0, n, BLOCK):
            both = (by_movie[start : start + BLOCK] @ liked).tocsr()
            both.sort_indices()
            for row in range(both.shape[0]):
                part = slice(both.indptr[row], both.indptr[row + 1])
                values, items = self._row(start + row, both.data[part], both.indices[part], likes)
                data.append(values)
                indices.append(items)
                counts[start + row] = len(items)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return sparse.csr_array((np.concatenate(data), np.concatenate(indices), indptr), shape=(n, n))

    def _row(self, movie: int, both: FloatArray, items: IntArray, likes: FloatArray) -> tuple[FloatArray, IntArray]:
        others = items != movie
        both, items = both[others].astype(np.float64), items[others].astype(np.int32)
        near = both / (np.sqrt(np.float64(likes[movie]) * likes[items]) + self.config.shrinkage)
        best = np.sort(np.argsort(-near, kind="stable")[: self.config.neighbours])
        return near[best].astype(np.float32), items[best]
