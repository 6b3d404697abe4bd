"""Blend: the scores of several models, each over its standard deviation, added up with weights.

The weights are learnt, where they are not given, on a tenth of each user's ratings that is drawn by the seed and that
the members have not seen: the member that ranks best has 1, and each other one, the better first, the weight of a
short list with which NDCG@20 is highest, 0 among them. Then the members are fitted on all ratings.

Where an ensemble learns curves from what is known of thousands of candidates, this learns a few numbers: it can be told
apart by member and by movie of the history alike, and does well where members err in different ways, as likes spread
over a graph and factors do.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from cinegraph.errors import InvalidInput, NotEnoughData
from recommenders.arrays import BoolArray, FloatArray
from recommenders.blend_scorer import BlendScorer
from recommenders.interactions import Interactions
from recommenders.lessons import Case, drawn, last_likes
from recommenders.metrics import ndcg_at
from recommenders.model import FitOptions, Model, ModelConfig
from recommenders.models.members import Members, fitted
from recommenders.ranking import allowed, top_k
from recommenders.scorers import Scorer
from recommenders.search_space import SearchSpace
from recommenders.splits import user_random

HELD_OUT = 0.1
"""Part of each user's ratings that the weights are learnt from."""
TRIED = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5)
"""Weights of a member beside the best one's 1."""
TOP = 20
"""Places of a list that the weights are to get right."""
CANDIDATES = 200
"""Best movies of each member among which a list is made."""


class Config(ModelConfig):
    """Hyper-parameters of Blend."""

    members: Members = Field(("graphfilter", "ials"), min_length=1, description="models, by name")
    configs: Mapping[str, Mapping[str, Any]] = Field(
        {}, description="hyper-parameters of members that are not at their defaults, by model"
    )
    weights: tuple[float, ...] | None = Field(None, description="of each member; none: learnt, and then kept")
    users: int = Field(6000, ge=100, description="users that the weights are learnt from, at most, drawn by the seed")

    search_space: ClassVar[SearchSpace] = {}


class Blend(Model[Config]):
    """A weighted sum of other models."""

    config_class = Config

    def _learn(self, interactions: Interactions, options: FitOptions) -> BlendScorer:
        names = list(self.config.members)
        weights = self._given(names) or self._learnt(names, interactions, options)
        kept = {name: weight for name, weight in weights.items() if weight > 0}
        again = fitted("blend", list(kept), self.config.configs, interactions, options, "on all ratings")
        if len(again) < len(kept):
            left_out = ", ".join(kept.keys() - again.keys())
            raise NotEnoughData(f"blend: there are weights for {', '.join(kept)}, but too little to fit {left_out}")
        own = list(kept.values())
        self.config = self.config.model_copy(update={"members": tuple(again), "weights": tuple(own)})
        return BlendScorer(tuple(again.values()), np.array(own, dtype=np.float32))

    def beside(self) -> tuple[str, ...]:
        """Its members."""
        return self.config.members

    def _given(self, names: list[str]) -> dict[str, float]:
        weights = self.config.weights
        if weights is None:
            return {}
        if len(weights) != len(names) or not all(weight > 0 for weight in weights):
            raise InvalidInput(f"weights = {weights}: one above 0 is wanted for each of {', '.join(names)}")
        return dict(zip(names, weights, strict=True))

    def _learnt(self, names: list[str], interactions: Interactions, options: FitOptions) -> dict[str, float]:
        """The weight of each member that can be fitted, by the name of what was fitted."""
        split = user_random(interactions, 1 - HELD_OUT, HELD_OUT, options.seed)
        members = fitted("blend", names, self.config.configs, split.train, options, "on nine tenths")
        users = drawn(np.unique(interactions.user_index), 1.0, self.config.users, options.seed)
        lists = Lists(tuple(members.values()), last_likes(split.train, split.validation, users))
        alone = [lists.ndcg(np.eye(len(members), dtype=np.float32)[place]) for place in range(len(members))]
        order = np.argsort([-one for one in alone], kind="stable").tolist()
        weights = np.zeros(len(members), dtype=np.float32)
        weights[order[0]] = 1.0
        for place in order[1:]:
            tried = [np.where(np.arange(len(members)) == place, value, weights) for value in TRIED]
            weights = max(tried, key=lists.ndcg)
        return dict(zip(members, weights.tolist(), strict=True))


class Lists:
    """The best candidates of each member for users, with their scaled scores, and which of them are wanted."""

    def __init__(self, members: tuple[Scorer, ...], cases: Iterable[Case]) -> None:
        probe = BlendScorer(members, np.ones(len(members), dtype=np.float32))
        self._rows: list[tuple[FloatArray, BoolArray, int]] = []
        for case in cases:
            if not probe.is_personal(case.history):
                continue
            scaled = [np.float32(factor) * scores for factor, scores in probe.scaled(case.history)]
            free = allowed(len(probe.popularity), case.history, case.seen, None)
            best = np.unique(np.concatenate([top_k(one, free, CANDIDATES).items for one in scaled]))
            wanted = np.isin(best, case.wanted)
            self._rows.append((np.stack([one[best] for one in scaled]), wanted, len(case.wanted)))
        if not any(wanted.any() for _, wanted, _ in self._rows):
            raise NotEnoughData("blend: no rating held back is for a movie that a member finds; train its members")

    def ndcg(self, weights: FloatArray) -> float:
        """The mean NDCG@20 with these weights (members,)."""
        hits = np.zeros((len(self._rows), TOP), dtype=np.bool_)
        for row, (scores, wanted, _) in enumerate(self._rows):
            best = np.argsort(-(weights @ scores), kind="stable")[:TOP]
            hits[row, : len(best)] = wanted[best]
        relevant = np.array([count for _, _, count in self._rows])
        return float(ndcg_at(hits, relevant, TOP).mean())
