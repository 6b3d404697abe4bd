"""How a scorer does on ratings it has not seen: every movie ranked, those the user had rated before taken out.

The figures are over the users of `splits.asked_users`. What a user liked in the target part is to be found; a movie
that was not known when the model was fitted counts too, though no model can find it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recommenders.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from recommenders.bootstrap import Estimate, difference_of, mean_of
from recommenders.interactions import Interactions
from recommenders.metrics import coverage_at, hit_rate_at, ndcg_at, novelty_at, recall_at, reciprocal_rank
from recommenders.ranking import allowed, place_of_first, top_k
from recommenders.scorers import Scorer
from recommenders.splits import asked_users

DEPTH = 20
"""Places of a list that are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class UserMetrics:
    """One figure a user: `users` (n,) by position; `lists` (n, 20) holds the movies shown, -1 where a list ended."""

    users: IntArray
    lists: IntArray
    ndcg_at_10: DoubleArray
    recall_at_10: DoubleArray
    recall_at_20: DoubleArray
    mrr: DoubleArray
    hit_rate_at_10: DoubleArray
    novelty_at_10: DoubleArray
    coverage_at_10: float


@dataclass(frozen=True, slots=True)
class Context:
    """What a figure is about: without it, it says nothing."""

    model: str
    protocol: str
    part: str
    seed: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one model on one part, with 95 % intervals over users; novelty is in bits, coverage a share."""

    context: Context
    users: int
    ndcg_at_10: Estimate
    recall_at_10: Estimate
    recall_at_20: Estimate
    mrr: Estimate
    hit_rate_at_10: Estimate
    novelty_at_10: Estimate
    coverage_at_10: float

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Comparison:
    """NDCG@10 of a model less a baseline's, for the same users in pairs."""

    baseline: str
    difference: Estimate

    def as_json(self) -> dict[str, Any]:
        """Numbers and strings only."""
        return asdict(self)


def measure(
    scorer: Scorer, known: Interactions, target: Interactions, max_users: int | None = None, seed: int = 0
) -> UserMetrics:
    """What the scorer finds of `target` for users whose history is `known`; of at most `max_users`, drawn by the seed.

    Popularity, for novelty, is what is liked in `known`.
    """
    users = _drawn(asked_users(known, target), max_users, seed)
    lists = np.full((len(users), DEPTH), -1, dtype=np.int32)
    hits = np.zeros((len(users), DEPTH), dtype=np.bool_)
    relevant, first = np.zeros(len(users), dtype=np.int32), np.zeros(len(users), dtype=np.int32)
    for row, user in enumerate(users.tolist()):
        history, wanted = known.history(user), target.history(user).items
        scores = scorer.score(history)
        free = allowed(len(scores), history, known.seen_by(user), None)
        shown = top_k(scores, free, DEPTH).items
        lists[row, : len(shown)] = shown
        hits[row, : len(shown)] = np.isin(shown, wanted)
        relevant[row], first[row] = len(wanted), place_of_first(scores, free, wanted)
    return _figures(users, lists, hits, relevant, first, known)


def summarise(measured: UserMetrics, context: Context) -> Evaluation:
    """Means with their intervals, drawn by the context's seed."""
    columns = ("ndcg_at_10", "recall_at_10", "recall_at_20", "mrr", "hit_rate_at_10", "novelty_at_10")
    means = {name: mean_of(getattr(measured, name), context.seed) for name in columns}
    return Evaluation(context=context, users=len(measured.users), coverage_at_10=measured.coverage_at_10, **means)


def compare(measured: UserMetrics, baseline: UserMetrics, name: str, seed: int) -> Comparison:
    """The model beside the baseline of that name, measured on the same users."""
    return Comparison(name, difference_of(measured.ndcg_at_10, baseline.ndcg_at_10, seed))


def _drawn(users: IntArray, max_users: int | None, seed: int) -> IntArray:
    if max_users is None or len(users) <= max_users:
        return users
    return np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))


def _figures(
    users: IntArray,
    lists: IntArray,
    hits: BoolArray,
    relevant: IntArray,
    first: IntArray,
    known: Interactions,
) -> UserMetrics:
    popularity: FloatArray = known.likes()
    n_users = int(np.count_nonzero(np.diff(known.seen.indptr)))
    return UserMetrics(
        users=users,
        lists=lists,
        ndcg_at_10=ndcg_at(hits, relevant, 10),
        recall_at_10=recall_at(hits, relevant, 10),
        recall_at_20=recall_at(hits, relevant, 20),
        mrr=reciprocal_rank(first),
        hit_rate_at_10=hit_rate_at(hits, 10),
        novelty_at_10=novelty_at(lists, popularity, n_users, 10),
        coverage_at_10=coverage_at(lists, known.n_movies, 10),
    )
