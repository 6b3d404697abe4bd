"""Scorers: one place for weights, parts that add up, popularity where a history says nothing."""

import numpy as np
import pytest
from scipy import sparse

from cinegraph.errors import InvalidInput
from recommenders.filter_scorer import FilterScorer
from recommenders.least_squares_scorer import LeastSquaresScorer
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import (
    FactorScorer,
    History,
    ItemItemScorer,
    PopularityScorer,
    Scorer,
    weights_of,
)

N = 7
POPULARITY = np.array([3, 9, 1, 0, 9, 2, 4], dtype=np.float32)
ITEMS = np.array([0, 1, 2, 4, 5], dtype=np.int32)


def dense() -> ItemItemScorer:
    """Weights over five of seven movies."""
    weights = np.random.default_rng(1).normal(size=(5, 5)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return ItemItemScorer(weights, ITEMS, POPULARITY)


def sparse_one() -> ItemItemScorer:
    """The same, half of it, as CSR."""
    weights = np.maximum(dense().arrays()["weights"], 0)
    return ItemItemScorer(sparse.csr_array(weights), ITEMS, POPULARITY)


def factors() -> FactorScorer:
    """Vectors of five of seven movies."""
    rng = np.random.default_rng(2)
    pair = np.zeros((2, N, 4), dtype=np.float32)
    pair[:, ITEMS] = rng.normal(size=(2, 5, 4))
    return FactorScorer(pair[0], pair[1], POPULARITY)


def both() -> FilterScorer:
    """The sparse weights and a spectrum together."""
    vectors, root = factors().item_factors, np.linspace(1, 3, N, dtype=np.float32)
    low_pass, sharpen = np.array([0.9, 0.5, 0.4, 0.2], np.float32), np.array([0.3, 0.1], np.float32)
    return FilterScorer(sparse_one().weights, ITEMS, vectors, root, low_pass, sharpen, POPULARITY)


def least_squares() -> LeastSquaresScorer:
    """The vectors of movies alone, with what users are solved with."""
    items = factors().item_factors
    gram = 0.1 * items.T.astype(np.float64) @ items
    return LeastSquaresScorer(items, gram, np.array([0.2, 0.5, 0.5]), POPULARITY)


EACH = [dense(), sparse_one(), factors(), both(), least_squares()]
KINDS = ["dense", "sparse", "factors", "graph_filter", "least_squares"]
PERSONAL = pytest.mark.parametrize("scorer", EACH, ids=KINDS)
HISTORY = History.from_ratings([4, 0, 5, 3], [4.0, 5.0, 2.0, 4.5])


def test_only_ratings_of_four_and_more_weigh() -> None:
    assert weights_of([0.5, 3.5, 4.0, 5.0]).tolist() == [0, 0, 1, 1]
    assert HISTORY.items.tolist() == [0, 3, 4]
    assert HISTORY.weights.tolist() == [1, 1, 1]


def test_of_a_movie_given_twice_the_last_rating_counts() -> None:
    assert History.from_ratings([1, 1], [5.0, 2.0]).items.tolist() == []
    assert History.from_ratings([1, 1], [2.0, 5.0]).items.tolist() == [1]


def test_item_item_scores_are_sums_of_rows() -> None:
    weights = dense().weights
    assert isinstance(weights, np.ndarray)
    found = dense().score(HISTORY)
    assert found[ITEMS] == pytest.approx(weights[0] + weights[3], abs=1e-6)
    assert found[[3, 6]].tolist() == [0, 0]


def test_factor_scores_are_products_with_the_folded_vector() -> None:
    scorer = factors()
    user = (scorer.history_factors[0] + scorer.history_factors[3] + scorer.history_factors[4]) / np.sqrt(3)
    assert scorer.user_vector(HISTORY) == pytest.approx(user, abs=1e-6)
    assert scorer.score(HISTORY) == pytest.approx(scorer.item_factors @ user, abs=1e-6)


@PERSONAL
def test_contributions_add_up_to_the_score(scorer: Scorer) -> None:
    for movie in range(N):
        parts = scorer.contributions(HISTORY, movie)
        assert parts.shape == (3,)
        assert parts.sum() == pytest.approx(scorer.score(HISTORY)[movie], abs=1e-5)


@PERSONAL
def test_candidates_have_the_same_bytes_as_in_the_whole(scorer: Scorer) -> None:
    some = np.array([6, 1, 2], dtype=np.int32)
    for history in (HISTORY, History.from_ratings([], [])):
        assert scorer.score(history, some).tobytes() == scorer.score(history)[some].tobytes()


@PERSONAL
@pytest.mark.parametrize("history", [History.from_ratings([], []), History.from_ratings([3, 6], [5, 5])])
def test_a_history_that_says_nothing_gets_popularity(scorer: Scorer, history: History) -> None:
    assert not scorer.is_personal(history)
    assert scorer.score(history).tolist() == POPULARITY.tolist()
    assert scorer.contributions(history, 1).tolist() == [0.0] * len(history)


@PERSONAL
def test_similar_are_the_highest_above_zero_and_never_the_movie_itself(scorer: Scorer) -> None:
    for movie in range(N):
        found = scorer.similar(movie, 2)
        assert movie not in found.items
        assert len(found.items) <= 2
        assert (found.scores > 0).all()
        assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert len(scorer.similar(3, 5).items) == 0


def test_similar_takes_the_stronger_direction() -> None:
    weights = np.array([[0, 0.5, 0], [0.9, 0, 0], [0.7, 0.1, 0]], dtype=np.float32)
    every, popularity = np.arange(3, dtype=np.int32), np.ones(3, dtype=np.float32)
    for matrix in (weights, sparse.csr_array(weights)):
        found = ItemItemScorer(matrix, every, popularity).similar(0, 5)
        assert found.items.tolist() == [1, 2]
        assert found.scores.tolist() == pytest.approx([0.9, 0.7])


def test_popularity_knows_nothing_similar() -> None:
    assert len(PopularityScorer(POPULARITY).similar(1, 5).items) == 0


def test_a_long_history_is_summed_in_parts() -> None:
    n = 600
    weights = np.random.default_rng(3).normal(size=(n, n)).astype(np.float32)
    scorer = ItemItemScorer(weights, np.arange(n, dtype=np.int32), np.ones(n, dtype=np.float32))
    history = History.from_ratings(range(550), [5.0] * 550)
    assert scorer.score(history) == pytest.approx(weights[:550].sum(axis=0, dtype=np.float64), abs=1e-4)


@pytest.mark.parametrize(
    "scorer",
    [PopularityScorer(POPULARITY), *EACH],
    ids=["popular", *KINDS],
)
def test_a_scorer_is_the_same_again_from_its_arrays(scorer: Scorer) -> None:
    again = scorer_from(scorer.kind, scorer.arrays())
    assert again.score(HISTORY).tobytes() == scorer.score(HISTORY).tobytes()
    assert again.contributions(HISTORY, 1).tobytes() == scorer.contributions(HISTORY, 1).tobytes()


@pytest.mark.parametrize(
    "scorer",
    [PopularityScorer(POPULARITY), *EACH],
    ids=["popular", *KINDS],
)
def test_many_histories_score_as_each_alone(scorer: Scorer) -> None:
    histories = [HISTORY, *(History.from_ratings(items, [5.0] * len(items)) for items in ([], [3, 6], [1], range(N)))]
    weights = np.zeros((len(histories), N), dtype=np.float32)
    for row, history in enumerate(histories):
        weights[row, history.items] = history.weights
    found = scorer.score_many(sparse.csr_array(weights))
    assert found.dtype == np.float32
    assert found == pytest.approx(np.stack([scorer.score(history) for history in histories]), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("item_item", {"weights": np.zeros((5, 4), np.float32)}, r"weights has shape \(5, 4\), not \(5, 5\)"),
        ("item_item", {"items": np.array([0, 1, 2, 4, 9], np.int32)}, "items are not rising positions below 7"),
        ("item_item", {"items": np.array([0, 0, 1, 2, 3], np.int32)}, "items are not rising positions below 7"),
        ("factors", {"item_factors": np.zeros((6, 4), np.float32)}, r"item_factors has shape \(6, 4\)"),
        ("factors", {"history_factors": np.zeros((7, 3), np.float32)}, r"history_factors has shape \(7, 3\)"),
        ("factors", {"more": np.zeros(3, np.float32)}, "cannot be made from .*'more'"),
        ("graph_filter", {"items": np.array([0, 1, 2, 4, 9], np.int32)}, "items are not rising positions below 7"),
        ("graph_filter", {"vectors": np.zeros((6, 4), np.float32)}, r"vectors has shape \(6, 4\)"),
        ("graph_filter", {"sharpen": np.zeros(5, np.float32)}, r"sharpen has shape \(5,\), not \(4,\)"),
        ("graph_filter", {"root": np.zeros(7, np.float32)}, "root has a value that is not a number above 0"),
        ("graph_filter", {"root": np.full(7, np.inf, np.float32)}, "root has a value that is not a number above 0"),
        ("graph_filter", {"low_pass": np.zeros((4, 1), np.float32)}, r"low_pass has shape \(4, 1\), not \(4,\)"),
        ("graph_filter", {"low_pass": np.zeros(3, np.float32)}, r"vectors has shape \(7, 4\)"),
        ("popularity", {"popularity": np.zeros((7, 1), np.float32)}, r"popularity has shape \(7, 1\)"),
        ("neural", {}, "no kind of scorer 'neural'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(kind: str, change: dict[str, np.ndarray], message: str) -> None:
    personal: dict[str, Scorer] = {"item_item": dense(), "factors": factors(), "graph_filter": both()}
    made = {**personal, "popularity": PopularityScorer(POPULARITY)}
    arrays = {**(made[kind].arrays() if kind in made else {}), **change}
    with pytest.raises(InvalidInput, match=message):
        scorer_from(kind, arrays)


def test_csr_that_points_outside_is_refused() -> None:
    arrays = sparse_one().arrays()
    with pytest.raises(InvalidInput, match="cannot be made"):
        scorer_from("item_item", {**arrays, "weights_indices": arrays["weights_indices"] + 40})
