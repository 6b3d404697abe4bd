"""A data set of any size, drawn by a seed: ratings with tastes behind them, and a catalogue that tells of the tastes.

Each movie is of one of `TASTES` kinds, each user likes a few of them, and within a kind some movies are far more
popular than others. Directors, actors and keywords keep to a kind mostly, so that the catalogue says what a movie is
like.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from cinegraph.types import LIKED, Label, Relation
from graph.snapshot import CODES, Snapshot, assemble, edges_among
from recommenders.arrays import Csr, DoubleArray, FloatArray, IntArray
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge

TASTES, PER_USER = 64, 4
"""Kinds of movies, and how many of them a user likes."""
AGAIN = 1.6
"""More that are drawn than wanted, since those drawn twice count once."""
STRAYS = 0.2
"""Part of a user's ratings, and of a movie's entities, that are of any kind."""
ENTITIES = (
    (Relation.DIRECTED, Label.PERSON, 1.0, 0.3),
    (Relation.ACTED_IN, Label.PERSON, 6.0, 1.0),
    (Relation.HAS_KEYWORD, Label.KEYWORD, 6.0, 0.4),
    (Relation.HAS_GENRE, Label.GENRE, 2.0, 0.0),
)
"""Of each relationship how many a movie has, and how many entities there are for a movie (genres are 20)."""


def interactions(users: int, movies: int, ratings: int, seed: int = 0) -> Interactions:
    """Some `ratings` ratings, less those drawn twice; half of them are likes."""
    rng = np.random.default_rng(seed)
    kind, tastes, order, activity = world(users, movies, rng)
    drawn = AGAIN * ratings / users * activity / activity.mean()
    user = np.repeat(np.arange(users), np.maximum(5, drawn.astype(np.int64)))
    wanted = tastes[user, rng.integers(0, PER_USER, len(user))]
    stray = rng.random(len(user)) < STRAYS
    wanted[stray] = rng.integers(0, TASTES, int(stray.sum()))
    movie = _drawn(kind, order, wanted, rng)
    user, movie = np.divmod(np.unique(user * movies + movie), movies)
    liked = rng.random(len(user)) < chance_of_liking(tastes[user], kind[movie])
    return Interactions(
        users=np.array([f"{number:07}" for number in range(users)]),
        movies=np.array([f"{number:07}" for number in range(movies)]),
        user_index=user.astype(np.int32),
        movie_index=movie.astype(np.int32),
        rating=np.where(liked, LIKED + 0.5, LIKED - 1).astype(np.float32),
        at=np.sort(rng.integers(1_000_000_000_000, 1_600_000_000_000, len(user))),
    )


def world(users: int, movies: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, DoubleArray, DoubleArray]:
    """The kind of each movie (movies,) and those each user likes (users, PER_USER); how well known each movie is, and
    how active each user."""
    kind, order = _kinds(movies, rng), rng.zipf(1.5, movies) + rng.random(movies)
    activity = rng.lognormal(0.0, 1.0, users)
    return kind, rng.integers(0, TASTES, (users, PER_USER)), order, activity


def chance_of_liking(tastes: IntArray, kind: IntArray) -> DoubleArray:
    """How likely one with these tastes (n, PER_USER) likes a movie of a kind (n,)."""
    return np.where((tastes == kind[:, None]).any(axis=1), 0.6, 0.2)


def knowledge(movies: int, seed: int = 0) -> Knowledge:
    """The catalogue of the same movies, by the same seed."""
    kind = _kinds(movies, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    links = {}
    for relation, label, mean, share in ENTITIES:
        entities = max(int(movies * share), 20)
        movie = np.repeat(np.arange(movies), rng.poisson(mean, movies))
        wanted = kind[movie].copy()
        stray = rng.random(len(movie)) < STRAYS
        wanted[stray] = rng.integers(0, TASTES, int(stray.sum()))
        of = rng.integers(0, TASTES, entities)
        entity = _drawn(of, rng.zipf(1.5, entities) + rng.random(entities), wanted, rng)
        ones = np.ones(len(movie), dtype=np.float32)
        matrix = Csr(sparse.csr_array((ones, (movie, entity)), shape=(movies, entities)))
        matrix.data[:] = 1.0
        links[relation] = (label, matrix)
    people = max(matrix.shape[1] for label, matrix in links.values() if label is Label.PERSON)
    for label, matrix in links.values():
        if label is Label.PERSON:
            matrix.resize((movies, people))
    known = Knowledge(links)
    ids = {label: np.array([f"{number:07}" for number in range(count)]) for label, count in known.entities.items()}
    return replace(known, ids=ids)


def snapshot(known: Knowledge, popularity: FloatArray) -> Snapshot:
    """The catalogue as it is in memory: movies of 1920 to 2025, of 70 to 180 minutes, and their entities."""
    movies, rng = len(popularity), np.random.default_rng(len(popularity))
    years, minutes = rng.integers(1920, 2026, movies).tolist(), rng.integers(70, 181, movies).tolist()
    films = [
        {"id": f"{n:07}", "name": f"Movie {n}", "year": years[n], "runtime": minutes[n], "popularity": popularity[n]}
        for n in range(movies)
    ]
    first, others = dict[Label, int](), list[dict[str, str]]()
    for label, count in known.entities.items():
        first[label] = movies + len(others)
        others += [
            {"id": f"{label.value.lower()}-{n}", "name": f"{label} {n}", "label": label.value} for n in range(count)
        ]
    rows = [_edges(relation, first[label], matrix) for relation, (label, matrix) in known.links.items()]
    return assemble(0, "", [], films, others, edges_among(np.arange(movies + len(others)), rows))


def _edges(relation: Relation, first: int, matrix: Csr) -> dict[str, Any]:
    """The relationships of one kind, each with a number of its own."""
    links = matrix.tocoo()
    count = matrix.nnz
    return {
        "movie": links.row.tolist(),
        "other": (links.col + first).tolist(),
        "relation": [relation.value] * count,
        "number": (np.arange(count) + CODES[relation] * 10**9).tolist(),
        "order": [0 if relation is Relation.ACTED_IN else -1] * count,
    }


def _kinds(movies: int, rng: np.random.Generator) -> IntArray:
    return rng.integers(0, TASTES, movies).astype(np.int32)


def _drawn(kind: IntArray, weight: DoubleArray, wanted: IntArray, rng: np.random.Generator) -> IntArray:
    """For each wanted kind one of that kind (any, where there is none), more often the higher its weight."""
    order = np.argsort(kind, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(np.sqrt(weight[order]))])
    first, last = np.searchsorted(kind[order], wanted), np.searchsorted(kind[order], wanted, side="right")
    empty = first == last
    first, last = np.where(empty, 0, first), np.where(empty, len(kind), last)
    at = total[first] + rng.random(len(wanted)) * (total[last] - total[first])
    return order[np.clip(np.searchsorted(total, at, side="right") - 1, first, last - 1)].astype(np.int32)
