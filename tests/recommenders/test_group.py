"""What a group agrees on: on one scale, fair over the list, and nothing above what everybody likes better."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.group import Agreement, agree, satisfaction

EVERY = pytest.mark.parametrize("agreement", list(Agreement))
ANNA, BEN = [8.0, 6.0, 0.0, 4.0], [0.0, 1.0, 4.0, 2.0]
"""Of four movies: Anna likes the first best, Ben the third; the fourth is half of it to both."""
ALL = np.ones(4, dtype=np.bool_)


def order(agreement: Agreement, allowed: list[bool] | None = None, count: int = 10) -> list[int]:
    free = ALL if allowed is None else np.array(allowed)
    return agree([np.array(ANNA), np.array(BEN)], free, agreement, count).items.tolist()


def test_scores_are_parts_of_the_best_one() -> None:
    assert satisfaction(np.array(ANNA)).tolist() == [1, 0.75, 0, 0.5]
    assert satisfaction(np.array([-2.0, 0.0, 4.0])).tolist() == [0, 0, 1]
    assert satisfaction(np.array([-2.0, -1.0])).tolist() == [0, 0], "nothing that the member would like"


def test_the_mean_and_the_least() -> None:
    """Means: .5, .5, .5, .5, so positions decide; least: 0, .25, 0, .5."""
    assert order(Agreement.AVERAGE) == [0, 1, 2, 3]
    assert order(Agreement.LEAST_MISERY) == [3, 1, 0, 2]


def test_a_fair_list_makes_up_for_what_the_first_place_gave_to_one() -> None:
    assert order(Agreement.FAIR)[:2] == [0, 2]


def test_satisfaction_stands_beside_each() -> None:
    found = agree([np.array(ANNA), np.array(BEN)], ALL, Agreement.LEAST_MISERY, 2)
    assert found.satisfaction.tolist() == [[0.5, 0.5], [0.75, 0.25]]


@EVERY
def test_only_what_is_allowed_and_measured_by_it(agreement: Agreement) -> None:
    found = agree([np.array(ANNA), np.array(BEN)], np.array([False, True, False, True]), agreement, 10)
    assert sorted(found.items.tolist()) == [1, 3]
    assert dict(zip(found.items.tolist(), found.satisfaction.tolist(), strict=True)) == {1: [1, 0.5], 3: [4 / 6, 1]}


@EVERY
def test_nothing_allowed_is_an_empty_list(agreement: Agreement) -> None:
    assert order(agreement, [False] * 4) == []


@EVERY
def test_as_many_as_asked_for(agreement: Agreement) -> None:
    assert order(agreement, count=2) == order(agreement)[:2]


@EVERY
@given(scores=st.lists(st.lists(st.integers(-3, 9), min_size=3, max_size=3), min_size=1, max_size=80))
def test_n14_no_movie_stands_above_one_that_is_better_for_all(agreement: Agreement, scores: list[list[int]]) -> None:
    """Pareto, against every pair by brute force."""
    table = np.array(scores, dtype=np.float64)
    found = agree(list(table.T), np.ones(len(table), np.bool_), agreement, len(table))
    assert sorted(found.items.tolist()) == list(range(len(table)))
    for above, one in enumerate(found.satisfaction):
        below = found.satisfaction[above + 1 :]
        assert not ((below >= one).all(axis=1) & (below > one).any(axis=1)).any()
