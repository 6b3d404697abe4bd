"""A blend is the weighted sum of its members' scores on one scale, apart by member and by movie, and the same again."""

from typing import Any

import numpy as np
import pytest

from cinegraph.errors import InvalidInput, NotEnoughData
from recommenders import registry
from recommenders.blend_scorer import BlendScorer
from recommenders.evaluation import compare
from recommenders.protocol import load_protocol
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import History, ItemItemScorer
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import SMALL, planted


def matrix(*rows: list[float]) -> ItemItemScorer:
    weights = np.array(rows, dtype=np.float32)
    return ItemItemScorer(weights, np.arange(len(rows), dtype=np.int32), np.ones(len(rows), dtype=np.float32))


FIRST = matrix([0, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0])
SECOND = matrix([0, 0, 10, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])
BLEND = BlendScorer((FIRST, SECOND), np.array([1.0, 0.5], dtype=np.float32))
MOVIE_0 = History(np.array([0], dtype=np.int32), np.ones(1, dtype=np.float32))


def blend(**config: Any) -> tuple[BlendScorer, Any]:
    model = registry.create("blend", SMALL["blend"] | config).fit(planted())
    scorer = model.scorer()
    assert isinstance(scorer, BlendScorer)
    return scorer, model.config


def test_a_score_is_the_weighted_sum_of_the_members_over_their_deviations() -> None:
    deviation = 3**0.5 / 4  # of one movie of four, for a score of 1
    expected = np.array([0, 4 / (4 * deviation), 0.5 * 10 / (10 * deviation), 0], dtype=np.float32)
    assert BLEND.score(MOVIE_0) == pytest.approx(expected, rel=1e-6)


def test_a_member_that_knows_nothing_of_the_history_counts_nothing() -> None:
    movie_2 = History(np.array([2], dtype=np.int32), np.ones(1, dtype=np.float32))
    assert BLEND.addends(movie_2, 3)[1] == (1.0, 0.0)  # the second one says how popular it is
    assert BLEND.score(movie_2) == pytest.approx(FIRST.score(movie_2) / FIRST.score(movie_2).std())


def test_a_history_that_says_nothing_gets_popularity() -> None:
    movie_1 = History(np.array([1], dtype=np.int32), np.ones(1, dtype=np.float32))
    assert BLEND.score(movie_1).tolist() == [1, 1, 1, 1]
    assert BLEND.contributions(movie_1, 0).tolist() == [0]


def test_contributions_and_addends_each_add_up_to_the_score() -> None:
    scorer, _ = blend()
    ratings = planted()
    for user in range(0, ratings.n_users, 40):
        history = ratings.history(user)
        scores = scorer.score(history)
        for movie in (0, 17, 60):
            assert scorer.contributions(history, movie).sum() == pytest.approx(scores[movie], abs=1e-4)
            assert sum(added for _, added in scorer.addends(history, movie)) == pytest.approx(scores[movie], abs=1e-5)


def test_many_histories_at_once_have_the_same_scores() -> None:
    scorer, _ = blend()
    ratings = planted()
    empty = np.zeros((1, ratings.n_movies), dtype=np.float32)
    together = scorer.score_many(ratings.liked[:5])
    for user in range(5):
        assert together[user] == pytest.approx(scorer.score(ratings.history(user)), abs=1e-4)
    assert scorer.score_many(type(ratings.liked)(empty))[0].tolist() == scorer.popularity.tolist()


def test_the_weights_are_learnt_once_and_kept_for_the_next_fit() -> None:
    scorer, config = blend()
    assert scorer.weights.tolist() == pytest.approx(list(config.weights))
    again = registry.create("blend", config.model_dump()).fit(planted()).scorer()
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in scorer.arrays().items())


def test_a_member_that_does_not_help_has_no_part() -> None:
    _, config = blend(members=("ease", "popular"))
    assert config.members == ("ease",)
    assert config.weights == (1.0,)


def test_it_is_again_what_its_arrays_say() -> None:
    scorer, _ = blend()
    again = scorer_from("blend", scorer.arrays())
    history = planted().history(3)
    assert again.score(history).tolist() == scorer.score(history).tolist()
    with pytest.raises(InvalidInput, match="weights"):
        scorer_from("blend", scorer.arrays() | {"weights": np.ones(3, dtype=np.float32)})


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 0.0), (1.0, -2.0)])
def test_weights_that_do_not_fit_are_named(weights: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"weights = \(1.0.*graphfilter, ials"):
        blend(weights=weights)


def test_a_member_with_a_weight_that_cannot_be_fitted_is_named() -> None:
    with pytest.raises(NotEnoughData, match="too little to fit content"):
        blend(members=("ease", "content"), weights=(1.0, 0.5))


def test_what_is_made_of_others_is_no_member() -> None:
    with pytest.raises(InvalidInput, match="members = .*'ensemble'.*name other models"):
        blend(members=("ease", "ensemble"))


def test_without_structure_in_the_likes_a_member_that_learns_noise_has_no_part() -> None:
    """Dealt out at random, likes say nothing of a user: iALS fits them all the same, and the blend sees that."""
    options = TrainingOptions(configs=SMALL, device="cpu", protocol=load_protocol("user_random"), final=False)
    found = train(planted(8, shuffled=True), ["blend"], options)
    row, members = found.result("blend"), ("graphfilter", "ials")
    assert row.config["members"] == ("graphfilter",)
    spread, factors = (compare(row.measured, found.result(name).measured, name, 0).difference for name in members)
    assert spread.low <= 0 <= spread.high
    assert factors.low > 0
