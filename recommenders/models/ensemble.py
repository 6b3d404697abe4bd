"""Ensemble: several models under one ranker, which learns from the last ratings that the models have not seen.

The models are fitted on all but the last tenth of each user's ratings. What the best movies of each of them score, and
what is known of those movies beside it (popularity, how much of it is recent, ratings, how much the catalogue says),
are the features; which of them the user then liked is what is learnt, by LambdaMART (Burges 2010) with trees of one
split. A sum of such trees is a sum of curves, one for each feature: a generalised additive model (Zhuang et al. 2021),
exact to explain and quick to apply to every movie. A member's curve never falls. Then the models are fitted on all
ratings.

Deeper trees are no better: on ml-latest-small, split by time within users, trees of four and six leaves reached no more
than those of one split, while nothing they say of a movie can be told apart any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import lightgbm
import numpy as np
from pydantic import Field

from cinegraph.errors import InvalidInput, ModelTooLarge, NotEnoughData
from cinegraph.types import MAX_RATING, MIN_RATING
from recommenders import registry
from recommenders.additive_scorer import AdditiveScorer
from recommenders.arrays import DoubleArray, FloatArray, IntArray
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions, Model, ModelConfig, Progress
from recommenders.ranking import allowed, top_k
from recommenders.scorers import Scorer
from recommenders.search_space import Range, SearchSpace
from recommenders.splits import user_time

HELD_OUT = 0.1
"""Part of each user's ratings, the last ones, that the ranker learns from."""
RECENT = 0.1
"""Part of all likes, the last ones, that count as recent."""
TOP = 10
"""Places of a list that the ranker is to get right."""
SHRINKAGE = 5.0
"""Likes or ratings that a movie is thought to have beside its own, at the mean of all."""
MIDDLE = (MIN_RATING + MAX_RATING) / 2 + 0.75
"""What ratings are usually near to: 3.5."""


