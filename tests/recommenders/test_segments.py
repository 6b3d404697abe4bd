"""Segments: by hand on a few users, and every movie to be found in one kind of popularity."""

import numpy as np
import polars as pl

from recommenders.evaluation import ask
from recommenders.facts import MovieFacts
from recommenders.interactions import Interactions
from recommenders.scorers import PopularityScorer
from recommenders.segments import popularity_kind, segments
from recommenders.splits import Question, asked_users


def question() -> Question:
    """Ten users who know movie `a`, six of whom like `b` later, and four `c`."""
    rows = [(f"u{n}", "a", 5.0, 1) for n in range(10)] + [("x", "b", 5.0, 1), ("x", "c", 4.0, 1), ("y", "b", 4.0, 1)]
    rows += [(f"u{n}", "b" if n < 6 else "c", 4.5, 9) for n in range(10)]
    whole = Interactions.from_frame(pl.DataFrame(rows, schema=["user_id", "movie_id", "rating", "at"], orient="row"))
    known, target = whole.subset(whole.at < 5), whole.subset(whole.at > 5)
    return Question(known, target, asked_users(known, target))


FACTS = MovieFacts.from_genres([("drama",), ("drama", "horror"), ("comedy",)], [1979, 1994, None])


def test_segments_by_hand() -> None:
    asked = question()
    found = segments(ask(PopularityScorer(asked.known.likes()), asked), asked, FACTS, 0)
    shown = {(one.dimension, one.name): (one.count, one.figure.mean) for one in found}
    ndcg = (6 * 1 + 4 / np.log2(3)) / 10
    assert shown == {
        ("activity (NDCG@10)", "1 to 9"): (10, ndcg),
        ("popularity (R@20)", "middle"): (6, 1.0),
        ("era (R@20)", "1990s"): (6, 1.0),
        ("genre (R@20)", "drama"): (6, 1.0),
        ("genre (R@20)", "horror"): (6, 1.0),
    }


def test_what_is_not_found_counts() -> None:
    asked = question()
    measured = ask(PopularityScorer(np.array([0, 0, 5], dtype=np.float32)), asked)
    measured.lists[:, 1:] = -1
    found = {one.name: one.figure.mean for one in segments(measured, asked, FACTS, 0)}
    assert found["horror"] == 0.0


def test_kinds_of_popularity_by_hand() -> None:
    assert popularity_kind(np.array([10.0, 50.0, 10.0, 10.0, 10.0, 10.0, 0.0])).tolist() == [1, 0, 1, 1, 2, 2, 2]
