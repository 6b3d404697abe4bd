"""Interactions: one canonical order, bad rows refused with their values."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from cinegraph.errors import InvalidInput, NotEnoughData
from recommenders.interactions import Interactions, merge
from tests.recommenders.planted import planted, planted_frame

ROWS = [("b", "2", 4.0, 30), ("a", "10", 3.5, 20), ("a", "2", 5.0, 20), ("b", "10", 0.5, 10)]


def frame(rows: list[Any]) -> pl.DataFrame:
    """Rows of user, movie, rating, time."""
    return pl.DataFrame(rows, schema=["user_id", "movie_id", "rating", "at"], orient="row")


def test_rows_are_sorted_by_time_user_and_movie() -> None:
    found = Interactions.from_frame(frame(ROWS))
    assert found.users.tolist() == ["a", "b"]
    assert found.movies.tolist() == ["10", "2"]
    assert found.at.tolist() == [10, 20, 20, 30]
    assert found.user_index.tolist() == [1, 0, 0, 1]
    assert found.movie_index.tolist() == [0, 0, 1, 1]
    assert found.rating.tolist() == [0.5, 3.5, 5.0, 4.0]


def test_of_two_ratings_the_last_one_counts_and_at_the_same_time_the_higher_one() -> None:
    found = Interactions.from_frame(
        frame([("a", "1", 2.0, 5), ("a", "1", 4.5, 9), ("a", "2", 5.0, 3), ("a", "2", 1.0, 3)])
    )
    assert found.rating.tolist() == [5.0, 4.5]


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = planted_frame()
    one, other = Interactions.from_frame(rows), Interactions.from_frame(rows.sample(fraction=1, shuffle=True, seed=3))
    assert one.fingerprint() == other.fingerprint()
    assert one.movie_index.tobytes() == other.movie_index.tobytes()


@pytest.mark.parametrize("column", [0, 1, 2, 3])
def test_every_column_is_in_the_fingerprint(column: int) -> None:
    changed: list[Any] = list(ROWS)
    row = list(changed[0])
    row[column] = ["c", "3", 4.5, 31][column]
    changed[0] = tuple(row)
    assert Interactions.from_frame(frame(changed)).fingerprint() != Interactions.from_frame(frame(ROWS)).fingerprint()


def test_ids_that_run_into_each_other_differ_in_the_fingerprint() -> None:
    one, other = frame([("ab", "c", 4.0, 1)]), frame([("a", "bc", 4.0, 1)])
    assert Interactions.from_frame(one).fingerprint() != Interactions.from_frame(other).fingerprint()


def test_numbers_are_taken_as_ids() -> None:
    assert Interactions.from_frame(frame([(7, 31, 4, 1)])).movies.tolist() == ["31"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "1", 5.5, 1)], r"1 ratings are not between 0.5 and 5.0: the first is 5.5 by user 'a' for movie '1'"),
        ([("a", "1", 4.0, 1), ("b", "2", float("nan"), 1)], "the first is nan by user 'b' for movie '2'"),
        ([("a", "1", float("inf"), 1)], "the first is inf"),
        ([("a", "1", 4.0, 1), ("a", None, 4.0, 1)], "1 ratings have no movie_id"),
        ([("a", "1", 4.0, None)], "1 ratings have no at"),
        ([("a", "1", "good", 1)], "a value of a wrong type.*good"),
    ],
)
def test_bad_values_are_refused(rows: list[Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Interactions.from_frame(frame(rows))


def test_missing_columns_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"lack the columns \['rating'\]"):
        Interactions.from_frame(frame(ROWS).drop("rating"))


def test_no_rows_are_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="no ratings to train from"):
        Interactions.from_frame(frame(ROWS).clear())


def test_positives_are_ratings_of_four_and_more() -> None:
    found = Interactions.from_frame(frame(ROWS))
    assert found.positives().rating.tolist() == [5.0, 4.0]
    assert found.positives(5.0).rating.tolist() == [5.0]


def test_a_history_holds_likes_and_seen_holds_all() -> None:
    found = Interactions.from_frame(frame(ROWS))
    assert found.liked.toarray().tolist() == [[0, 1], [0, 1]]
    assert found.seen.toarray().tolist() == [[1, 1], [1, 1]]
    assert found.history(0).items.tolist() == [1]
    assert found.history(0).weights.tolist() == [1.0]
    assert found.seen_by(0).tolist() == [0, 1]
    assert found.likes().tolist() == [0.0, 2.0]


def test_parts_merge_into_the_whole() -> None:
    whole = planted()
    early = whole.at < np.median(whole.at)
    again = merge(whole.subset(~early), whole.subset(early))
    assert again.fingerprint() == whole.fingerprint()
