"""How a scorer does on ratings it has not seen: every movie ranked, those the user had rated before taken out.

The figures are over the users of `splits.asked_users`. What a user liked in the target part is to be found; a movie
that was not known when the model was fitted counts too, though no model can find it.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from recommenders.arrays import BoolArray, Csr, DoubleArray, IntArray
from recommenders.beyond_accuracy import (
    calibration_error_at,
    gini_at,
    intra_list_distance_at,
    popularity_lift_at,
    serendipity_at,
)
from recommenders.bootstrap import Estimate, difference_of, mean_of
from recommenders.facts import MovieFacts, taste_vectors
from recommenders.interactions import Interactions
from recommenders.metrics import (
    average_precision_at,
    coverage_at,
    hit_rate_at,
    ndcg_at,
    novelty_at,
    recall_at,
    reciprocal_rank,
)
from recommenders.ranking import allowed, place_of_first, top_k
from recommenders.scorers import Scorer
from recommenders.splits import Question, asked_users

DEPTH = 20
"""Places of a list that are looked at."""
LISTED = 10
"""Places that a page shows, for the figures beside accuracy."""


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
    map_at_10: DoubleArray
    popularity_lift_at_10: DoubleArray
    serendipity_at_10: DoubleArray
    coverage_at_10: float
    gini_at_10: float
    genre_distance_at_10: DoubleArray | None = None
    taste_distance_at_10: DoubleArray | None = None
    calibration_error_at_10: DoubleArray | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a figure is about: without it, it says nothing."""

    model: str
    protocol: str
    part: str
    seed: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of one model on one part, with 95 % intervals over users.

    Novelty and the calibration error are in bits, coverage, serendipity and popularity lift are shares, distances and
    Gini go from 0 to 1; what needs facts about movies is None without them.
    """

    context: Origin
    users: int
    ndcg_at_10: Estimate
    recall_at_10: Estimate
    recall_at_20: Estimate
    mrr: Estimate
    hit_rate_at_10: Estimate
    novelty_at_10: Estimate
    map_at_10: Estimate
    popularity_lift_at_10: Estimate
    serendipity_at_10: Estimate
    coverage_at_10: float
    gini_at_10: float
    genre_distance_at_10: Estimate | None = None
    taste_distance_at_10: Estimate | None = None
    calibration_error_at_10: Estimate | None = None

    def figures(self) -> dict[str, float]:
        """Every figure as a number, by part and name, and the two ends of its interval as `_low` and `_high`."""
        found = {"users": float(self.users)}
        for name, value in ((one.name, getattr(self, one.name)) for one in fields(self)):
            if isinstance(value, Estimate):
                found |= {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
            elif isinstance(value, float):
                found[name] = value
        return {f"{self.context.part}/{name}": value for name, value in found.items()}

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
    """What the scorer finds of `target` for users with a history in `known`; for `max_users` drawn by the seed."""
    return ask(scorer, Question(known, target, asked_users(known, target)), max_users, seed)


def ask(
    scorer: Scorer,
    question: Question,
    max_users: int | None = None,
    seed: int = 0,
    facts: MovieFacts | None = None,
) -> UserMetrics:
    """How the scorer answers; popularity, for novelty and the like, is what is liked in what is known."""
    known, target = question.known, question.target
    users = _drawn(question.users, max_users, seed)
    answers, popularity = _Answers.none(len(users)), known.likes()
    for row, user in enumerate(users.tolist()):
        history, wanted = known.history(user), target.history(user).items
        scores = scorer.score(history)
        free = allowed(len(scores), history, known.seen_by(user), question.candidates)
        answers.put(row, top_k(scores, free, DEPTH).items, wanted, place_of_first(scores, free, wanted))
        obvious = top_k(popularity, free, LISTED).items
        answers.expected[row, : len(obvious)] = obvious
    return _figures(users, answers, known, facts)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What is shown (n, 20), which of it was liked, what popularity would show (n, 10), how many movies are to be found
    (n,), and the place of the first of them (n,)."""

    lists: IntArray
    hits: BoolArray
    expected: IntArray
    relevant: IntArray
    first: IntArray

    @classmethod
    def none(cls, n: int) -> "_Answers":
        nothing = np.full((n, DEPTH), -1, dtype=np.int32)
        counts = np.zeros(n, dtype=np.int32)
        return cls(nothing, np.zeros((n, DEPTH), np.bool_), nothing[:, :LISTED].copy(), counts, counts.copy())

    def put(self, row: int, shown: IntArray, wanted: IntArray, first: int) -> None:
        self.lists[row, : len(shown)] = shown
        self.hits[row, : len(shown)] = np.isin(shown, wanted)
        self.relevant[row], self.first[row] = len(wanted), first


def summarise(measured: UserMetrics, context: Origin) -> Evaluation:
    """Means with their intervals, drawn by the context's seed."""
    figures = {one.name: getattr(measured, one.name) for one in fields(measured) if one.name not in ("users", "lists")}
    means: dict[str, Any] = {
        name: mean_of(figure, context.seed) if isinstance(figure, np.ndarray) else figure
        for name, figure in figures.items()
    }
    return Evaluation(context=context, users=len(measured.users), **means)


def compare(measured: UserMetrics, baseline: UserMetrics, name: str, seed: int) -> Comparison:
    """The model beside the baseline of that name, measured on the same users."""
    return Comparison(name, difference_of(measured.ndcg_at_10, baseline.ndcg_at_10, seed))


def _drawn(users: IntArray, max_users: int | None, seed: int) -> IntArray:
    if max_users is None or len(users) <= max_users:
        return users
    return np.sort(np.random.default_rng(seed).choice(users, max_users, replace=False))


def _figures(users: IntArray, answers: _Answers, known: Interactions, facts: MovieFacts | None) -> UserMetrics:
    lists, hits, relevant = answers.lists, answers.hits, answers.relevant
    popularity, histories = known.likes(), Csr(known.liked[users])
    n_users = int(np.count_nonzero(np.diff(known.seen.indptr)))
    return UserMetrics(
        users=users,
        lists=lists,
        ndcg_at_10=ndcg_at(hits, relevant, 10),
        recall_at_10=recall_at(hits, relevant, 10),
        recall_at_20=recall_at(hits, relevant, 20),
        mrr=reciprocal_rank(answers.first),
        hit_rate_at_10=hit_rate_at(hits, 10),
        novelty_at_10=novelty_at(lists, popularity, n_users, LISTED),
        map_at_10=average_precision_at(hits, relevant, 10),
        popularity_lift_at_10=popularity_lift_at(lists, histories, popularity, LISTED),
        serendipity_at_10=serendipity_at(lists, hits, answers.expected, LISTED),
        coverage_at_10=coverage_at(lists, known.n_movies, LISTED),
        gini_at_10=gini_at(lists, known.n_movies, LISTED),
        **({} if facts is None else _described(lists, histories, known, facts)),
    )


def _described(lists: IntArray, histories: Csr, known: Interactions, facts: MovieFacts) -> dict[str, DoubleArray]:
    """The figures that need facts about movies."""
    return {
        "genre_distance_at_10": intra_list_distance_at(lists, facts.genres.toarray(), LISTED),
        "taste_distance_at_10": intra_list_distance_at(lists, taste_vectors(known), LISTED),
        "calibration_error_at_10": calibration_error_at(lists, histories, facts.genres, LISTED),
    }
