"""GraphFilter equals its formula, written out over full matrices; its scorer equals one dense matrix."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from recommenders.filter_scorer import FilterScorer
from recommenders.interactions import Interactions
from recommenders.models import graph_filter
from recommenders.models.graph_filter import Config, GraphFilter, eigen
from recommenders.scorers import History
from tests.recommenders.planted import planted

LIKED = {"ann": "ab", "bob": "bc", "eve": "b"}
"""Three movies in a row, a - b - c, by three users."""


def row_of_three() -> Interactions:
    """The same as interactions."""
    rows = [(user, movie, 5.0, 1) for user, movies in LIKED.items() for movie in movies]
    return Interactions.from_frame(pl.DataFrame(rows, ["user_id", "movie_id", "rating", "at"], orient="row"))


def scorer_of(data: Interactions, **config: Any) -> FilterScorer:
    """Fitted with this configuration."""
    scorer = GraphFilter(Config(**config)).fit(data).scorer()
    assert isinstance(scorer, FilterScorer)
    return scorer


def whole(scorer: FilterScorer) -> np.ndarray:
    """The weights of both parts in one dense matrix (movies, movies)."""
    n = len(scorer.popularity)
    dense = np.zeros((n, n))
    dense[np.ix_(scorer.items, scorer.items)] = scorer.weights.toarray()
    vectors, root, s = scorer.vectors.astype(np.float64), scorer.root, len(scorer.sharpen)
    smooth = vectors * scorer.low_pass @ vectors.T * np.outer(1 / root, root)
    return dense + smooth - vectors[:, :s] * scorer.sharpen @ vectors[:, :s].T


def formula(x: np.ndarray, config: Config) -> np.ndarray:
    """What the module's docstring says, by the full eigendecomposition."""
    of_user, of_movie = x.sum(axis=1), x.sum(axis=0)
    user, movie = of_user / of_user.mean(), of_movie / of_movie.mean()
    links = x.T @ np.diag(user**-config.user_exponent) @ x / (of_user.mean() * of_movie.mean())
    links *= np.outer(movie**-config.from_exponent, movie**-config.to_exponent)
    np.fill_diagonal(links, 0)
    normal = x / np.sqrt(np.outer(of_user, of_movie))
    values, vectors = np.linalg.eigh(normal.T @ normal)
    values, vectors = values[::-1], vectors[:, ::-1]
    low, sharp, root = vectors[:, : config.factors], slice(0, config.sharpen_factors), np.sqrt(of_movie)
    smooth = low @ low.T * np.outer(1 / root, root)
    sharpened = vectors[:, sharp] * values[sharp] ** 2 @ vectors[:, sharp].T
    return links + config.low_pass * smooth - config.sharpen * sharpened


def test_links_of_three_movies_in_a_row_by_hand() -> None:
    """a and c have one like, b has 3, 5/3 in the mean; ann and bob have two, eve one, 5/3 in the mean too."""
    scorer = scorer_of(row_of_three(), user_exponent=1, from_exponent=2, to_exponent=1, low_pass=0, sharpen=0)
    a_to_b = 0.5 * (5 / 3) ** 2 / 3
    b_to_a = 0.5 * (5 / 3) ** 2 / 9
    expected = [[0, a_to_b, 0], [b_to_a, 0, b_to_a], [0, a_to_b, 0]]
    assert whole(scorer) == pytest.approx(np.array(expected), abs=1e-7)


def test_the_low_pass_and_the_sharpening_of_three_movies_by_hand() -> None:
    """The largest eigenvalue is 1, of the vector of the roots of the degrees: (1, sqrt 3, 1) / sqrt 5."""
    scorer = scorer_of(row_of_three(), factors=1, sharpen_factors=1, low_pass=1, sharpen=0)
    weights = whole(scorer) - scorer.weights.toarray()
    assert weights == pytest.approx(np.tile([0.2, 0.6, 0.2], (3, 1)), abs=1e-6)
    scorer = scorer_of(row_of_three(), factors=1, sharpen_factors=1, low_pass=0, sharpen=1)
    root = np.array([1, 3**0.5, 1])
    assert whole(scorer) - scorer.weights.toarray() == pytest.approx(-np.outer(root, root) / 5, abs=1e-6)


@pytest.mark.parametrize("data", [row_of_three(), planted()], ids=["three", "planted"])
@pytest.mark.parametrize("factors", [1, 2])
def test_the_weights_are_the_formula_over_full_matrices(data: Interactions, factors: int) -> None:
    config = Config(factors=factors, sharpen_factors=1, low_pass=0.3, sharpen=0.6)
    expected = formula(data.liked.toarray().astype(np.float64), config)
    assert whole(scorer_of(data, **config.model_dump())) == pytest.approx(expected, abs=1e-6)


def test_small_blocks_give_the_same_links(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = scorer_of(planted()).arrays()
    monkeypatch.setattr(graph_filter, "BLOCK", 7)
    again = scorer_of(planted()).arrays()
    assert all(again[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_a_movie_keeps_its_strongest_links_only() -> None:
    every, some = scorer_of(planted()).weights, scorer_of(planted(), neighbours=3).weights
    assert np.diff(some.indptr).tolist() == [3] * len(planted().movies)
    for movie in range(len(planted().movies)):
        best = np.sort(every[[movie]].toarray()[0])[::-1][:3]
        assert np.sort(some[[movie]].toarray()[0])[::-1][:3].tolist() == best.tolist()


def test_eigenvalues_are_those_of_the_full_matrix_and_none_is_zero() -> None:
    matrix = sparse.csr_array(np.random.default_rng(1).random((30, 20)) @ np.diag([1.0] * 8 + [0.0] * 12))
    values, vectors = eigen(matrix, 15, seed=0)
    expected = np.linalg.eigvalsh((matrix.T @ matrix).toarray())[::-1]
    assert values == pytest.approx(expected[:8], rel=1e-9)
    assert vectors.T @ vectors == pytest.approx(np.eye(8), abs=1e-9)


def test_a_score_is_the_history_times_one_dense_matrix() -> None:
    data, scorer = planted(), scorer_of(planted(), factors=16, sharpen_factors=8)
    for user in range(0, data.n_users, 20):
        history = data.history(user)
        assert scorer.score(history) == pytest.approx(whole(scorer)[history.items].sum(axis=0), abs=1e-5)


def test_similar_takes_the_stronger_direction_of_both_parts_together() -> None:
    scorer = scorer_of(planted(), factors=16, sharpen_factors=8)
    weights = whole(scorer)
    for movie in (0, 50, 117):
        found, expected = scorer.similar(movie, 5), np.maximum(weights[movie], weights[:, movie])
        expected[movie] = 0
        assert found.scores == pytest.approx(np.sort(expected)[::-1][:5], abs=1e-6)
        assert movie not in found.items


def test_a_movie_without_a_link_to_any_other_still_counts_by_its_vector() -> None:
    empty = sparse.csr_array((2, 2), dtype=np.float32)
    items, likes = np.arange(2, dtype=np.int32), np.ones(2, dtype=np.float32)
    vectors, root = np.array([[1.0, 2.0], [0.0, 0.0]], dtype=np.float32), np.array([2.0, 1.0], dtype=np.float32)
    weighed = np.array([3.0, 1.0], dtype=np.float32), np.array([0.5], dtype=np.float32)
    scorer = FilterScorer(empty, items, vectors, root, *weighed, likes)
    assert scorer.score(History.from_ratings([0], [5.0])).tolist() == [3 + 4 - 0.5, 0]
    assert scorer.score(History.from_ratings([1], [5.0])).tolist() == likes.tolist()
