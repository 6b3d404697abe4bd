"""What a ranker learns from: the right likes are known, and the right ones are to be found."""

import numpy as np
import polars as pl
import pytest

from cinegraph.errors import NotEnoughData
from recommenders import registry
from recommenders.interactions import Interactions
from recommenders.lessons import OPENINGS, Case, drawn, last_likes, lesson_of, movie_features, openings, without
from recommenders.ranking import top_k
from tests.recommenders.planted import catalogue, planted

RATED = [("a", 5.0), ("b", 2.0), ("c", 4.0), ("d", 1.0), ("e", 4.5), ("f", 4.0)]
"""What one user did, in the order of time."""


def ratings() -> Interactions:
    rows = [{"user_id": "u", "movie_id": movie, "rating": rating, "at": at} for at, (movie, rating) in enumerate(RATED)]
    other = {"user_id": "v", "movie_id": "f", "rating": 5.0, "at": 0}
    return Interactions.from_frame(pl.DataFrame([*rows, other]))


def said(case: Case, movies: list[str]) -> tuple[str, str, str]:
    parts = (case.history.items, case.seen, case.wanted)
    history, seen, wanted = ("".join(movies[item] for item in part.tolist()) for part in parts)
    return history, seen, wanted


def test_an_opening_ends_before_the_next_like_and_all_later_likes_are_wanted() -> None:
    whole = ratings()
    cases = [said(case, whole.movies.tolist()) for case in openings(whole, np.array([0, 1], np.int32), (1, 2, 4))]
    assert cases == [("a", "ab", "cef"), ("ac", "abcd", "ef")], "after four likes nothing is wanted any more"


def test_nobody_else_opens() -> None:
    assert {len(case.history) for case in openings(planted(), np.array([3], np.int32))} == set(OPENINGS)
    assert list(openings(planted(), np.array([], np.int32))) == []


def test_last_likes_are_those_of_the_users_asked() -> None:
    whole = ratings()
    known, target = whole.subset(whole.at < 4), whole.subset(whole.at >= 4)
    cases = [said(case, whole.movies.tolist()) for case in last_likes(known, target, np.array([0], np.int32))]
    assert cases == [("ac", "abcd", "ef")]
    assert list(last_likes(known, target, np.array([1], np.int32))) == []


def test_rows_are_the_best_of_each_member_that_were_not_seen() -> None:
    whole = planted()
    members = tuple(registry.create(name).fit(whole).scorer() for name in ("itemknn", "ease"))
    user = 4
    case = Case(whole.history(user), whole.seen_by(user), np.array([0, 5], np.int32))
    own = movie_features(whole, None)
    lesson = lesson_of(members, [case], own, candidates=10)
    free = np.ones(whole.n_movies, np.bool_)
    free[case.seen] = False
    best = np.unique(np.concatenate([top_k(one.score(case.history), free, 10).items for one in members]))
    assert lesson.counts.tolist() == [len(best)]
    assert lesson.liked.tolist() == [int(movie in (0, 5)) for movie in best.tolist()]
    assert lesson.features[:, 2:].tolist() == own[best].tolist()


def test_wanted_movies_that_nobody_finds_teach_nothing() -> None:
    members = (registry.create("ease").fit(planted()).scorer(),)
    case = Case(planted().history(0), planted().seen_by(0), np.array([], np.int32))
    with pytest.raises(NotEnoughData, match="no last rating is for a movie that a member finds"):
        lesson_of(members, [case], movie_features(planted(), None), candidates=10)


def test_users_are_drawn_by_the_seed_and_bounded() -> None:
    users = np.arange(40, dtype=np.int32)
    assert len(drawn(users, 0.25, 100, seed=1)) == 10
    assert drawn(users, 1.0, 7, seed=1).tolist() == drawn(users, 1.0, 7, seed=1).tolist()
    assert drawn(users, 1.0, 7, seed=1).tolist() != drawn(users, 1.0, 7, seed=2).tolist()
    assert drawn(users, 1.0, 100, seed=1).tolist() == users.tolist()


def test_held_back_users_leave_no_rating() -> None:
    left = without(planted(), np.array([0, 7], np.int32))
    assert sorted(set(planted().user_index.tolist()) - set(left.user_index.tolist())) == [0, 7]
    assert left.movies.tolist() == planted().movies.tolist()


def test_what_is_known_of_a_movie() -> None:
    found = movie_features(planted(), catalogue())
    movie = int(np.argmax(planted().likes()))
    ratings = planted().rating[planted().movie_index == movie]
    likes = int((ratings >= 4).sum())
    assert found.shape == (planted().n_movies, 5)
    assert found[movie, 0] == pytest.approx(np.log1p(likes))
    assert found[movie, 2] == pytest.approx((ratings.sum() + 5 * 3.5) / (len(ratings) + 5), abs=1e-5)
    assert found[movie, 3] == pytest.approx((likes + 2.5) / (len(ratings) + 5), abs=1e-6)
    assert found[:, 4].tolist() == [1.0] * planted().n_movies, "each has one director"
