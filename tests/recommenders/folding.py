"""The same model with the vectors that its users were trained with, to compare folding in with."""

import numpy as np

from recommenders.evaluation import UserMetrics, measure
from recommenders.interactions import Interactions
from recommenders.models.lightgcn import LightGCN
from recommenders.scorers import FactorScorer, History


class TrainedUsers(FactorScorer):
    """Scores by the trained vector of the user whose history it is."""

    def know(self, users: np.ndarray, known: Interactions) -> "TrainedUsers":
        """Remember each user by the history."""
        vectors = {known.history(user).items.tobytes(): vector for user, vector in enumerate(users)}
        object.__setattr__(self, "vectors", vectors)
        return self

    def _user(self, history: History) -> np.ndarray:
        vectors: dict[bytes, np.ndarray] = self.vectors  # type: ignore[attr-defined]
        return vectors[history.items.tobytes()].astype(np.float64)


def folded_and_trained(model: LightGCN, known: Interactions, target: Interactions) -> tuple[UserMetrics, UserMetrics]:
    """What is found as served, and with the users' own vectors."""
    scorer = model.scorer()
    trained = TrainedUsers(**scorer.arrays()).know(model.trained_users(), known)
    return measure(scorer, known, target), measure(trained, known, target)
