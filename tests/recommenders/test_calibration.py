"""The chance behind a score: fitted as scikit-learn does, never falling, and right on ratings that were not seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.isotonic import isotonic_regression

from recommenders import registry
from recommenders.calibration import LEAST, Calibration, Curve, calibrate, expected_error, fit, foreseen, pooled
from recommenders.splits import TEST, VALIDATION, user_time
from tests.recommenders.planted import planted


@given(st.data())
def test_pooling_is_isotonic_regression(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 30))
    shares = data.draw(arrays.arrays(np.float64, n, elements=st.floats(0, 1, width=16)))
    counts = data.draw(arrays.arrays(np.int32, n, elements=st.integers(1, 9)))
    found = np.concatenate([np.full(size, value) for size, value in pooled(shares, counts)])
    assert found == pytest.approx(isotonic_regression(shares, sample_weight=counts), abs=1e-9)


def test_a_known_chance_is_found() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(20_000)
    curve = fit(scores, rng.random(20_000) < 0.2 + 0.6 * scores)
    assert curve is not None
    at = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    assert curve.at(at) == pytest.approx(0.2 + 0.6 * at, abs=0.05)
    assert expected_error(curve.at(scores), rng.random(20_000) < 0.2 + 0.6 * scores) < 0.02


@given(arrays.arrays(np.float64, 300, elements=st.floats(-5, 5, width=16)), st.integers(0, 99))
def test_a_chance_never_falls_with_the_score(scores: np.ndarray, seed: int) -> None:
    curve = fit(scores, np.random.default_rng(seed).random(300) < 0.5)
    assert curve is not None
    assert (np.diff(curve.scores) > 0).all()
    assert (np.diff(curve.at(np.linspace(-6, 6, 500))) >= 0).all()
    assert 0 <= curve.chances.min() <= curve.chances.max() <= 1


def test_too_few_ratings_have_no_curve() -> None:
    assert fit(np.zeros(LEAST - 1), np.ones(LEAST - 1, np.bool_)) is None
    assert fit(np.zeros(LEAST), np.ones(LEAST, np.bool_)) is not None
    nothing = Calibration()
    assert nothing.match(np.zeros(3), True, 1.0) is nothing.match(np.zeros(3), False, 1.0) is None


def test_the_error_is_that_of_the_bins() -> None:
    chances, liked = np.array([0.1, 0.1, 0.9, 0.9]), np.array([False, True, True, True])
    assert expected_error(chances, liked, 2) == pytest.approx((0.4 + 0.1) / 2)
    assert expected_error(chances, liked, 10) == pytest.approx((0.1 + 0.9 + 0.1 + 0.1) / 4)
    assert expected_error(np.zeros(0), np.zeros(0, np.bool_)) == 0


def test_plain_numbers_bring_the_same_curves_back() -> None:
    curve = Curve(np.array([0.0, 1.0]), np.array([0.25, 0.75]))
    again = Calibration.from_json(Calibration(curve, curve).as_json())
    assert again.match(np.array([0.5, 2.0]), True, 1.0) == pytest.approx([0.5, 0.75])
    assert again.match(np.array([5.0]), False, 10.0) == pytest.approx([0.5])
    assert Calibration.from_json({}).as_json() == {}


@pytest.mark.parametrize("model", ["ease", "popular"])
def test_what_is_learnt_on_validation_holds_on_test(model: str) -> None:
    split = user_time(planted(), 0.6, 0.2)
    scorer = registry.create(model).fit(split.train).scorer()
    learnt = calibrate(foreseen(scorer, split.question(VALIDATION)))
    later = foreseen(registry.create(model).fit(split.before_test()).scorer(), split.question(TEST))
    assert later.personal.all() == (model == "ease")
    scores, most = (later.scores, 1.0) if model == "ease" else (later.popularity, 1.0)
    chances = learnt.match(scores, model == "ease", most)
    assert chances is not None
    assert expected_error(chances, later.liked, 5) < 0.06
    if model == "ease":  # likes of the own group score high, low ratings are of others
        assert chances[later.liked].mean() > chances[~later.liked].mean() + 0.3


def test_users_are_drawn_where_they_are_many() -> None:
    split = user_time(planted(), 0.6, 0.2)
    scorer = registry.create("ease").fit(split.train).scorer()
    some, all_ = (foreseen(scorer, split.question(VALIDATION), users) for users in (10, None))
    assert len(some.scores) * 10 < len(all_.scores)
    assert len(all_.scores) == len(split.validation)
