"""Ratings with a structure that is known: groups of users who like the movies of their own group, and blockbusters."""

from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from cinegraph.types import Label, Relation
from recommenders.arrays import Csr, IntArray
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge

GROUPS, USERS, MOVIES, BLOCKBUSTERS = 4, 160, 118, 6
SOFTMAX = {"temperature": 0.2, "negatives": 64}
PAPER = {"loss": "bpr", "first_layer": 0}
"""What makes LightGCN that of the paper, but for its layers."""
SMALL: dict[str, dict[str, Any]] = {
    "ials": {"embedding_dim": 16, "l2": 0.1},
    "lightgcn": {"embedding_dim": 16, "epochs": 40, "batch_size": 512, "learning_rate": 0.02} | SOFTMAX,
    "ensemble": {"least": 20, "rounds": 40, "bags": 2},
    "blend": {"members": ("graphfilter", "ials"), "configs": {"ials": {"embedding_dim": 16, "l2": 0.1}}},
    "kgnn": {"embedding_dim": 16, "epochs": 40, "batch_size": 512, "learning_rate": 0.02} | SOFTMAX,
    "xsimgcl": {"embedding_dim": 16, "layers": 2, "epochs": 30, "batch_size": 512, "noise": 0.05} | SOFTMAX,
}
"""Hyper-parameters that are enough for so little data."""


def planted_frame(seed: int = 7, shuffled: bool = False) -> pl.DataFrame:
    """Each user rates 16 movies of the own group high, 4 others low, and half of the blockbusters high.

    `shuffled` deals the same movies and ratings out to users at random: all structure but popularity is gone.
    """
    rng = np.random.default_rng(seed)
    rows = [row for user in range(USERS) for row in _rated(user, rng)]
    users, movies, ratings = (np.array(column) for column in zip(*rows, strict=True))
    if shuffled:
        order = rng.permutation(len(rows))
        movies, ratings = movies[order], ratings[order]
    at = 1_000_000_000_000 + rng.permutation(len(rows)) * 1000
    return pl.DataFrame(
        {
            "user_id": [f"u{user:03}" for user in users],
            "movie_id": [f"m{movie:03}" for movie in movies],
            "rating": ratings.astype(np.float32),
            "at": at,
        }
    )


def groups() -> IntArray:
    """Of each movie, that of a blockbuster below 0."""
    return np.array([int(movie[1:]) for movie in planted().movies], dtype=np.int32) - BLOCKBUSTERS


def catalogue(*, shuffled: bool = False) -> Knowledge:
    """Each group has three directors of its own; `shuffled` deals them out at random."""
    of, rng = groups(), np.random.default_rng(5)
    directors = np.where(of >= 0, of % GROUPS * 3 + rng.integers(0, 3, len(of)), 12)
    if shuffled:
        rng.shuffle(directors)
    links = sparse.csr_array((np.ones(len(of), np.float32), (np.arange(len(of)), directors)), shape=(len(of), 13))
    ids = {Label.PERSON: np.array([f"p{number:02}" for number in range(13)])}
    return Knowledge({Relation.DIRECTED: (Label.PERSON, Csr(links))}, ids=ids)


def planted(seed: int = 7, shuffled: bool = False) -> Interactions:
    """The same as interactions."""
    return Interactions.from_frame(planted_frame(seed, shuffled))


def _rated(user: int, rng: np.random.Generator) -> list[tuple[int, int, float]]:
    per_group = (MOVIES - BLOCKBUSTERS) // GROUPS
    movies = BLOCKBUSTERS + np.arange(per_group * GROUPS)
    own = movies[(movies - BLOCKBUSTERS) % GROUPS == user % GROUPS]
    other = movies[(movies - BLOCKBUSTERS) % GROUPS != user % GROUPS]
    high = [*rng.choice(own, 16, replace=False), *rng.choice(BLOCKBUSTERS, BLOCKBUSTERS // 2, replace=False)]
    low = rng.choice(other, 4, replace=False)
    return [(user, int(m), float(rng.choice([4.0, 4.5, 5.0]))) for m in high] + [
        (user, int(m), float(rng.choice([1.0, 2.5, 3.5]))) for m in low
    ]
