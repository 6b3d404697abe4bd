"""iALS: vectors of users and movies by alternating least squares over all pairs (Hu, Koren and Volinsky 2008).

The loss is sum over likes of (<x_u, y_i> - 1)^2 + unobserved * sum over all pairs of <x_u, y_i>^2, and the squared
vectors, each weighted by l2 * (its likes + unobserved * vectors of the other side)^exponent. These are the settings of
Rendle et al. 2022 ("Revisiting the Performance of iALS on Item Recommendation Benchmarks"), where an exponent above 0
makes iALS as good as much younger models; the library `implicit` has 0 alone. BLAS gets one thread: more of them are
slower on matrices this small, and would give other bytes.

No user's vector is published: it is solved for from a history, exactly as in training (`least_squares_scorer.py`).
"""

from typing import ClassVar

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from recommenders.arrays import Csr, DoubleArray, FloatArray
from recommenders.interactions import Interactions
from recommenders.least_squares import solved
from recommenders.least_squares_scorer import LeastSquaresScorer
from recommenders.model import Embeddings, FitOptions, Model, ModelConfig, Progress
from recommenders.search_space import Choice, Range, SearchSpace


class Config(ModelConfig):
    """Hyper-parameters of iALS."""

    embedding_dim: int = Field(128, ge=1, le=1024, description="length of a vector")
    unobserved: float = Field(0.1, gt=0, description="weight of a pair that is no like, beside 1 for a like")
    l2: float = Field(0.3, gt=0, description="weight of the squared vectors in the loss")
    exponent: float = Field(0.5, ge=0, le=2, description="how much more the vectors of those with many likes weigh")
    sweeps: int = Field(16, ge=1, le=1000, description="times that users and then movies are solved for")
    init_std: float = Field(0.1, gt=0, description="standard deviation of a movie's vector at the start, times root d")

    search_space: ClassVar[SearchSpace] = {
        "embedding_dim": Choice((16, 32, 64, 128, 256)),
        "unobserved": Range(0.003, 1.0, log=True),
        "l2": Range(0.003, 3.0, log=True),
        "exponent": Range(0.0, 1.0),
    }


class IALS(Model[Config]):
    """Matrix factorisation by alternating least squares."""

    config_class = Config
    search = (
        {},
        {"l2": 0.1},
        {"embedding_dim": 32, "l2": 0.4},
        {"exponent": 1.0, "l2": 0.03},
    )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._users: FloatArray | None = None

    def embeddings(self) -> Embeddings | None:
        """The movies' vectors, and those of users as they are folded in from their likes."""
        scorer = self.scorer()
        assert isinstance(scorer, LeastSquaresScorer)
        assert self._users is not None
        return Embeddings(scorer.item_factors, self._users)

    def _learn(self, interactions: Interactions, options: FitOptions) -> LeastSquaresScorer:
        likes = interactions.likes()
        items = np.flatnonzero(likes)
        liked = interactions.liked[:, items]
        factors = np.zeros((len(likes), self.config.embedding_dim), dtype=np.float32)
        with threadpool_limits(1, "blas"):
            factors[items] = self._alternate(liked, options)
            vectors = factors[items].astype(np.float64)
            gram, regularisation = self._given(vectors)
            self._users = solved(liked, vectors, gram, regularisation).astype(np.float32)
        return LeastSquaresScorer(factors, gram, regularisation, likes)

    def _alternate(self, liked: Csr, options: FitOptions) -> DoubleArray:
        """The movies' vectors after all sweeps (items, d)."""
        width, active = self.config.embedding_dim, liked[np.diff(liked.indptr) > 0]
        by_item = Csr(active.T.tocsr())
        items = np.random.default_rng(options.seed).standard_normal((by_item.shape[0], width))
        items *= self.config.init_std / width**0.5
        for sweep in range(1, self.config.sweeps + 1):
            users = solved(active, items, *self._given(items))
            items = solved(by_item, users, *self._given(users))
            options.progress(Progress("sweeps", sweep, self.config.sweeps))
        return items

    def _given(self, vectors: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """What the other side is solved with, given the vectors of this one: gram, and l2, exponent and offset."""
        weight = self.config.unobserved
        return weight * (vectors.T @ vectors), np.array([self.config.l2, self.config.exponent, weight * len(vectors)])
