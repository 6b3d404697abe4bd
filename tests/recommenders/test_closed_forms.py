"""EASE and ItemKNN equal their formulas, written out over full matrices; folding in equals a fit."""

import numpy as np
import pytest

from cinegraph.errors import ModelTooLarge
from recommenders.model import FitOptions
from recommenders.models import ease, itemknn
from recommenders.models.ease import Ease
from recommenders.models.itemknn import ItemKNN
from recommenders.scorers import ItemItemScorer
from tests.recommenders.planted import planted


def formula_ease(l2: float) -> np.ndarray:
    """Steck 2019, equation 8."""
    x = planted().liked.toarray().astype(np.float64)
    precision = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    return weights


def formula_itemknn(neighbours: int, shrinkage: float) -> np.ndarray:
    """Cosine with shrinkage; column i keeps the nearest of i, of equals the first."""
    x = planted().liked.toarray().astype(np.float64)
    both, likes = x.T @ x, x.sum(axis=0)
    near = both / (np.sqrt(np.outer(likes, likes)) + shrinkage)
    np.fill_diagonal(near, 0)
    weights = np.zeros_like(near)
    for movie in range(len(near)):
        best = sorted(range(len(near)), key=lambda other: (-near[movie, other], other))[:neighbours]
        weights[best, movie] = near[movie, best]
    return weights


def scores_of(scorer: ItemItemScorer) -> np.ndarray:
    """Folded in, for every user."""
    data = planted()
    return np.stack([scorer.score(data.history(user)) for user in range(data.n_users)])


@pytest.mark.parametrize("l2", [1.0, 50.0, 1000.0])
def test_ease_folded_in_is_the_full_matrix_formula(l2: float) -> None:
    scorer = Ease(ease.Config(l2=l2)).fit(planted()).scorer()
    assert isinstance(scorer, ItemItemScorer)
    assert scores_of(scorer) == pytest.approx(planted().liked.toarray() @ formula_ease(l2), abs=1e-5)


@pytest.mark.parametrize("block", [7, 512])
def test_both_ways_to_ease_give_the_same_weights(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "BLOCK", block)
    liked = planted().liked.astype(np.float64)
    by_movies, by_users = ease._by_movies(liked, 50.0), ease._by_users(liked, 50.0)
    assert by_movies == pytest.approx(formula_ease(50.0), abs=1e-6)
    assert by_users == pytest.approx(by_movies, abs=1e-6)


def test_fewer_users_than_movies_take_the_way_over_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ease, "_by_movies", None)
    data = planted()
    few = data.subset(data.user_index < 60)
    assert Ease(ease.Config(min_likes=1)).fit(few).scorer().is_personal(few.history(0))


def test_movies_with_too_few_likes_take_no_part_in_ease() -> None:
    scorer = Ease(ease.Config(min_likes=25)).fit(planted()).scorer()
    assert isinstance(scorer, ItemItemScorer)
    likes = planted().likes()
    assert scorer.items.tolist() == np.flatnonzero(likes >= 25).tolist()
    assert not scorer.score(planted().history(0))[likes < 25].any()


def test_too_large_a_catalogue_is_refused_before_it_begins() -> None:
    message = "59,047 movies and 162,541 users needs about 97,623 MB, more than memory_mb = 6,000; train sparse_ease"
    with pytest.raises(ModelTooLarge, match=message):
        Ease(ease.Config())._check_memory(162_541, 59_047)


@pytest.mark.parametrize(("neighbours", "shrinkage"), [(1, 0.0), (5, 5.0), (200, 20.0)])
def test_itemknn_folded_in_is_the_full_matrix_formula(neighbours: int, shrinkage: float) -> None:
    config = itemknn.Config(neighbours=neighbours, shrinkage=shrinkage)
    scorer = ItemKNN(config).fit(planted(), FitOptions()).scorer()
    assert isinstance(scorer, ItemItemScorer)
    expected = planted().liked.toarray() @ formula_itemknn(neighbours, shrinkage)
    assert scores_of(scorer) == pytest.approx(expected, abs=1e-5)


def test_itemknn_in_small_blocks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ItemKNN(itemknn.Config()).fit(planted()).scorer().arrays()
    monkeypatch.setattr(itemknn, "BLOCK", 7)
    parts = ItemKNN(itemknn.Config()).fit(planted()).scorer().arrays()
    assert all(parts[name].tobytes() == array.tobytes() for name, array in whole.items())
