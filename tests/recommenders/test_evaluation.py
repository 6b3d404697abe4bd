"""Evaluation: by hand on three users, nothing seen is shown, every figure carries what it is about."""

import json
import math

import numpy as np
import polars as pl
import pytest

from recommenders.evaluation import Origin, compare, measure, summarise
from recommenders.interactions import Interactions
from recommenders.scorers import PopularityScorer
from recommenders.splits import user_time
from tests.recommenders.planted import planted

CONTEXT = Origin("popular", "user_time", "test", 0, "f" * 64)


def parts() -> tuple[Interactions, Interactions]:
    """What is known, and what comes later: a and b are asked, c likes nothing later, d has no past."""
    rows = [
        ("a", "1", 5.0, 1),
        ("a", "2", 2.0, 1),
        ("b", "1", 4.0, 1),
        ("b", "3", 4.0, 1),
        ("c", "3", 4.5, 1),
        ("a", "3", 4.0, 9),
        ("a", "5", 5.0, 9),
        ("b", "4", 4.0, 9),
        ("c", "4", 1.0, 9),
        ("d", "4", 5.0, 9),
    ]
    whole = Interactions.from_frame(pl.DataFrame(rows, schema=["user_id", "movie_id", "rating", "at"], orient="row"))
    return whole.subset(whole.at < 5), whole.subset(whole.at > 5)


def test_figures_by_hand() -> None:
    """Popularity is 2, 0, 2, 0, 0: a is shown 3, 4, 5 and wants 3 and 5; b is shown 2, 4, 5 and wants 4."""
    known, target = parts()
    found = measure(PopularityScorer(known.likes()), known, target)
    assert known.users[found.users].tolist() == ["a", "b"]
    assert [[known.movies[item] for item in row if item >= 0] for row in found.lists] == [
        ["3", "4", "5"],
        ["2", "4", "5"],
    ]
    second, third = 1 / math.log2(3), 1 / 2
    assert found.ndcg_at_10 == pytest.approx([(1 + third) / (1 + second), second], abs=1e-12)
    assert found.recall_at_10.tolist() == found.recall_at_20.tolist() == [1.0, 1.0]
    assert found.mrr.tolist() == [1.0, 0.5]
    assert found.hit_rate_at_10.tolist() == [1.0, 1.0]
    assert found.coverage_at_10 == 0.8
    bits = [-math.log2(2 / 3), -math.log2(1 / 3), -math.log2(1 / 3)]
    assert found.novelty_at_10 == pytest.approx([sum(bits) / 3, -math.log2(1 / 3)], abs=1e-9)


def test_nothing_that_was_known_is_shown() -> None:
    split = user_time(planted())
    known = split.before_test()
    found = measure(PopularityScorer(known.likes()), known, split.test)
    for user, shown in zip(found.users, found.lists, strict=True):
        assert not np.isin(shown, known.seen_by(user)).any()
        assert (shown >= 0).all()


def test_the_summary_is_json_with_all_that_it_is_about() -> None:
    known, target = parts()
    found = summarise(measure(PopularityScorer(known.likes()), known, target), CONTEXT)
    again = json.loads(json.dumps(found.as_json()))
    assert again["context"] == {
        "model": "popular",
        "protocol": "user_time",
        "part": "test",
        "seed": 0,
        "fingerprint": "f" * 64,
    }
    assert again["users"] == 2
    assert again["mrr"] == {"mean": 0.75, "low": 0.5, "high": 1.0}


def test_some_users_are_drawn_by_the_seed() -> None:
    split = user_time(planted())
    scorer = PopularityScorer(split.train.likes())
    one, same, other = (measure(scorer, split.train, split.test, 30, seed).users for seed in (1, 1, 2))
    assert len(one) == 30
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()
    assert len(measure(scorer, split.train, split.test, 10_000).users) == len(
        measure(scorer, split.train, split.test).users
    )


def test_a_model_beside_itself_has_no_advantage() -> None:
    known, target = parts()
    found = measure(PopularityScorer(known.likes()), known, target)
    beside = compare(found, found, "popular", 0)
    assert beside.baseline == "popular"
    assert (beside.difference.mean, beside.difference.low, beside.difference.high) == (0, 0, 0)
