"""Metrics: values worked out by hand, a slow reference that is plainly right, and two libraries, to 1e-9 (T65)."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pytrec_eval import RelevanceEvaluator
from sklearn.metrics import ndcg_score, roc_auc_score

from recommenders.metrics import (
    auc,
    average_precision_at,
    coverage_at,
    hit_rate_at,
    ndcg_at,
    novelty_at,
    recall_at,
    reciprocal_rank,
)

HITS = np.array([[True, False, True], [False, False, False], [False, True, False]])
RELEVANT = np.array([2, 1, 5], dtype=np.int32)


def test_ndcg_by_hand() -> None:
    found = ndcg_at(HITS, RELEVANT, 3)
    best_of_two, best_of_three = 1 + 1 / math.log2(3), 1 + 1 / math.log2(3) + 1 / 2
    assert found == pytest.approx([1.5 / best_of_two, 0, (1 / math.log2(3)) / best_of_three], abs=1e-12)


def test_recall_by_hand() -> None:
    assert recall_at(HITS, RELEVANT, 3).tolist() == [1.0, 0.0, 0.2]
    assert recall_at(HITS, RELEVANT, 1).tolist() == [0.5, 0.0, 0.0]


def test_average_precision_by_hand() -> None:
    assert average_precision_at(HITS, RELEVANT, 3) == pytest.approx([(1 + 2 / 3) / 2, 0, 0.5 / 5], abs=1e-12)
    assert average_precision_at(HITS, RELEVANT, 1).tolist() == [0.5, 0.0, 0.0]


def test_hit_rate_by_hand() -> None:
    assert hit_rate_at(HITS, 3).tolist() == [1.0, 0.0, 1.0]
    assert hit_rate_at(HITS, 1).tolist() == [1.0, 0.0, 0.0]


def test_reciprocal_rank_by_hand() -> None:
    assert reciprocal_rank(np.array([1, 0, 4], dtype=np.int32)).tolist() == [1.0, 0.0, 0.25]


def test_coverage_by_hand() -> None:
    lists = np.array([[0, 1, 2], [1, 0, -1]], dtype=np.int32)
    assert coverage_at(lists, 10, 3) == 0.3
    assert coverage_at(lists, 10, 1) == 0.2


def test_novelty_by_hand() -> None:
    lists = np.array([[0, 1], [2, -1], [-1, -1]], dtype=np.int32)
    popularity = np.array([8, 2, 0], dtype=np.float32)
    assert novelty_at(lists, popularity, 8, 2).tolist() == [1.0, 3.0, 0.0]


def slow_ndcg(ranked: list[int], relevant: set[int], k: int) -> float:
    """As in the definition."""
    gain = sum(1 / math.log2(place + 1) for place, movie in enumerate(ranked[:k], start=1) if movie in relevant)
    most = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
    return gain / most


def slow_first(ranked: list[int], relevant: set[int]) -> int:
    """The place of the first relevant movie."""
    return next((place for place, movie in enumerate(ranked, start=1) if movie in relevant), 0)


@pytest.mark.parametrize("seed", range(20))
def test_metrics_equal_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_movies, n_users, k = 60, 25, int(rng.integers(1, 30))
    popularity = rng.integers(0, n_users, n_movies).astype(np.float32)
    ranked = [rng.permutation(n_movies).tolist() for _ in range(n_users)]
    relevant = [set(rng.choice(n_movies, rng.integers(1, 40), replace=False).tolist()) for _ in range(n_users)]
    lists = np.array(ranked, dtype=np.int32)
    hits = np.array([[movie in mine for movie in row] for row, mine in zip(ranked, relevant, strict=True)])
    counts = np.array([len(mine) for mine in relevant], dtype=np.int32)
    pairs = list(zip(ranked, relevant, strict=True))
    same: dict[str, tuple[Any, Any]] = {
        "ndcg": (ndcg_at(hits, counts, k), [slow_ndcg(row, mine, k) for row, mine in pairs]),
        "recall": (recall_at(hits, counts, k), [len(mine & set(row[:k])) / len(mine) for row, mine in pairs]),
        "hit": (hit_rate_at(hits, k), [float(bool(mine & set(row[:k]))) for row, mine in pairs]),
        "mrr": (
            reciprocal_rank(np.array([slow_first(row, mine) for row, mine in pairs], dtype=np.int32)),
            [1 / slow_first(row, mine) for row, mine in pairs],
        ),
        "coverage": ([coverage_at(lists, n_movies, k)], [len({m for row in ranked for m in row[:k]}) / n_movies]),
        "novelty": (
            novelty_at(lists, popularity, n_users, k),
            [sum(-math.log2(max(float(popularity[m]), 1) / n_users) for m in row[:k]) / k for row in ranked],
        ),
    }
    for name, (fast, slow) in same.items():
        assert list(fast) == pytest.approx(slow, abs=1e-9), name


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_t65_metrics_equal_those_of_trec_eval_and_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(k)
    n_movies, n_users = 200, 100
    scores = rng.permuted(np.tile(np.arange(n_movies, dtype=np.float64), (n_users, 1)), axis=1)
    liked = rng.random((n_users, n_movies)) < rng.uniform(0.005, 0.2, (n_users, 1))
    liked[:, 0] |= ~liked.any(axis=1)
    hits = np.take_along_axis(liked, np.argsort(-scores, axis=1), axis=1)
    relevant = liked.sum(axis=1).astype(np.int32)
    ndcg = ndcg_at(hits, relevant, k)
    found = {
        f"ndcg_cut_{k}": ndcg,
        f"recall_{k}": recall_at(hits, relevant, k),
        f"success_{k}": hit_rate_at(hits, k),
        f"map_cut_{k}": average_precision_at(hits, relevant, k),
        "recip_rank": reciprocal_rank(hits.argmax(axis=1).astype(np.int32) + 1),
    }
    likes = {str(u): {str(m): 1 for m in np.flatnonzero(liked[u])} for u in range(n_users)}
    ranked = {str(u): {str(m): score for m, score in enumerate(scores[u].tolist())} for u in range(n_users)}
    measures = {f"ndcg_cut.{k}", f"recall.{k}", f"success.{k}", f"map_cut.{k}", "recip_rank"}
    trec = RelevanceEvaluator(likes, measures).evaluate(ranked)
    for name, values in found.items():
        assert values == pytest.approx([trec[str(u)][name] for u in range(n_users)], abs=1e-9), name
    learn = [ndcg_score(liked[u : u + 1], scores[u : u + 1], k=k) for u in range(n_users)]
    assert ndcg == pytest.approx(learn, abs=1e-9)


def test_a_better_order_never_has_a_lower_ndcg() -> None:
    steps = [np.array([[False, False, True]]), np.array([[False, True, False]]), np.array([[True, False, False]])]
    values = [ndcg_at(step, np.array([1], dtype=np.int32), 3)[0] for step in steps]
    assert all(worse < better for worse, better in pairwise(values))
    assert values[-1] == 1.0


def test_auc_by_hand_and_as_a_library_has_it() -> None:
    alike, unlike = np.array([0.5, 0.25, 0.0]), np.array([0.25, 0.0])
    assert auc(alike, unlike) == (2 + 1.5 + 0.5) / 6
    assert auc(alike, unlike) == pytest.approx(roc_auc_score([1, 1, 1, 0, 0], [*alike, *unlike]), abs=1e-12)
