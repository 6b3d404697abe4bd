"""Movies that nobody has rated: where they stand, why, and that every other answer stays as it was."""

import numpy as np
import pytest
from scipy import sparse

from recommenders.arrays import Csr
from recommenders.newcomers import DISCOUNT, WithNewcomers, with_newcomers
from recommenders.scorers import FactorScorer, History, ItemItemScorer, Scorer
from tests.published import FACTORS, ITEM_ITEM, POPULAR

ALIEN, BLADE_RUNNER, GLADIATOR, AMELIE, UNDATED = range(5)
SEQUEL, STRANGER = 5, 6
CONTENT = sparse.csr_array(
    np.array(
        [
            [1, 0, 0],
            [0.6, 0.8, 0],
            [0, 1, 0],
            [0, 0, 1],
            [0, 0, 0],
            [1, 0, 0],  # of the same people as Alien
            [0, 0, 0],  # nothing is known of it
        ],
        dtype=np.float64,
    )
)
EACH = pytest.mark.parametrize("base", [ITEM_ITEM, FACTORS], ids=["item_item", "factors"])


def whole(base: Scorer) -> WithNewcomers:
    found = with_newcomers(base, CONTENT)
    assert isinstance(found, WithNewcomers)
    return found


def likes(*items: int) -> History:
    return History.from_ratings(list(items), [5.0] * len(items))


def test_a_newcomer_gets_a_part_of_the_mean_of_those_it_is_like() -> None:
    """The sequel is like Alien by 1 and like Blade Runner by .6, whose cubes are 1 and .216."""
    scores = whole(ITEM_ITEM).score(likes(GLADIATOR))
    mean = (0.25 * 1 + 0.375 * 0.216) / 1.216
    assert scores[SEQUEL] == pytest.approx(DISCOUNT * mean, abs=1e-6)
    assert scores[STRANGER] == 0


@EACH
def test_known_movies_keep_their_scores(base: ItemItemScorer | FactorScorer) -> None:
    found = whole(base)
    for history in (likes(ALIEN), likes(BLADE_RUNNER, AMELIE), likes(ALIEN, GLADIATOR, UNDATED)):
        assert found.score(history)[:4].tolist() == base.score(history)[:4].tolist()
        assert found.similar(ALIEN, 3).items.tolist() == base.similar(ALIEN, 3).items.tolist()


@EACH
def test_contributions_add_up_for_newcomers_too(base: ItemItemScorer | FactorScorer) -> None:
    found = whole(base)
    for history in (likes(ALIEN), likes(BLADE_RUNNER, AMELIE), likes(ALIEN, SEQUEL, GLADIATOR)):
        scores = found.score(history)
        for movie in range(7):
            parts = found.contributions(history, movie)
            assert parts.shape == (len(history),)
            assert parts.sum() == pytest.approx(scores[movie], abs=1e-5)


@EACH
def test_who_likes_nothing_known_gets_popularity(base: ItemItemScorer | FactorScorer) -> None:
    found = whole(base)
    for history in (likes(), likes(SEQUEL)):
        assert not found.is_personal(history)
        assert found.score(history).tolist() == [4, 5, 3, 3, 0, 0, 0]
        assert found.contributions(history, SEQUEL).tolist() == [0.0] * len(history)


@EACH
def test_many_histories_score_as_each_alone(base: ItemItemScorer | FactorScorer) -> None:
    found, histories = whole(base), [likes(ALIEN), likes(), likes(BLADE_RUNNER, AMELIE), likes(SEQUEL)]
    rows = sparse.csr_array(
        np.array([[float(item in history.items) for item in range(7)] for history in histories], dtype=np.float32)
    )
    alone = np.stack([found.score(history) for history in histories])
    assert found.score_many(rows) == pytest.approx(alone, abs=1e-5)


def test_similar_to_a_newcomer_are_those_it_is_scored_by() -> None:
    found = whole(ITEM_ITEM).similar(SEQUEL, 5)
    assert found.items.tolist() == [ALIEN, BLADE_RUNNER]
    assert whole(ITEM_ITEM).similar(STRANGER, 5).items.tolist() == []


def test_one_of_the_models_own_movies_that_nobody_likes_is_a_newcomer_too() -> None:
    content = CONTENT[[0, 1, 2, 3, 2]]
    scores = with_newcomers(ITEM_ITEM, content).score(likes(ALIEN))
    assert scores[UNDATED] == pytest.approx(DISCOUNT * (0.25 + 0.512 * 0.5) / 1.512, abs=1e-6)
    assert ITEM_ITEM.score(likes(ALIEN))[UNDATED] == 0


def test_one_that_weights_lead_to_is_none() -> None:
    """As in a model that learns from the catalogue: it has a score of its own."""
    weights = Csr(sparse.csr_array(np.array([[0, 0.5, 0, 0, 0.75], *np.zeros((4, 5))], np.float32)))
    base = ItemItemScorer(weights, np.arange(5, dtype=np.int32), ITEM_ITEM.popularity)
    assert with_newcomers(base, CONTENT[[0, 1, 2, 3, 2]]).score(likes(ALIEN))[UNDATED] == 0.75


def test_without_newcomers_the_scorer_is_the_same() -> None:
    popular = FactorScorer(FACTORS.history_factors, FACTORS.item_factors, np.ones(5, np.float32))
    assert with_newcomers(popular, CONTENT[:5]) is popular


def test_popularity_knows_no_newcomers() -> None:
    assert with_newcomers(POPULAR, CONTENT).score(likes(ALIEN)).tolist() == [4, 5, 3, 3, 0, 0, 0]
