"""Splits: nothing lost, nothing twice, no future before the past."""

import numpy as np
import polars as pl
import pytest

from cinegraph.errors import ModelError, NotEnoughData
from recommenders import splits
from recommenders.interactions import Interactions
from recommenders.protocol import divide, load_protocol, names
from recommenders.splits import SplitName, asked_users, global_time, leave_last_out, user_random, user_time
from tests.conftest import shared_data
from tests.recommenders.planted import planted


def made(rows: list[tuple[str, str, float, int]]) -> Interactions:
    """Rows of user, movie, rating, time."""
    return Interactions.from_frame(pl.DataFrame(rows, schema=["user_id", "movie_id", "rating", "at"], orient="row"))


@pytest.mark.parametrize("name", [name for name in names() if name != "cold_users"])
def test_every_rating_is_in_exactly_one_part(name: str) -> None:
    whole = planted()
    split, _ = divide(whole, load_protocol(name))
    assert split.name == name
    pairs = [
        set(zip(part.user_index.tolist(), part.movie_index.tolist(), strict=True))
        for part in (split.train, split.validation, split.test)
    ]
    assert sum(map(len, pairs)) == len(set.union(*pairs)) == len(whole)


def test_global_time_has_no_rating_before_the_last_of_an_earlier_part() -> None:
    split = global_time(planted())
    assert split.train.at.max() < split.validation.at.min()
    assert split.validation.at.max() < split.test.at.min()
    assert [len(part) for part in (split.train, split.validation, split.test)] == [2944, 368, 368]


def test_ratings_of_the_same_moment_stay_together() -> None:
    split = global_time(made([("a", str(movie), 4.0, min(movie, 7)) for movie in range(20)]))
    assert len(split.train) == 7
    assert len(split.validation) == 0
    assert len(split.test) == 13


def test_a_leak_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: parts by position in a shuffled order, as a random split makes them."""
    whole = planted()
    order = np.random.default_rng(1).permutation(len(whole))

    def shuffled(name: SplitName, _: Interactions, *keeps: np.ndarray) -> splits.Split:
        train, validation, test = (whole.subset(keep[order]) for keep in keeps)
        return splits.Split(name, train, validation, test)

    monkeypatch.setattr(splits, "_split", shuffled)
    with pytest.raises(ModelError, match="global_time let a rating of"):
        global_time(whole)


def test_user_time_cuts_each_user_by_time() -> None:
    whole = planted()
    split = user_time(whole)
    for user in range(whole.n_users):
        mine = [part.at[part.user_index == user] for part in (split.train, split.validation, split.test)]
        assert [len(part) for part in mine] == [19, 2, 2]
        assert mine[0].max() < mine[1].min()
        assert mine[1].max() < mine[2].min()


@pytest.mark.parametrize(("ratings", "parts"), [(1, (1, 0, 0)), (5, (4, 1, 0)), (10, (8, 1, 1)), (11, (9, 1, 1))])
def test_a_user_with_few_ratings_is_trained_on_first(ratings: int, parts: tuple[int, int, int]) -> None:
    split = user_time(made([("a", str(movie), 4.0, movie) for movie in range(ratings)]))
    assert (len(split.train), len(split.validation), len(split.test)) == parts


def test_ratings_of_one_moment_are_cut_by_movie() -> None:
    split = user_time(made([("a", f"{movie:02}", 4.0, 5) for movie in reversed(range(10))]))
    assert split.test.movies[split.test.movie_index].tolist() == ["09"]


def test_asked_are_users_with_a_past_who_like_something_later() -> None:
    known = made([("a", "1", 1.0, 1), ("b", "1", 4.0, 1), ("c", "2", 3.5, 1)])
    later = made([("a", "2", 4.0, 2), ("b", "2", 3.5, 2), ("c", "1", 5.0, 2)])
    assert asked_users(known, later).tolist() == [0, 2]


def test_a_random_split_has_the_same_shares_and_depends_on_the_seed_alone() -> None:
    whole = planted()
    one, same, other = (user_random(whole, seed=seed) for seed in (1, 1, 2))
    assert np.bincount(one.test.user_index, minlength=whole.n_users).tolist() == [2] * whole.n_users
    assert one.test.movie_index.tolist() == same.test.movie_index.tolist()
    assert one.test.movie_index.tolist() != other.test.movie_index.tolist()
    assert (one.train.at.max(), one.test.at.min()) != (one.test.at.max(), one.train.at.min())


def test_the_last_rating_is_left_out_and_the_one_before_it_validates() -> None:
    split = leave_last_out(made([("a", str(n), 4.0, n) for n in range(5)] + [("b", "1", 4.0, 1), ("b", "2", 4.0, 2)]))
    assert [part.at.tolist() for part in (split.train, split.validation, split.test)] == [[0, 1, 1, 2, 2], [3], [4]]
    assert split.test.users[split.test.user_index].tolist() == ["a"]


def test_global_time_is_used_where_it_leaves_enough_users() -> None:
    whole, protocol = planted(), load_protocol("global_time")
    split, used = divide(whole, protocol)
    assert (split.name, used) == (SplitName.GLOBAL_TIME, protocol)
    assert split.test_users == len(asked_users(split.before_test(), split.test)) == 135
    split, used = divide(whole, protocol.model_copy(update={"min_test_users": 136}))
    assert (split.name, used.name) == (SplitName.USER_TIME, "user_time")


def test_nobody_to_ask_is_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="2 ratings by 2 users for .* leave 0 test users under user_time"):
        divide(made([("a", "1", 4.0, 1), ("b", "2", 4.0, 2)]), load_protocol("global_time"))


def test_movielens_is_split_by_user() -> None:
    ratings = pl.read_csv(shared_data("ml-latest-small") / "ratings.csv")
    whole = Interactions.from_frame(
        ratings.select(user_id="userId", movie_id="movieId", rating="rating", at="timestamp")
    )
    assert global_time(whole).test_users == 25
    chosen, _ = divide(whole, load_protocol("global_time"))
    assert (chosen.name, chosen.test_users) == (SplitName.USER_TIME, 555)
