"""Figures by kind of user and kind of movie: an average may hide for whom, and on what, a model is good."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommenders.arrays import BoolArray, DoubleArray, IntArray
from recommenders.bootstrap import Estimate, mean_of
from recommenders.evaluation import UserMetrics
from recommenders.facts import MovieFacts
from recommenders.splits import Question

ACTIVITY = ((0, "no likes known"), (1, "1 to 9"), (10, "10 to 49"), (50, "50 to 199"), (200, "200 and more"))
"""Users by known likes: from how many on, and the segment's name."""
HEAD, MIDDLE = 0.2, 0.6
"""Shares of all known likes that the most liked movies, and those after them, make up."""
FEWEST = 5
"""Users or movies below which a segment is left out."""
COLD_USER, COLD_MOVIE = 10, 5
"""Known likes below which a user, or a movie, is a cold one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A figure of one segment: NDCG@10 over its `count` users, or recall@20 over its `count` movies to be found."""

    dimension: str
    name: str
    count: int
    figure: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Cold:
    """Which of the users of a measurement are cold ones (n,), and how many of the cold movies that each of them is to
    be shown are among the first 20, as a share (n,): NaN for a user without one."""

    users: BoolArray
    found: DoubleArray


def cold_of(measured: UserMetrics, question: Question) -> Cold:
    """How a model does where little is known."""
    rows, items = _wanted(measured, question)
    cold = question.known.likes()[items] < COLD_MOVIE
    rows, items = rows[cold], items[cold]
    hit = _hits(measured, rows, items)
    n = len(measured.users)
    wanted = np.bincount(rows, minlength=n).astype(np.float64)
    found = np.divide(np.bincount(rows, hit, n), wanted, out=np.full(n, np.nan), where=wanted > 0)
    return Cold(np.diff(question.known.liked.indptr)[measured.users] < COLD_USER, found)


def segments(measured: UserMetrics, question: Question, facts: MovieFacts | None, seed: int) -> tuple[Segment, ...]:
    """By activity of the user; by popularity, era and genre of the movie to be found."""
    found = [*_by_activity(measured, question, seed)]
    rows, items = _wanted(measured, question)
    hit = _hits(measured, rows, items)
    for dimension, name, chosen in _kinds(question, items, facts):
        if chosen.sum() >= FEWEST:
            found.append(Segment(dimension, name, int(chosen.sum()), _recall(rows[chosen], hit[chosen], seed)))
    return tuple(found)


def _by_activity(measured: UserMetrics, question: Question, seed: int) -> Iterator[Segment]:
    likes = np.diff(question.known.liked.indptr)[measured.users]
    bounds = [low for low, _ in ACTIVITY]
    kind = np.searchsorted(bounds, likes, side="right") - 1
    for number, (_, name) in enumerate(ACTIVITY):
        chosen = kind == number
        if chosen.sum() >= FEWEST:
            figure = mean_of(measured.ndcg_at_10[chosen], seed)
            yield Segment("activity (NDCG@10)", name, int(chosen.sum()), figure)


def _wanted(measured: UserMetrics, question: Question) -> tuple[IntArray, IntArray]:
    """Each movie that is to be found: the row of its user (n,), and its position (n,)."""
    liked = question.target.liked[measured.users]
    rows = np.repeat(np.arange(len(measured.users), dtype=np.int32), np.diff(liked.indptr))
    return rows, np.asarray(liked.indices, dtype=np.int32)


def _hits(measured: UserMetrics, rows: IntArray, items: IntArray) -> DoubleArray:
    """1 where a movie that is to be found stands in its user's list (n,)."""
    return np.array([item in shown for item, shown in zip(items, measured.lists[rows], strict=True)], dtype=np.float64)


def _kinds(question: Question, items: IntArray, facts: MovieFacts | None) -> Iterator[tuple[str, str, BoolArray]]:
    kind = popularity_kind(question.known.likes().astype(np.float64))[items]
    for number, name in enumerate(("most liked", "middle", "long tail")):
        yield "popularity (R@20)", name, kind == number
    if facts is None:
        return
    decades = facts.years[items] // 10 * 10
    for decade in np.unique(decades[decades > 0]).tolist():
        yield "era (R@20)", f"{decade}s", decades == decade
    having = facts.genres[items].toarray() > 0
    for column, genre in enumerate(facts.genre_names):
        yield "genre (R@20)", genre, having[:, column]


def popularity_kind(likes: DoubleArray) -> IntArray:
    """0 for the most liked movies, which have the first 20 % of all likes, 1 for those up to 80 %, 2 for the tail."""
    order = np.argsort(-likes, kind="stable")
    before = np.cumsum(likes[order]) - likes[order]
    share = before / max(float(likes.sum()), 1.0)
    kind = np.empty(len(likes), dtype=np.int32)
    kind[order] = np.where(share < HEAD, 0, np.where(share < HEAD + MIDDLE, 1, 2))
    return kind


def _recall(rows: IntArray, hit: DoubleArray, seed: int) -> Estimate:
    """Mean over users of the share of their movies in the segment that are among the first 20."""
    users, place = np.unique(rows, return_inverse=True)
    shares = np.bincount(place, weights=hit) / np.bincount(place)
    return mean_of(shares[: len(users)], seed)
