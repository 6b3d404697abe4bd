"""GraphFilter: likes are spread over the graph of users and movies once, then smoothed and sharpened; in closed form.

With X the likes (users, movies), n_u and n_i the degrees, d_u and d_i the same divided by their means n and m,
R = D_u^-1/2 X D_i^-1/2 with the degrees n_u and n_i, and V the eigenvectors of P = R'R with the eigenvalues S, the
item-item weights are the sum of three parts:

- links, one step from movie j over users to movie i, with an exponent for each degree (Fu et al. 2022, LinkProp):
  sum over u of x_uj x_ui / (n m d_u^user_exponent d_j^from_exponent d_i^to_exponent), for j other than i;
- low_pass * D_i^-1/2 V V' D_i^1/2, the ideal low pass (Shen et al. 2021, GF-CF);
- -sharpen * V S^2 V', a step of sharpening P by -P P (Choi et al. 2023, BSPM), on the largest eigenvalues, as the
  squares of the others are next to nothing.

Links are sparse, of each movie the strongest; the eigenvectors serve both other parts. Nothing is ever dense over
movies and movies.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy import sparse

from recommenders.arrays import Csr, DoubleArray
from recommenders.filter_scorer import FilterScorer
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model, ModelConfig
from recommenders.search_space import Range, SearchSpace

BLOCK = 512
"""Movies whose links are computed at once."""
OVERSAMPLING = 32
"""Vectors more than wanted that the subspace is iterated with."""
ITERATIONS = 6
"""Times that the subspace is multiplied by P."""
SMALLEST = 1e-6
"""Eigenvalues from here on count as above 0 (the largest is 1)."""


class Config(ModelConfig):
    """Hyper-parameters of GraphFilter."""

    neighbours: int = Field(1000, ge=1, le=100_000, description="how many links a movie keeps, the strongest")
    user_exponent: float = Field(0.6, ge=0, le=2, description="how much less a user with many likes counts in a link")
    from_exponent: float = Field(0.7, ge=0, le=2, description="how much less a popular movie of the history counts")
    to_exponent: float = Field(0.3, ge=0, le=2, description="how much less a popular movie is recommended")
    factors: int = Field(512, ge=1, le=4096, description="rank of the low pass")
    low_pass: float = Field(0.1, ge=0, description="weight of the low pass beside the links")
    sharpen_factors: int = Field(256, ge=1, le=4096, description="rank of the sharpening, at most that of the low pass")
    sharpen: float = Field(0.8, ge=0, description="weight of the sharpening beside the links")

    search_space: ClassVar[SearchSpace] = {
        "user_exponent": Range(0.0, 1.0),
        "from_exponent": Range(0.0, 1.0),
        "to_exponent": Range(0.0, 1.0),
        "factors": Range(8, 1024, log=True),
        "low_pass": Range(0.0, 0.5),
        "sharpen_factors": Range(8, 512, log=True),
        "sharpen": Range(0.0, 1.2),
    }


class GraphFilter(Model[Config]):
    """Links, a low pass, and sharpening."""

    config_class = Config
    search = (
        {},
        {"factors": 32, "sharpen_factors": 32},
        {"factors": 32, "sharpen_factors": 32, "low_pass": 0.03, "to_exponent": 0.4, "sharpen": 0.5},
        {
            "factors": 32,
            "sharpen_factors": 32,
            "low_pass": 0.03,
            "from_exponent": 0.6,
            "to_exponent": 0.4,
            "sharpen": 0.7,
        },
    )

    def _learn(self, interactions: Interactions, options: FitOptions) -> FilterScorer:
        likes = interactions.likes()
        items = np.flatnonzero(likes).astype(np.int32)
        liked = interactions.liked[:, items].astype(np.float64)
        liked = liked[np.diff(liked.indptr) > 0]
        config, (of_user, of_movie) = self.config, _degrees(liked)
        values, found = eigen(_scaled(of_user**-0.5, liked, of_movie**-0.5), config.factors, options.seed)
        vectors, root = np.zeros((len(likes), len(values)), np.float32), np.ones(len(likes), np.float32)
        vectors[items], root[items] = found, np.sqrt(of_movie)
        low_pass = np.full(len(values), config.low_pass, np.float32)
        sharpen = (config.sharpen * values[: config.sharpen_factors] ** 2).astype(np.float32)
        return FilterScorer(self._links(liked), items, vectors, root, low_pass, sharpen, likes)

    def _links(self, liked: Csr) -> Csr:
        """Row j: the strongest links of movie j (movies, movies)."""
        config, (of_user, of_movie) = self.config, _degrees(liked)
        mean_user, mean_movie = of_user.mean(), of_movie.mean()
        user, movie = of_user / mean_user, of_movie / mean_movie
        to = _scaled(user**-config.user_exponent / mean_user, liked, movie**-config.to_exponent / mean_movie)
        start = _scaled(movie**-config.from_exponent, liked.T.tocsr(), np.ones(len(user)))
        n, data, indices = len(of_movie), [], []
        counts = np.zeros(n, dtype=np.int64)
        for first in range(0, n, BLOCK):
            block = (start[first : first + BLOCK] @ to).tocsr()
            block.sort_indices()
            for row in range(block.shape[0]):
                part = slice(block.indptr[row], block.indptr[row + 1])
                others = block.indices[part] != first + row
                links, movies = block.data[part][others], block.indices[part][others]
                best = np.sort(np.argsort(-links, kind="stable")[: config.neighbours])
                data.append(links[best].astype(np.float32))
                indices.append(movies[best].astype(np.int32))
                counts[first + row] = len(best)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return sparse.csr_array((np.concatenate(data), np.concatenate(indices), indptr), shape=(n, n))


def eigen(matrix: Csr, k: int, seed: int) -> tuple[DoubleArray, DoubleArray]:
    """The largest eigenvalues (d,) of M'M, falling, and their vectors (columns of M, d); d is k, or fewer are above 0.

    By subspace iteration from a random start (Halko et al. 2011, algorithm 4.4): exact where k is near to the rank.
    """
    transposed, width = matrix.T.tocsr(), min(k + OVERSAMPLING, *matrix.shape)
    basis = _orthonormal(transposed @ np.random.default_rng(seed).standard_normal((matrix.shape[0], width)))
    for _ in range(ITERATIONS):
        basis = _orthonormal(transposed @ (matrix @ basis))
    small = matrix @ basis
    values, rotation = np.linalg.eigh(small.T @ small)
    order = np.argsort(-values, kind="stable")[:k]
    order = order[values[order] >= SMALLEST]
    return values[order], basis @ rotation[:, order]


def _orthonormal(basis: DoubleArray) -> DoubleArray:
    """An orthonormal basis of what the columns (n, d) span, by the eigenvectors of their products: faster than QR."""
    values, rotation = np.linalg.eigh(basis.T @ basis)
    kept = values > SMALLEST**2 * values[-1]
    spanned: DoubleArray = basis @ (rotation[:, kept] / np.sqrt(values[kept]))
    return spanned


def _degrees(liked: Csr) -> tuple[DoubleArray, DoubleArray]:
    """The number of likes of each user and of each movie."""
    return np.asarray(liked.sum(axis=1), dtype=np.float64), np.asarray(liked.sum(axis=0), dtype=np.float64)


def _scaled(left: DoubleArray, matrix: Csr, right: DoubleArray) -> Csr:
    """diag(left) M diag(right)."""
    return Csr(sparse.diags_array(left) @ matrix @ sparse.diags_array(right))
