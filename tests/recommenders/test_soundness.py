"""A model whose arrays are broken is never served, and the message says which array, and how."""

from typing import Any

import numpy as np
import pytest

from cinegraph.errors import ModelRefused
from recommenders.model import Embeddings
from recommenders.results import Fitted
from recommenders.scorers import FactorScorer, PopularityScorer, Scorer
from recommenders.soundness import check_arrays
from tests.recommenders.planted import planted

N, USERS = planted().n_movies, planted().n_users


def fitted(one: Scorer, embeddings: Embeddings | None = None) -> Fitted:
    """Over the planted movies and users."""
    return Fitted("lightgcn", {}, one, embeddings, planted().movies, planted().users)


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
        check_arrays(fitted(one))


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
        check_arrays(fitted(factors(), Embeddings(movies, users)))


def test_whole_arrays_are_not_refused() -> None:
    check_arrays(fitted(factors(), Embeddings(np.ones((N, 4), np.float32), np.ones((USERS, 4), np.float32))))
