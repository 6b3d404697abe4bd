"""Intervals: seeded, about the mean, and covering it as often as they say."""

import numpy as np
import pytest

from recommenders import bootstrap
from recommenders.bootstrap import Estimate, difference_of, mean_of


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).random(200)
    assert mean_of(values, 3) == mean_of(values, 3)
    assert mean_of(values, 3) != mean_of(values, 4)


def test_the_interval_is_that_of_the_normal_for_many_users() -> None:
    values = np.random.default_rng(1).normal(5, 2, 4000)
    found = mean_of(values, 0)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.mean == values.mean()
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half * 0.1)


def test_equal_values_have_no_width() -> None:
    assert mean_of(np.full(5, 0.25), 0) == Estimate(0.25, 0.25, 0.25)


def test_users_are_drawn_in_pairs() -> None:
    base = np.random.default_rng(1).random(300)
    found = difference_of(base + 0.01, base, 0)
    assert (found.mean, found.low, found.high) == pytest.approx((0.01, 0.01, 0.01))
    assert found.above_zero
    assert not difference_of(base, base, 0).above_zero


def test_many_users_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random(100)
    whole = mean_of(values, 0)
    monkeypatch.setattr(bootstrap, "DRAWN_AT_ONCE", 250)
    assert mean_of(values, 0) == whole


def test_the_interval_covers_the_truth_95_times_of_100() -> None:
    rng = np.random.default_rng(5)
    found = [mean_of(rng.exponential(1.0, 150), seed, samples=400) for seed in range(400)]
    assert 0.91 <= np.mean([one.low <= 1.0 <= one.high for one in found]) <= 0.98
