"""The same model with the vectors that its users were trained with, to compare folding in with."""

import numpy as np

from recommenders.evaluation import measure
from recommenders.interactions import Interactions
from recommenders.models.lightgcn import LightGCN
from recommenders.scorers import FactorScorer, History


class TrainedUsers(FactorScorer):
    """Scores by the trained vector of the user whose history it is."""

    def know(self, users: np.ndarray, known: Interactions) -> "TrainedUsers":  # type: ignore[type-arg]
        """Remember each user by the history."""
        vectors = {known.history(user).items.tobytes(): vector for user, vector in enumerate(users)}
        object.__setattr__(self, "vectors", vectors)
        return self

    def _user(self, history: History) -> np.ndarray:  # type: ignore[type-arg]
        vectors: dict[bytes, np.ndarray] = self.vectors  # type: ignore[type-arg, attr-defined]
        return vectors[history.items.tobytes()].astype(np.float64)


def ndcg_folded_and_trained(model: LightGCN, known: Interactions, target: Interactions) -> tuple[float, float]:
    """NDCG@10 as served, and with the users' own vectors."""
    scorer = model.scorer()
    trained = TrainedUsers(**scorer.arrays()).know(model.trained_users(), known)  # type: ignore[arg-type]
    folded, own = (measure(one, known, target).ndcg_at_10.mean() for one in (scorer, trained))
    return float(folded), float(own)
