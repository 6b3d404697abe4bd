"""Ensemble: several models under one ranker, which learns from likes that the models have not seen.

The models are fitted on all but the last tenth of each user's ratings. What the best movies of each of them score, and
what is known of those movies beside it (popularity, how much of it is recent, ratings, how much the catalogue says),
are the features; which of them the user then liked is what is learnt, by LambdaMART (Burges 2010) with trees of one
split. A sum of such trees is a sum of curves, one for each feature: a generalised additive model (Zhuang et al. 2021),
exact to explain and quick to apply to every movie. A member's curve never falls, and begins as a straight line, so that
the ranker begins with the sum of what the members say: from nothing, the first trees would leave most candidates as
good as each other, and which of them stand in the first places, that LambdaMART looks at, would be chance. For users of
whom little is known there are other curves: they are learnt from the first likes of users that the models have not
seen at all. Then the models are fitted on all ratings.

Deeper trees reached no more on ml-latest-small, split by time within users, and nothing that they say of a movie can be
told apart any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import lightgbm
import numpy as np
from pydantic import Field

from cinegraph.errors import NotEnoughData
from recommenders.additive_scorer import AdditiveScorer
from recommenders.arrays import DoubleArray, FloatArray
from recommenders.curves import Curves
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.lessons import OPENINGS, Case, Lesson, drawn, last_likes, lesson_of, movie_features, openings, without
from recommenders.model import FitOptions, Model, ModelConfig, Progress
from recommenders.models.members import Members, fitted
from recommenders.scorers import Scorer
from recommenders.search_space import Range, SearchSpace
from recommenders.splits import user_time

HELD_OUT = 0.1
"""Part of each user's ratings, the last ones, that the ranker learns from."""
TRUNCATION = 100
"""Places of a list from which on the order of two movies is all the same to the ranker."""
LINE = (np.arange(20) / 20).astype(np.float32)
"""Scores, as parts of the best one, at which the straight line that a member's curve begins as has its steps."""
SLOPE, OPENING_SLOPE = 1.0, 0.2
"""How high that line is at the best score: for users of a long past, and for those of a short one."""
NEWCOMERS = 0.25
"""Part of the users that are held back, so that it can be learnt what newcomers like."""


