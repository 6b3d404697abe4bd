"""The gate: nothing broken and nothing worse than Popular gets past, and the message has the figures."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from cinegraph.errors import ModelRefused
from recommenders import registry
from recommenders.bootstrap import Estimate
from recommenders.evaluation import UserMetrics, measure
from recommenders.gate import Candidate, check
from recommenders.model import Embeddings
from recommenders.scorers import FactorScorer, ItemItemScorer, PopularityScorer, Scorer
from recommenders.splits import user_time
from tests.recommenders.planted import planted

SPLIT = user_time(planted())
KNOWN = SPLIT.before_test()
N, USERS = KNOWN.n_movies, KNOWN.n_users


@cache
def scorer(name: str) -> Scorer:
    """Fitted before the test part."""
    return registry.create(name).fit(KNOWN).scorer()


@cache
def popular() -> UserMetrics:
    """What it is measured against."""
    return measure(scorer("popular"), KNOWN, SPLIT.test)


def candidate(one: Scorer, name: str = "ease", embeddings: Embeddings | None = None) -> Candidate:
    """Over the planted movies and users."""
    return Candidate(name, one, embeddings, N, USERS)


def worse() -> ItemItemScorer:
    """EASE with its weights turned round: it shows what the user will like least."""
    good = scorer("ease")
    assert isinstance(good, ItemItemScorer)
    return replace(good, weights=-good.weights)


def test_a_better_model_passes_with_its_advantage() -> None:
    advantage = check(candidate(scorer("ease")), measure(scorer("ease"), KNOWN, SPLIT.test), popular())
    assert advantage.above_zero


def test_popular_itself_passes() -> None:
    assert check(candidate(scorer("popular"), "popular"), popular(), popular()).mean == 0


def test_a_worse_model_is_refused_with_both_figures() -> None:
    bad = measure(worse(), KNOWN, SPLIT.test)
    figures = f"NDCG@10 {bad.ndcg_at_10.mean():.4f} against {popular().ndcg_at_10.mean():.4f} over 155 users"
    with pytest.raises(ModelRefused, match=f"ease is not surely better than popular: {figures}, a difference of -"):
        check(candidate(worse()), bad, popular())


def test_a_model_that_is_as_good_as_popular_is_refused() -> None:
    with pytest.raises(ModelRefused, match="not surely better than popular"):
        check(candidate(scorer("popular"), "ease"), popular(), popular())


def test_a_gate_without_the_comparison_would_let_it_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: with the interval's check off, the worse model passes, so the test above would fail."""
    monkeypatch.setattr(Estimate, "above_zero", True)
    check(candidate(worse()), measure(worse(), KNOWN, SPLIT.test), popular())


def test_figures_for_other_users_are_refused() -> None:
    some = measure(scorer("ease"), KNOWN, SPLIT.test, max_users=20)
    with pytest.raises(ModelRefused, match="measured on 20 users and popular on 155"):
        check(candidate(scorer("ease")), some, popular())


def test_a_figure_that_is_no_number_is_refused() -> None:
    bad = replace(popular(), ndcg_at_10=np.full(155, np.nan))
    with pytest.raises(ModelRefused, match="no number"):
        check(candidate(scorer("ease")), bad, popular())


def factors(**change: Any) -> FactorScorer:
    """Ones, with changes."""
    ones = np.ones((N, 4), dtype=np.float32)
    return FactorScorer(
        **{"history_factors": ones, "item_factors": ones, "popularity": np.ones(N, np.float32), **change}
    )


def with_one(value: float) -> Any:
    """Ones with one other number."""
    array = np.ones((N, 4), dtype=np.float32)
    array[3, 2] = value
    return array


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (factors(item_factors=with_one(np.nan)), "1 of 472 numbers in item_factors are NaN or infinite"),
        (factors(history_factors=with_one(np.inf)), "1 of 472 numbers in history_factors are NaN or infinite"),
        (factors(item_factors=np.zeros((N, 0), np.float32)), r"item_factors is empty \(shape \(118, 0\)\)"),
        (factors(item_factors=np.ones((N - 1, 4), np.float32)), r"item_factors has shape \(117, 4\), not \(118, 4\)"),
        (factors(history_factors=np.ones((N, 5), np.float32)), r"history_factors has shape \(118, 5\)"),
        (PopularityScorer(np.ones(N + 1, np.float32)), "scores 119 movies, but was trained on 118"),
    ],
)
def test_broken_arrays_are_refused(one: Scorer, message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        check(candidate(one), popular(), popular())


@pytest.mark.parametrize(
    ("movies", "users", "message"),
    [
        (np.full((N, 4), np.nan), np.ones((USERS, 4)), "472 of 472 numbers in the embeddings of movies are NaN"),
        (np.ones((N, 4)), np.ones((USERS, 3)), r"embeddings of users have shape \(160, 3\), not \(160, 4\)"),
        (np.ones((N - 2, 4)), np.ones((USERS, 4)), r"embeddings of movies have shape \(116, 4\), not \(118, 4\)"),
        (np.ones((N, 4)), np.ones((0, 4)), "embeddings of users is empty"),
    ],
)
def test_broken_embeddings_are_refused(movies: Any, users: Any, message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        check(candidate(factors(), embeddings=Embeddings(movies, users)), popular(), popular())
