"""EASE: the item-item weights that reconstruct all histories best, in closed form (Steck 2019, equation 8).

With X the likes (users, movies) and P = (X'X + l2 I)^-1, the weights are B = -P / diag(P) by column, with a zero
diagonal. Where there are fewer users than movies, P comes from the smaller matrix over users (Woodbury):
P = (I - X' K X) / l2 with K = (X X' + l2 I)^-1. Where no movie has `min_likes` likes, as where there is one user, the
weights are over no movies, and everybody gets popularity.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.linalg import lapack

from cinegraph.errors import ModelError, ModelTooLarge
from recommenders.arrays import Csr, DoubleArray, FloatArray
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model, ModelConfig
from recommenders.scorers import ItemItemScorer
from recommenders.search_space import Range, SearchSpace

BLOCK = 512
"""Rows of the weights that are made at once."""


class Config(ModelConfig):
    """Hyper-parameters of EASE."""

    l2: float = Field(300.0, gt=0, description="weight of the squared weights in the loss")
    min_likes: int = Field(2, ge=1, description="movies liked by fewer users take no part: their score is 0")
    memory_mb: int = Field(6000, ge=1, description="refuse to begin where the matrices would take more megabytes")

    search_space: ClassVar[SearchSpace] = {
        "l2": Range(3.0, 3000.0, log=True),
        "min_likes": Range(1, 5),
    }


class Ease(Model[Config]):
    """Linear item-item weights in closed form."""

    config_class = Config
    search = ({"l2": 300.0}, {"l2": 30.0}, {"l2": 100.0}, {"l2": 1000.0})

    def _learn(self, interactions: Interactions, options: FitOptions) -> ItemItemScorer:
        likes = interactions.likes()
        items = np.flatnonzero(likes >= self.config.min_likes).astype(np.int32)
        liked = interactions.liked[:, items].astype(np.float64)
        liked = liked[np.diff(liked.indptr) > 0]
        n_users, n_items = liked.shape
        self._check_memory(n_users, n_items)
        weights = _by_users(liked, self.config.l2) if n_users < n_items else _by_movies(liked, self.config.l2)
        return ItemItemScorer(weights, items, likes)

    def _check_memory(self, n_users: int, n_items: int) -> None:
        larger, smaller = 4 * n_items**2, min(n_users, n_items)
        needed = (larger + 24 * smaller**2 + 16 * smaller * n_items * (n_users < n_items)) / 1e6
        if needed > self.config.memory_mb:
            raise ModelTooLarge(
                f"EASE over {n_items:,} movies and {n_users:,} users needs about {needed:,.0f} MB, more than memory_mb "
                f"= {self.config.memory_mb:,}; train sparse_ease, which takes far less, "
                f"raise memory_mb, or raise min_likes (now {self.config.min_likes}) so that fewer movies take part"
            )


def _by_movies(liked: Csr, l2: float) -> FloatArray:
    precision = inverse((liked.T @ liked).toarray(), l2)
    diagonal = precision.diagonal().copy()
    weights = np.empty(precision.shape, dtype=np.float32)
    for start in range(0, len(weights), BLOCK):
        rows = slice(start, start + BLOCK)
        weights[rows] = -precision[rows] / diagonal
    np.fill_diagonal(weights, 0)
    return weights


def _by_users(liked: Csr, l2: float) -> FloatArray:
    kernel = inverse((liked @ liked.T).toarray(), l2)
    right = kernel @ liked
    by_movie = liked.T.tocsr()
    diagonal = 1 - np.asarray(liked.multiply(right).sum(axis=0)).ravel()
    weights = np.empty((liked.shape[1], liked.shape[1]), dtype=np.float32)
    for start in range(0, len(weights), BLOCK):
        rows = slice(start, start + BLOCK)
        weights[rows] = (by_movie[rows] @ right) / diagonal
    np.fill_diagonal(weights, 0)
    return weights


def inverse(gram: DoubleArray, l2: float) -> DoubleArray:
    """(gram + l2 I)^-1 of a symmetric matrix, by Cholesky; the matrix given is used up."""
    if not len(gram):  # which LAPACK refuses, with a line on stderr
        return gram
    gram[np.diag_indices_from(gram)] += l2
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    half, failed_too = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise ModelError(f"EASE cannot invert its matrix with l2 = {l2}; raise l2")
    lower: DoubleArray = np.tril(half)
    return lower + np.tril(lower, -1).T