class Config(ModelConfig):
    """Hyper-parameters of Ensemble."""

    members: tuple[str, ...] = Field(
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
    least: int = Field(200, ge=1, description="candidates on either side of a split, at least")

    search_space: ClassVar[SearchSpace] = {
        "candidates": Range(50, 300),
        "rounds": Range(30, 300, log=True),
        "learning_rate": Range(0.02, 0.3, log=True),
        "least": Range(20, 500, log=True),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What the ranker learns from: features (rows, features), which rows were liked (rows,), rows a user (users,)."""

    features: FloatArray
    liked: IntArray
    counts: IntArray


class Ensemble(Model[Config]):
    """An additive ranker over other models."""

    config_class = Config

    def _learn(self, interactions: Interactions, options: FitOptions) -> AdditiveScorer:
        split = user_time(interactions, 1 - HELD_OUT, HELD_OUT)
        members = self._fitted(self._names(), split.train, options, "on the first ratings")
        lesson = self._lesson(tuple(members.values()), split.train, split.validation, options.knowledge)
        curves = self._curves(lesson, len(members), options)
        again = self._fitted(list(members), interactions, options, "on all ratings")
        self.config = self.config.model_copy(update={"members": tuple(again)})
        return assembled(tuple(again.values()), curves, movie_features(interactions, options.knowledge))

    def beside(self) -> tuple[str, ...]:
        """Its members."""
        return self.config.members

    def _names(self) -> list[str]:
        if "ensemble" in self.config.members:
            raise InvalidInput("members = 'ensemble': an ensemble is no member of itself; name other models")
        return list(dict.fromkeys(self.config.members))

    def _fitted(self, names: list[str], ratings: Interactions, options: FitOptions, what: str) -> dict[str, Scorer]:
        """Members by name, those left out that have too little to learn from, as content without a catalogue."""
        found, reasons = dict[str, Scorer](), list[str]()
        for place, name in enumerate(names, 1):
            try:
                fitted, scorer = self._member(name, ratings, replace(options, validation=None))
                found[fitted] = scorer
            except NotEnoughData as error:
                reasons.append(f"{name}: {error}")
            options.progress(Progress(f"members, {what}", place, len(names), name))
        if not found:
            raise NotEnoughData(f"no member of the ensemble can be fitted; {'; '.join(reasons)}")
        return found

    def _member(self, name: str, ratings: Interactions, options: FitOptions) -> tuple[str, Scorer]:
        """A member, or what stands in for one that is too large, by name."""
        try:
            return name, registry.create(name, self.config.configs.get(name)).fit(ratings, options).scorer()
        except ModelTooLarge:
            stand_in = registry.entry(name).stand_in
            if not stand_in:
                raise
            return self._member(stand_in, ratings, options)

    def _lesson(
        self, members: tuple[Scorer, ...], known: Interactions, target: Interactions, knowledge: Knowledge | None
    ) -> Lesson:
        own, rows = movie_features(known, knowledge), list[tuple[FloatArray, IntArray]]()
        probe = AdditiveScorer(members, *_flat(len(members)), own=np.zeros(known.n_movies, np.float32))
        for user in np.unique(target.positives().user_index).tolist():
            history = known.history(user)
            if not probe.is_personal(history):
                continue
            relative, free = probe.relative(history), allowed(known.n_movies, history, known.seen_by(user), None)
            best = np.unique(np.concatenate([top_k(one, free, self.config.candidates).items for one in relative]))
            liked = np.isin(best, target.history(user).items).astype(np.int32)
            rows.append((np.column_stack([*(one[best] for one in relative), own[best]]), liked))
        if not sum(int(liked.sum()) for _, liked in rows):
            raise NotEnoughData("ensemble: no last rating is for a movie that a member finds; train its members")
        features, labels = (np.concatenate(part) for part in zip(*rows, strict=True))
        return Lesson(features, labels, np.array([len(liked) for _, liked in rows], np.int32))

    def _curves(self, lesson: Lesson, members: int, options: FitOptions) -> list[tuple[DoubleArray, DoubleArray]]:
        """Of each feature thresholds and steps."""
        steps: list[dict[float, float]] = [{} for _ in range(lesson.features.shape[1])]
        for bag in range(self.config.bags):
            booster = self._booster(lesson, members, options.seed + bag)
            for feature, threshold, step in splits(booster):
                steps[feature][threshold] = steps[feature].get(threshold, 0.0) + step / self.config.bags
            options.progress(Progress("ranker", bag + 1, self.config.bags))
        if not any(steps[:members]):
            likes = int(lesson.liked.sum())
            raise NotEnoughData(f"ensemble: {likes} likes are too few to weigh its members by; train one of them")
        return [(np.array(sorted(one)), np.array([one[t] for t in sorted(one)])) for one in steps]

    def _booster(self, lesson: Lesson, members: int, seed: int) -> lightgbm.Booster:
        others = lesson.features.shape[1] - members
        parameters: dict[str, Any] = {
            "objective": "lambdarank",
            "num_leaves": 2,
            "learning_rate": self.config.learning_rate,
            "min_data_in_leaf": min(self.config.least, max(1, len(lesson.liked) // 10)),
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "feature_fraction": 0.5,
            "monotone_constraints": [1] * members + [0] * others,
            "lambdarank_truncation_level": TOP,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }
        data = lightgbm.Dataset(lesson.features, lesson.liked, group=lesson.counts)
        return lightgbm.train(parameters, data, num_boost_round=self.config.rounds)


def splits(booster: lightgbm.Booster) -> Iterator[tuple[int, float, float]]:
    """Of each tree of one split the feature, the threshold, and by how much the tree rises beyond it."""
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        if "split_feature" in root:
            step = root["right_child"]["leaf_value"] - root["left_child"]["leaf_value"]
            yield root["split_feature"], root["threshold"], step


def movie_features(known: Interactions, knowledge: Knowledge | None) -> FloatArray:
    """What is known of each movie, whoever asks (movies, 5): log likes, part of them that is recent, mean rating, part
    of the ratings that are likes, and entities in the catalogue."""
    likes, ratings = known.likes().astype(np.float64), np.bincount(known.movie_index, minlength=known.n_movies)
    liked = known.positives()
    since = np.sort(liked.at)[int(len(liked) * (1 - RECENT))]
    recent = np.bincount(liked.movie_index[liked.at >= since], minlength=known.n_movies)
    total = np.bincount(known.movie_index, known.rating, known.n_movies)
    entities = np.zeros(known.n_movies)
    for _, matrix in (knowledge.links if knowledge else {}).values():
        entities += np.diff(matrix.indptr)
    features = (
        np.log1p(likes),
        (recent + SHRINKAGE * RECENT) / (likes + SHRINKAGE),
        (total + SHRINKAGE * MIDDLE) / (ratings + SHRINKAGE),
        (likes + SHRINKAGE / 2) / (ratings + SHRINKAGE),
        entities,
    )
    return np.column_stack(features).astype(np.float32)


def assembled(
    members: tuple[Scorer, ...], curves: list[tuple[DoubleArray, DoubleArray]], features: FloatArray
) -> AdditiveScorer:
    """The scorer: the members' curves, and what the others give for each movie, from 0 on."""
    parts = np.zeros(features.shape)
    for feature, (thresholds, steps) in enumerate(curves[len(members) :]):
        heights = np.concatenate([[0.0], np.cumsum(steps)])
        parts[:, feature] = heights[np.searchsorted(thresholds, features[:, feature])]
    parts[:, 0] -= parts.sum(axis=1).min(initial=0.0)
    facts = features.copy()
    facts[:, 0] = np.expm1(features[:, 0])
    of_members = curves[: len(members)]
    return AdditiveScorer(
        members=members,
        thresholds=np.concatenate([thresholds for thresholds, _ in of_members]).astype(np.float32),
        values=np.concatenate([steps for _, steps in of_members]).astype(np.float32),
        starts=np.cumsum([0, *(len(thresholds) for thresholds, _ in of_members)]).astype(np.int32),
        own=parts.sum(axis=1).astype(np.float32),
        facts=facts,
        parts=parts.astype(np.float32),
    )


def _flat(members: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Curves without a step."""
    nothing = np.zeros(0, dtype=np.float32)
    return nothing, nothing, np.zeros(members + 1, dtype=np.int32)
