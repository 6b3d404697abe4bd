"""Likes by new accounts: the first few of a movie count, more of them where others like it too."""

import logging
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cinegraph.settings import TrustSettings
from cinegraph.types import DAY
from graph.client import GraphClient
from recommenders.interactions import Interactions
from recommenders.new_accounts import capped, tell
from recommenders.publishing import load_interactions
from tests import tiny
from tests.recommenders.planted import planted

START = 1_500_000_000_000
SETTINGS = TrustSettings(new_account_days=30, new_account_likes=2)
Row = tuple[str, str, float, int]


def interactions(rows: list[Row]) -> Interactions:
    """User, movie, rating, day."""
    columns = ["user_id", "movie_id", "rating", "at"]
    return Interactions.from_frame(
        pl.DataFrame([(u, m, r, START + day * DAY) for u, m, r, day in rows], columns, orient="row")
    )


def old(users: int, movie: str, rating: float = 5.0) -> list[Row]:
    """As many accounts of years ago that rate a movie."""
    return [(f"old{user:03}", movie, rating, 0) for user in range(users)]


def new(users: int, movie: str, rating: float = 5.0, day: int = 1000) -> list[Row]:
    """As many accounts of the last days."""
    return [(f"new{user:03}", movie, rating, day) for user in range(users)]


def left(rows: list[Row], settings: TrustSettings = SETTINGS) -> dict[str, int]:
    """How many ratings each movie keeps."""
    found = capped(interactions(rows), settings).interactions
    return dict(
        zip(found.movies.tolist(), np.bincount(found.movie_index, minlength=found.n_movies).tolist(), strict=True)
    )


def test_what_nobody_else_likes_counts_a_few_times() -> None:
    rows = old(200, "loved") + new(9, "pushed")
    found = capped(interactions(rows), SETTINGS)
    assert left(rows) == {"loved": 200, "pushed": 2}
    assert (found.accounts, found.left_out) == (9, 7)
    assert (found.interactions.movies[found.movies].tolist(), found.likes.tolist()) == (["pushed"], [7])


def test_the_first_ones_count() -> None:
    rows = old(200, "loved") + [(f"new{day}", "pushed", 5.0, day) for day in (999, 998, 1000, 997)]
    found = capped(interactions(rows), SETTINGS).interactions
    users = found.users[found.user_index[found.movies[found.movie_index] == "pushed"]]
    assert users.tolist() == ["new997", "new998"]


def test_what_others_like_too_counts_as_often_as_they_bear_out() -> None:
    """New accounts give 12 of 212 likes, so a movie with 100 other ones may have 3 * 100 * 12 / 200 = 18 of theirs."""
    assert left(old(100, "a") + old(100, "b") + new(12, "a")) == {"a": 112, "b": 100}
    assert left(old(190, "a") + old(10, "b") + new(12, "b")) == {"a": 190, "b": 12}, (
        "2 are warranted: 3 * 10 * 12 / 200"
    )


def test_a_low_rating_is_no_like() -> None:
    assert left(old(200, "loved") + new(9, "bad", 1.0)) == {"bad": 9, "loved": 200}


def test_an_account_that_rated_before_is_not_new() -> None:
    rows = old(200, "loved") + new(9, "other", 3.0, day=960) + new(9, "pushed")
    assert left(rows)["pushed"] == 9
    assert left(rows, TrustSettings(new_account_days=41, new_account_likes=2))["pushed"] == 2


def test_in_a_catalogue_that_just_opened_nothing_is_left_out() -> None:
    ratings = planted()
    found = capped(ratings, TrustSettings())
    assert found.interactions is ratings
    assert (found.accounts, found.left_out) == (160, 0)


def test_without_days_no_account_is_new() -> None:
    rows = old(200, "loved") + new(9, "pushed")
    assert left(rows, TrustSettings(new_account_days=0))["pushed"] == 9


def test_where_old_accounts_gave_fewer_likes_than_new_ones_nothing_is_left_out() -> None:
    """A catalogue that opened not long ago: one early account is no measure for all that came since."""
    assert left(old(1, "first") + new(9, "loved")) == {"first": 1, "loved": 9}
    assert left(old(9, "first") + new(9, "loved")) == {"first": 9, "loved": 2}


@pytest.mark.parametrize(("days", "kept"), [(30, 2), (0, 4)])
async def test_a_training_reads_the_graph_without_what_is_left_out(graph: GraphClient, days: int, kept: int) -> None:
    early = [(f"old{user}", "1", 5.0, 0) for user in range(6)]
    late = [(f"new{user}", "2", 5.0, 1000 * DAY) for user in range(4)]
    await tiny.load(graph, [*early, *late])
    trust = TrustSettings(new_account_days=days, new_account_likes=2)
    found = await load_interactions(graph.reader, trust=trust)
    likes = dict(zip(found.movies.tolist(), found.likes().tolist(), strict=True))
    assert likes == {"1": 6.0, "2": float(kept)}


async def test_what_is_left_out_of_a_training_is_said(
    graph: GraphClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await tiny.load(graph)
    with caplog.at_level(logging.WARNING):
        await load_interactions(graph.reader)
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING):
        tell(capped(interactions(old(200, "loved") + new(9, "pushed")), SETTINGS))
    assert "7 likes by new accounts are not trained on, since nobody else bears them out" in caplog.text
    assert "of the movies pushed (7); CINEGRAPH_TRUST__NEW_ACCOUNT_DAYS=0 trains on all" in caplog.text
