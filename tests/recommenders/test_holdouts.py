"""Hidden movies and hidden users: in no part before their own."""

import numpy as np
import pytest

from cinegraph.errors import NotEnoughData
from recommenders.evaluation import ask
from recommenders.holdouts import cold_movies, cold_users
from recommenders.scorers import PopularityScorer
from tests.recommenders.planted import planted

WHOLE = planted()


def test_a_hidden_movie_has_ratings_in_its_own_part_alone() -> None:
    split = cold_movies(WHOLE, 0.1, seed=3)
    validation, test = split.candidates["validation"], split.candidates["test"]
    assert (validation.sum(), test.sum(), (validation & test).sum()) == (12, 12, 0)
    assert set(np.flatnonzero(np.bincount(split.test.movie_index, minlength=WHOLE.n_movies))) == set(
        np.flatnonzero(test)
    )
    assert not np.isin(split.train.movie_index, np.flatnonzero(validation | test)).any()
    assert not np.isin(split.validation.movie_index, np.flatnonzero(test)).any()


def test_hidden_movies_are_ranked_among_themselves() -> None:
    split = cold_movies(WHOLE, 0.1, seed=3)
    found = ask(PopularityScorer(WHOLE.likes()), split.question("test"))
    shown = found.lists[found.lists >= 0]
    assert set(shown.tolist()) <= set(np.flatnonzero(split.candidates["test"]).tolist())
    assert len(found.users) == split.test_users > 50


def test_of_a_hidden_user_nothing_is_trained_on() -> None:
    split = cold_users(WHOLE, 0.1, (0, 1, 3, 5, 10), seed=5)
    users = [set(part.user_index.tolist()) for part in (split.train, split.validation, split.test)]
    assert [len(one) for one in users] == [128, 16, 16]
    assert not users[0] & (users[1] | users[2])


def test_openings_hold_the_first_likes_and_what_is_asked_comes_after_them() -> None:
    split = cold_users(WHOLE, 0.1, (0, 1, 3, 5, 10), seed=5)
    asked = [split.question("test", count) for count in (0, 1, 3, 5, 10)]
    assert len({one.target.at.tobytes() for one in asked}) == 1
    for count, one in zip((0, 1, 3, 5, 10), asked, strict=True):
        for user in one.users.tolist():
            history = one.known.history(user)
            assert len(history) == count
            known = one.known.at[one.known.user_index == user]
            later = one.target.at[one.target.user_index == user]
            assert not len(known) or known.max() < later.min()
            assert not np.isin(history.items, one.target.history(user).items).any()
    assert split.question("test").known.history(int(asked[-1].users[0])).items.shape == (10,)


def test_an_unknown_user_can_be_asked_too() -> None:
    split = cold_users(WHOLE, 0.1, (0, 10), seed=5)
    found = ask(PopularityScorer(split.train.likes()), split.question("test", 0))
    assert len(found.users) == 16
    assert (found.ndcg_at_10 > 0).any()


def test_too_few_to_hide_are_said() -> None:
    with pytest.raises(NotEnoughData, match="118 are too few to hide two parts of 0.5"):
        cold_movies(WHOLE, 0.5)