class Config(ModelConfig):
    """Hyper-parameters of Ensemble."""

    members: Members = Field(
        ("itemknn", "ease", "graphfilter", "content"), min_length=1, description="models, by name; content needs facts"
    )
    configs: Mapping[str, Mapping[str, Any]] = Field(
        {"graphfilter": {"factors": 32, "sharpen_factors": 32}},
        description="hyper-parameters of members that are not at their defaults, by model",
    )
    candidates: int = Field(150, ge=10, description="best movies of each member that the ranker learns from")
    rounds: int = Field(100, ge=1, description="trees of one split, in each bag")
    learning_rate: float = Field(0.1, gt=0, description="part of a tree that counts")
    bags: int = Field(4, ge=1, description="rankers that learn from other halves of users and features, and are summed")
    users: int = Field(20_000, ge=100, description="users that the ranker learns from, at most, drawn by the seed")
    least: int = Field(200, ge=1, description="candidates on either side of a split, at least")

    search_space: ClassVar[SearchSpace] = {
        "candidates": Range(50, 300),
        "rounds": Range(30, 300, log=True),
        "learning_rate": Range(0.02, 0.3, log=True),
        "least": Range(20, 500, log=True),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Of each feature the thresholds and by how much the curve rises beyond each; members are the first features."""

    members: int
    curves: list[tuple[DoubleArray, DoubleArray]]

    def over(self, features: FloatArray) -> Curves:
        """With what the others give for each movie, from 0 on, by its features (movies, features)."""
        parts = np.zeros(features.shape)
        for feature, (thresholds, steps) in enumerate(self.curves[self.members :]):
            heights = np.concatenate([[0.0], np.cumsum(steps)])
            parts[:, feature] = heights[np.searchsorted(thresholds, features[:, feature])]
        parts[:, 0] -= parts.sum(axis=1).min(initial=0.0)
        of_members = self.curves[: self.members]
        return Curves(
            thresholds=np.concatenate([thresholds for thresholds, _ in of_members]).astype(np.float32),
            values=np.concatenate([steps for _, steps in of_members]).astype(np.float32),
            starts=np.cumsum([0, *(len(thresholds) for thresholds, _ in of_members)]).astype(np.int32),
            own=parts.sum(axis=1).astype(np.float32),
            parts=parts.astype(np.float32),
        )


class Ensemble(Model[Config]):
    """An additive ranker over other models."""

    config_class = Config

    def _learn(self, interactions: Interactions, options: FitOptions) -> AdditiveScorer:
        knowledge, users = options.knowledge, np.unique(interactions.user_index)
        split = user_time(interactions, 1 - HELD_OUT, HELD_OUT)
        names = self.config.members
        members = self._fitted(names, split.train, options, "on the first ratings")
        asked = drawn(users, 1.0, self.config.users, options.seed)
        cases = last_likes(split.train, split.validation, asked)
        curves = self._curves(self._lesson(members, cases, split.train, knowledge), len(members), SLOPE, options)
        opening = self._opening(list(members), interactions, options) or curves
        again = self._fitted(list(members), interactions, options, "on all ratings")
        self.config = self.config.model_copy(update={"members": tuple(again)})
        features = movie_features(interactions, knowledge)
        facts = features.copy()
        facts[:, 0] = np.expm1(features[:, 0])  # likes, not the log of them
        return AdditiveScorer(tuple(again.values()), curves.over(features), opening.over(features), facts)

    def _opening(self, names: list[str], interactions: Interactions, options: FitOptions) -> Steps | None:
        """The curves for users of whom little is known; None where newcomers are too few to learn them from."""
        new = drawn(np.unique(interactions.user_index), NEWCOMERS, self.config.users // len(OPENINGS), options.seed)
        others = without(interactions, new)
        try:
            members = self._fitted(names, others, options, "without newcomers")
            lesson = self._lesson(members, openings(interactions, new), others, options.knowledge)
            return self._curves(lesson, len(members), OPENING_SLOPE, options) if len(members) == len(names) else None
        except NotEnoughData:
            return None

    def _lesson(
        self, members: Mapping[str, Scorer], cases: Iterable[Case], known: Interactions, knowledge: Knowledge | None
    ) -> Lesson:
        return lesson_of(tuple(members.values()), cases, movie_features(known, knowledge), self.config.candidates)

    def beside(self) -> tuple[str, ...]:
        """Its members."""
        return self.config.members

    def _fitted(self, names: Sequence[str], ratings: Interactions, options: FitOptions, what: str) -> dict[str, Scorer]:
        return fitted("ensemble", names, self.config.configs, ratings, options, what)

    def _curves(self, lesson: Lesson, members: int, slope: float, options: FitOptions) -> Steps:
        steps: list[dict[float, float]] = [{} for _ in range(lesson.features.shape[1])]
        for bag in range(self.config.bags):
            booster = self._booster(lesson, members, slope, options.seed + bag)
            for feature, threshold, step in splits(booster):
                steps[feature][threshold] = steps[feature].get(threshold, 0.0) + step / self.config.bags
            options.progress(Progress("ranker", bag + 1, self.config.bags))
        if not any(steps):
            likes = int(lesson.liked.sum())
            raise NotEnoughData(f"ensemble: {likes} likes are too few to weigh its members by; train one of them")
        for own, (threshold, step) in product(steps[:members], line(slope).items()):
            own[threshold] = own.get(threshold, 0.0) + step
        return Steps(members, [(np.array(sorted(one)), np.array([one[t] for t in sorted(one)])) for one in steps])

    def _booster(self, lesson: Lesson, members: int, slope: float, seed: int) -> lightgbm.Booster:
        others = lesson.features.shape[1] - members
        parameters: dict[str, Any] = {
            "objective": "lambdarank",
            "num_leaves": 2,
            "learning_rate": self.config.learning_rate,
            "min_data_in_leaf": min(self.config.least, max(1, len(lesson.liked) // 10)),
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "bagging_by_query": True,
            "feature_fraction": 0.5,
            "monotone_constraints": [1] * members + [0] * others,
            "lambdarank_truncation_level": TRUNCATION,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }
        begun = sum(step * (lesson.features[:, :members] > at).sum(axis=1) for at, step in line(slope).items())
        data = lightgbm.Dataset(lesson.features, lesson.liked, group=lesson.counts, init_score=begun)
        return lightgbm.train(parameters, data, num_boost_round=self.config.rounds)


def line(slope: float) -> dict[float, float]:
    """The steps of a curve that rises evenly to `slope` at the best score, by threshold."""
    return dict.fromkeys(LINE.tolist(), slope / len(LINE))


def splits(booster: lightgbm.Booster) -> Iterator[tuple[int, float, float]]:
    """Of each tree of one split the feature, the threshold, and by how much the tree rises beyond it."""
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        if "split_feature" in root:
            step = root["right_child"]["leaf_value"] - root["left_child"]["leaf_value"]
            yield root["split_feature"], float(np.float32(root["threshold"])), step
