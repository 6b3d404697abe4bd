"""Paired tests: exact where all signs can be listed, right under no difference, corrected by Holm."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import permutation_test

from recommenders.significance import all_pairs, holm, randomisation_p


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_p_value_is_the_share_of_signs_that_do_as_much() -> None:
    differences = np.array([0.4, 0.1, -0.2, 0.3, 0.5, 0.05])
    signs = np.array(list(product([-1, 1], repeat=6)))
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
    assert randomisation_p(differences, 0) == pytest.approx(exact, abs=0.015)


def test_it_equals_the_permutation_test_of_scipy() -> None:
    differences = np.random.default_rng(1).normal(0.1, 1, 12)
    found = permutation_test((differences, np.zeros(12)), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert randomisation_p(differences, 0) == pytest.approx(found.pvalue, abs=0.015)


def test_without_a_difference_one_in_twenty_is_below_the_level() -> None:
    rng = np.random.default_rng(3)
    ps = [randomisation_p(rng.normal(0, 1, 60), seed) for seed in range(200)]
    assert 0.02 <= np.mean(np.array(ps) <= 0.05) <= 0.09


def test_models_are_compared_in_pairs_and_corrected() -> None:
    rng = np.random.default_rng(5)
    base = rng.random(300)
    found = all_pairs({"good": base + 0.1, "same": base + rng.normal(0, 0.01, 300), "base": base}, 0)
    assert [(one.first, one.second, one.significant) for one in found] == [
        ("base", "good", True),
        ("base", "same", False),
        ("good", "same", True),
    ]
    assert found[0].p == pytest.approx(3e-4)
    assert found[0].difference == pytest.approx(-0.1)
