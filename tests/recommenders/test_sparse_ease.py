"""SparseEase: EASE itself where the support is the whole catalogue, else a ridge regression on the nearest."""

import numpy as np
import pytest

from recommenders.models.ease import Config as EaseConfig
from recommenders.models.ease import Ease
from recommenders.models.sparse_ease import Config, Near, SparseEase
from recommenders.scorers import ItemItemScorer
from tests.recommenders.planted import planted


def scorer_of(**config: float) -> ItemItemScorer:
    """Fitted with this configuration."""
    scorer = SparseEase(Config.model_validate(config)).fit(planted()).scorer()
    assert isinstance(scorer, ItemItemScorer)
    return scorer


def dense(scorer: ItemItemScorer) -> np.ndarray:
    """The weights as one matrix (movies, movies)."""
    weights = scorer.weights
    return weights if isinstance(weights, np.ndarray) else weights.toarray()


@pytest.mark.parametrize("block", [1, 7, 500])
def test_over_the_whole_catalogue_it_is_ease(block: int) -> None:
    ease = Ease(EaseConfig(l2=50.0)).fit(planted()).scorer()
    assert isinstance(ease, ItemItemScorer)
    found = scorer_of(l2=50.0, support=500, block=block, neighbours=500)
    assert found.items.tolist() == ease.items.tolist()
    assert dense(found) == pytest.approx(dense(ease), abs=1e-6)


def test_a_column_is_the_ridge_regression_of_the_movie_on_those_nearest_to_it() -> None:
    x, near = planted().liked.toarray().astype(np.float64), Near.of(planted().liked)
    weights = dense(scorer_of(l2=20.0, support=30, block=1, neighbours=500))
    for movie in range(0, x.shape[1], 9):
        support = near.support(np.array([movie]), 30)
        others = support[support != movie]
        expected = np.zeros(x.shape[1])
        normal = x[:, others].T @ x[:, others] + 20.0 * np.eye(len(others))
        expected[others] = np.linalg.solve(normal, x[:, others].T @ x[:, movie])
        assert weights[:, movie] == pytest.approx(expected, abs=1e-6)


def test_a_support_is_the_block_and_those_with_the_largest_cosines() -> None:
    x, near, block = planted().liked.toarray().astype(np.float64), Near.of(planted().liked), np.array([10, 50])
    lengths = np.linalg.norm(x, axis=0)
    cosines = (x.T @ x / np.outer(lengths, lengths))[block].sum(axis=0)
    assert near.cosines(block) == pytest.approx(cosines, abs=1e-12)
    others = [movie for movie in np.argsort(-cosines, kind="stable").tolist() if movie not in (10, 50)]
    assert near.support(block, 20).tolist() == sorted([10, 50, *others[:18]])


def test_every_movie_is_in_one_block_and_the_most_popular_are_first() -> None:
    near = Near.of(planted().liked)
    blocks = list(near.blocks(25))
    assert [len(block) for block in blocks] == [25, 25, 25, 25, 18]
    assert sorted(np.concatenate(blocks).tolist()) == list(range(118))
    assert int(np.argmax(planted().likes())) in blocks[0].tolist()


def test_a_movie_keeps_its_largest_weights_only() -> None:
    every, some = dense(scorer_of(l2=50.0, neighbours=500)), dense(scorer_of(l2=50.0, neighbours=5))
    assert (some != 0).sum(axis=0).tolist() == [5] * 118
    for movie in range(118):
        kept = np.flatnonzero(some[:, movie])
        assert some[kept, movie].tolist() == every[kept, movie].tolist()
        assert sorted(np.abs(every[kept, movie])) == sorted(np.abs(every[:, movie]))[-5:]


def test_movies_with_too_few_likes_take_no_part() -> None:
    scorer, likes = scorer_of(min_likes=25), planted().likes()
    assert scorer.items.tolist() == np.flatnonzero(likes >= 25).tolist()
    assert not scorer.score(planted().history(0))[likes < 25].any()
