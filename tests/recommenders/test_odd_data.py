"""Ratings of one user, of one movie, all alike, or twice: a right result, or an error that says what is missing."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from cinegraph.errors import NotEnoughData
from recommenders.interactions import Interactions
from recommenders.protocol import load_protocol
from recommenders.results import TrainingRun
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import SMALL, planted, planted_frame

OPTIONS = TrainingOptions(configs=SMALL, device="cpu", protocol=load_protocol("user_time"))
FIRST = 1_000_000_000_000


@pytest.fixture(autouse=True)
def _nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> Any:
    """Not by LAPACK either, which writes past Python."""
    yield
    assert capfd.readouterr() == ("", "")


def trained(frame: pl.DataFrame, *names: str) -> TrainingRun:
    return train(Interactions.from_frame(frame), names, OPTIONS)


def rated(users: int, movies: int) -> pl.DataFrame:
    """Every user rates every movie; of three ratings two are likes."""
    rows = [(f"u{user:03}", f"m{movie:03}") for user in range(users) for movie in range(movies)]
    return pl.DataFrame(rows, schema=["user_id", "movie_id"], orient="row").with_columns(
        rating=pl.Series(np.resize([5.0, 4.0, 2.0], len(rows)).astype(np.float32)),
        at=pl.Series(FIRST + 1000 * np.arange(len(rows))),
    )


def own_movies() -> pl.DataFrame:
    """No movie is rated by two users."""
    return rated(12, 10).with_columns(movie_id=pl.col("user_id") + pl.col("movie_id"), rating=pl.lit(5.0))


@pytest.mark.parametrize("names", [(), ("blend",), ("ials", "sparse_ease")])
def test_one_user_gets_popularity_from_ease(names: tuple[str, ...]) -> None:
    found = trained(rated(1, 60), *names)
    assert {"popular", "itemknn", "ease", *names} <= {one.name for one in found.results}
    ease, popular = found.result("ease").measured, found.result("popular").measured
    assert ease.lists.tolist() == popular.lists.tolist()


def test_an_ensemble_of_one_user_has_too_few_likes_to_learn_from() -> None:
    with pytest.raises(NotEnoughData, match="2 likes are too few to weigh its members by; train one of them"):
        trained(rated(1, 60), "ensemble")


def test_where_nobody_shares_a_movie_ease_knows_nothing() -> None:
    found = trained(own_movies(), "ease")
    assert found.result("ease").measured.lists.tolist() == found.result("popular").measured.lists.tolist()
    assert found.fitted().scorer.arrays()["weights"].shape == (0, 0)
    assert found.fitted().scorer.popularity.tolist() == [1.0] * 120


@pytest.mark.parametrize("name", ["ensemble", "blend"])
def test_where_nobody_shares_a_movie_there_is_nothing_to_weigh_members_by(name: str) -> None:
    with pytest.raises(NotEnoughData, match=f"{name}: no .*rating.* is for a movie that a member finds; train its"):
        trained(own_movies(), name)


@pytest.mark.parametrize("names", [(), ("ensemble",), ("blend",)])
def test_of_one_movie_nothing_is_left_to_ask(names: tuple[str, ...]) -> None:
    wanted = "60 ratings by 60 users for 1 movies, 40 of them of 4 stars or more, leave 0 test users under user_time"
    with pytest.raises(NotEnoughData, match=wanted):
        trained(rated(60, 1), *names)


@pytest.mark.parametrize("names", [(), ("ensemble",), ("blend",)])
def test_where_nobody_likes_anything_that_is_said(names: tuple[str, ...]) -> None:
    wanted = "3680 ratings by 160 users for 118 movies, 0 of them of 4 stars or more, leave 0 test users"
    with pytest.raises(NotEnoughData, match=wanted):
        trained(planted_frame().with_columns(rating=pl.lit(3.5)), *names)


@pytest.mark.parametrize("name", ["ease", "blend", "ensemble"])
def test_where_everything_is_liked_there_is_a_model(name: str) -> None:
    """Also those that a user rates low elsewhere; and whatever is watched is liked."""
    found = trained(planted_frame().with_columns(rating=pl.lit(5.0)), name)
    assert found.chosen == name
    over = next(one for one in found.result(name).against if one.baseline == "popular")
    assert over.difference.low > 0
    assert found.result(name).calibration.match(np.array([0.0, 1.0]), True, 1.0) == pytest.approx(1)


def test_ratings_that_are_there_twice_count_once() -> None:
    frame = planted_frame()
    twice = trained(pl.concat([frame, frame.sample(fraction=1.0, shuffle=True, seed=3)]), "ease", "blend")
    assert twice.as_json() == train(planted(), ("ease", "blend"), OPTIONS).as_json()
