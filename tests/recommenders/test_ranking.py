"""Ranking: exact, in one order, and without what must not be shown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.ranking import place_of_first, recommend, top_k
from recommenders.scorers import History, PopularityScorer

EMPTY = History.from_ratings([], [])


def test_equal_scores_go_by_position() -> None:
    found = recommend(PopularityScorer(np.array([1, 5, 5, 9, 5], dtype=np.float32)), EMPTY, 3)
    assert found.items.tolist() == [3, 1, 2]
    assert found.scores.tolist() == [9, 5, 5]


def test_own_movies_and_excluded_ones_are_left_out() -> None:
    scorer = PopularityScorer(np.arange(6, dtype=np.float32))
    mask = np.array([True, True, True, False, True, True])
    found = recommend(scorer, History.from_ratings([5], [5.0]), 10, np.array([4, 0], dtype=np.int32), mask)
    assert found.items.tolist() == [2, 1]
    assert mask.tolist() == [True, True, True, False, True, True]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 45), st.randoms(use_true_random=False))
def test_the_best_are_those_of_a_full_sort(values: list[int], k: int, random: "np.random.Generator") -> None:
    scores = np.array(values, dtype=np.float32)
    free = np.array([random.random() < 0.7 for _ in values], dtype=np.bool_)
    plain = sorted(np.flatnonzero(free).tolist(), key=lambda item: (-values[item], item))
    assert top_k(scores, free, k).items.tolist() == plain[:k]
    wanted = np.array([item for item in range(len(values)) if item % 3 == 0], dtype=np.int32)
    places = [place for place, item in enumerate(plain, start=1) if item % 3 == 0]
    assert place_of_first(scores, free, wanted) == (places[0] if places else 0)


@pytest.mark.parametrize("k", [0, 1, 20, 400, 1999])
@pytest.mark.parametrize("period", [1, 7, 8, 500])
def test_the_best_of_many_are_exact_whatever_the_sample_says(k: int, period: int) -> None:
    """With a period of 8 the sample sees one value alone: the lowest, one between, or the highest."""
    for turn in (0, 3, 7):
        scores = ((np.arange(2000) + turn) % period).astype(np.float32)
        plain = sorted(range(2000), key=lambda item: (-scores[item], item))
        assert top_k(scores, np.ones(2000, np.bool_), k).items.tolist() == plain[:k]


@pytest.mark.parametrize("k", [0, 1, 100])
def test_a_list_is_no_longer_than_what_is_allowed(k: int) -> None:
    found = top_k(np.ones(4, dtype=np.float32), np.array([True, False, True, False]), k)
    assert len(found.items) == min(k, 2)
