"""Figures beside accuracy: by hand, and equal to plain references and libraries to 1e-9 (T65)."""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import entropy
from sklearn.metrics.pairwise import cosine_distances

from recommenders.beyond_accuracy import (
    SMOOTHING,
    calibration_error_at,
    gini_at,
    intra_list_distance_at,
    popularity_lift_at,
    serendipity_at,
)

GENRES = sparse.csr_array(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]], dtype=np.float32))


def csr(rows: list[list[float]]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, dtype=np.float32))


def lists_of(rng: np.random.Generator, users: int, movies: int, depth: int) -> np.ndarray:
    """Lists without repetition, some of them short, one empty."""
    lists = np.array([rng.permutation(movies)[:depth] for _ in range(users)], dtype=np.int32)
    for user in range(users):
        lists[user, rng.integers(0, depth + 1) :] = -1
    lists[0] = -1
    return lists


def test_gini_by_hand() -> None:
    same = np.array([[0, 1], [2, 3]], dtype=np.int32)
    one = np.array([[0], [0], [0]], dtype=np.int32)
    assert gini_at(same, 4, 2) == 0.0
    assert gini_at(one, 4, 1) == 0.75
    assert gini_at(np.array([[-1]], dtype=np.int32), 4, 1) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_gini_equals_the_mean_difference_of_all_pairs(seed: int) -> None:
    lists = lists_of(np.random.default_rng(seed), 30, 40, 10)
    counts = [int((lists == movie).sum()) for movie in range(40)]
    slow = sum(abs(a - b) for a in counts for b in counts) / (2 * 40 * sum(counts))
    assert gini_at(lists, 40, 10) == pytest.approx(slow, abs=1e-9)


def test_popularity_lift_by_hand() -> None:
    popularity = np.array([8, 4, 2, 1], dtype=np.float32)
    lists = np.array([[0, 1], [3, -1], [-1, -1], [0, 1]], dtype=np.int32)
    histories = csr([[0, 0, 1, 0], [0, 1, 0.5, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
    assert popularity_lift_at(lists, histories, popularity, 2).tolist() == [2.0, -2 / 3, 0.0, 0.0]


def test_intra_list_distance_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    lists = np.array([[0, 1, -1], [0, 2, -1], [0, 1, 2], [0, 3, -1], [1, -1, -1]], dtype=np.int32)
    assert intra_list_distance_at(lists, vectors, 3) == pytest.approx([1, 0, 2 / 3, 1, 0], abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_intra_list_distance_equals_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lists, vectors = lists_of(rng, 20, 50, 10), rng.normal(size=(50, 6))
    apart = cosine_distances(vectors)
    slow = [np.mean([apart[a, b] for a, b in combinations(row[row >= 0], 2)] or [0.0]) for row in lists]
    assert intra_list_distance_at(lists, vectors, 10) == pytest.approx(slow, abs=1e-9)


def test_calibration_error_by_hand() -> None:
    lists = np.array([[1], [2], [3], [1]], dtype=np.int32)
    histories = csr([[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    found = calibration_error_at(lists, histories, GENRES, 1)
    assert found == pytest.approx([0, -np.log2(SMOOTHING), 0, 0], abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_calibration_error_equals_the_entropy_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    genres = (rng.random((40, 7)) < 0.3).astype(np.float64)
    genres[:, 0] = 1
    histories = (rng.random((15, 40)) < 0.2).astype(np.float64)
    histories[:, 3] = 1
    lists = lists_of(rng, 15, 40, 10)
    shares = genres / genres.sum(axis=1, keepdims=True)
    slow = []
    for history, row in zip(histories, lists, strict=True):
        wanted, shown = history @ shares, shares[row[row >= 0]].sum(axis=0)
        if not shown.sum():
            slow.append(0.0)
            continue
        wanted, shown = wanted / wanted.sum(), shown / shown.sum()
        slow.append(entropy(wanted, (1 - SMOOTHING) * shown + SMOOTHING * wanted, base=2))
    found = calibration_error_at(lists, sparse.csr_array(histories), sparse.csr_array(genres), 10)
    assert found == pytest.approx(slow, abs=1e-9)


def test_serendipity_by_hand() -> None:
    lists = np.array([[0, 1, 2], [3, 4, -1]], dtype=np.int32)
    hits = np.array([[True, True, False], [True, True, False]])
    expected = np.array([[0, 5, 6], [7, 8, 9]], dtype=np.int32)
    assert serendipity_at(lists, hits, expected, 3) == pytest.approx([1 / 3, 2 / 3], abs=1e-12)
    assert serendipity_at(lists, hits, expected, 1).tolist() == [0.0, 1.0]
