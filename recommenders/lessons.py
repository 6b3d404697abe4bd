"""What a ranker over other models learns from: users of whom some is known, and what they liked after that.

Users of a long past are asked for their last likes; those of a short one, whom the members have not seen, for all that
comes after their first few likes. The two are different questions: who is new mostly likes what everybody does.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cinegraph.errors import NotEnoughData
from cinegraph.types import LIKED, MAX_RATING, MIN_RATING
from recommenders.additive_scorer import AdditiveScorer
from recommenders.arrays import BoolArray, FloatArray, IntArray
from recommenders.curves import Curves
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.ranking import allowed, top_k
from recommenders.scorers import History, Scorer

OPENINGS: Final = (1, 3, 5, 10)
"""Likes that are known of a user who is new."""
RECENT: Final = 0.1
"""Part of all likes, the last ones, that count as recent."""
SHRINKAGE: Final = 5.0
"""Likes or ratings that a movie is thought to have beside its own, at the mean of all."""
MIDDLE: Final = (MIN_RATING + MAX_RATING) / 2 + 0.75
"""What ratings are usually near to: 3.5."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A user at a moment: what speaks for them, what they have seen (s,), and what they came to like (w,)."""

    history: History
    seen: IntArray
    wanted: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Features (rows, features), which rows were liked (rows,), and how many rows each case has (cases,)."""

    features: FloatArray
    liked: IntArray
    counts: IntArray


def last_likes(known: Interactions, target: Interactions, users: IntArray) -> Iterator[Case]:
    """Of each user who likes something in `target`, all that is known."""
    for user in np.intersect1d(users, target.positives().user_index).tolist():
        yield Case(known.history(user), known.seen_by(user), target.history(user).items)


def openings(whole: Interactions, users: IntArray, counts: Sequence[int] = OPENINGS) -> Iterator[Case]:
    """Of each user the first likes, as many as each of `counts`, and what was rated before the next one."""
    chosen = np.flatnonzero(np.isin(whole.user_index, users))
    order = chosen[np.argsort(whole.user_index[chosen], kind="stable")]  # by user, and each in the order of time
    _, starts = np.unique(whole.user_index[order], return_index=True)
    for own in np.split(order, starts[1:]):
        movies, ratings = whole.movie_index[own], whole.rating[own]
        likes = np.flatnonzero(ratings >= np.float32(LIKED))
        for count in counts:
            if count < len(likes):
                end = likes[count]
                history = History.from_ratings(movies[:end], ratings[:end])
                yield Case(history, np.sort(movies[:end]), np.sort(movies[likes[count:]]))


def lesson_of(members: tuple[Scorer, ...], cases: Iterable[Case], own: FloatArray, candidates: int) -> Lesson:
    """The best candidates of each member for each case, with what the members say of them and their own features.

    `own` is (movies, features). Raises `NotEnoughData` where no candidate is wanted by anybody.
    """
    movies = len(own)
    nothing = Curves.flat(len(members), movies)
    probe, rows = AdditiveScorer(members, nothing, nothing), list[tuple[FloatArray, IntArray]]()
    for case in cases:
        if not probe.is_personal(case.history):
            continue
        relative, free = probe.relative(case.history), allowed(movies, case.history, case.seen, None)
        best = np.unique(np.concatenate([top_k(one, free, candidates).items for one in relative]))
        liked = np.isin(best, case.wanted).astype(np.int32)
        rows.append((np.column_stack([*(one[best] for one in relative), own[best]]), liked))
    if not sum(int(liked.sum()) for _, liked in rows):
        raise NotEnoughData("ensemble: no last rating is for a movie that a member finds; train its members")
    features, labels = (np.concatenate(part) for part in zip(*rows, strict=True))
    return Lesson(features, labels, np.array([len(liked) for _, liked in rows], np.int32))


def drawn(users: IntArray, share: float, at_most: int, seed: int) -> IntArray:
    """A share of the users by the seed, and no more than that (n,), rising."""
    count = min(int(len(users) * share), at_most)
    return np.sort(np.random.default_rng(seed).choice(users, count, replace=False))


def without(ratings: Interactions, users: IntArray) -> Interactions:
    """The ratings of all others."""
    keep: BoolArray = ~np.isin(ratings.user_index, users)
    return ratings.subset(keep)


def movie_features(known: Interactions, knowledge: Knowledge | None) -> FloatArray:
    """What is known of each movie, whoever asks (movies, 5): log likes, part of them that is recent, mean rating, part
    of the ratings that are likes, and entities in the catalogue."""
    likes, ratings = known.likes().astype(np.float64), np.bincount(known.movie_index, minlength=known.n_movies)
    liked = known.positives()
    since = np.sort(liked.at)[int(len(liked) * (1 - RECENT))]
    recent = np.bincount(liked.movie_index[liked.at >= since], minlength=known.n_movies)
    total = np.bincount(known.movie_index, known.rating, known.n_movies)
    entities = np.zeros(known.n_movies)
    for _, matrix in (knowledge.links if knowledge else {}).values():
        entities += np.diff(matrix.indptr)
    features = (
        np.log1p(likes),
        (recent + SHRINKAGE * RECENT) / (likes + SHRINKAGE),
        (total + SHRINKAGE * MIDDLE) / (ratings + SHRINKAGE),
        (likes + SHRINKAGE / 2) / (ratings + SHRINKAGE),
        entities,
    )
    return np.column_stack(features).astype(np.float32)
