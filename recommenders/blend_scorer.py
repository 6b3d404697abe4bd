"""Several scorers added up, each with a weight, after their scores were brought to one scale."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recommenders.arrays import AnyArray, Csr, FloatArray, IntArray
from recommenders.members import OfMembers, each
from recommenders.scorers import History, candidates_of, check_shape, or_popularity

SMALLEST = 1e-12
"""Scores that spread no more than that say nothing."""


@dataclass(frozen=True, eq=False)
class BlendScorer(OfMembers):
    """score(i) = sum over members m of weights[m] * score_m(i) / the standard deviation of score_m over all movies.

    A member that the history says nothing to counts nothing. Within one history the sum is linear in the members'
    scores, so that their contributions add up to it.
    """

    kind: ClassVar[str] = "blend"
    weights: FloatArray

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The weighted sum."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        total = np.zeros(len(self.popularity), dtype=np.float64)
        for factor, scores in self.scaled(history):
            total += factor * scores
        return candidates_of(total.astype(np.float32), candidates)

    def scaled(self, history: History) -> list[tuple[float, FloatArray]]:
        """Of each member what its scores are multiplied by, and the scores (movies,); 0 where it says nothing."""
        found = []
        for weight, member in zip(self.weights.tolist(), self.members, strict=True):
            scores = member.score(history)
            deviation = float(scores.std(dtype=np.float64)) if member.is_personal(history) else 0.0
            found.append((weight / deviation if deviation > SMALLEST else 0.0, scores))
        return found

    def score_many(self, histories: Csr) -> FloatArray:
        """The same for many histories (users, movies)."""
        parts = each(histories)
        total = np.zeros(histories.shape, dtype=np.float32)
        for weight, member in zip(self.weights.tolist(), self.members, strict=True):
            scores = member.score_many(histories)
            deviation = scores.std(axis=1, dtype=np.float64)
            told = np.array([member.is_personal(one) for one in parts]) & (deviation > SMALLEST)
            total += scores * np.where(told, weight / np.where(told, deviation, 1.0), 0.0).astype(np.float32)[:, None]
        return or_popularity(total, np.array([self.is_personal(one) for one in parts]), self.popularity)

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What each movie of the history adds, by all members together (h,)."""
        found = np.zeros(len(history), dtype=np.float64)
        if self.is_personal(history):
            for (factor, _), member in zip(self.scaled(history), self.members, strict=True):
                found += factor * member.contributions(history, movie_index)
        return found.astype(np.float32)

    def addends(self, history: History, movie_index: int) -> list[tuple[float, float]]:
        """Of each member its score of the movie, and what it adds; these add up to the score."""
        return [
            (float(scores[movie_index]), factor * float(scores[movie_index])) for factor, scores in self.scaled(history)
        ]

    def arrays(self) -> dict[str, AnyArray]:
        """The weights, and the arrays of the members as `place.kind.name`."""
        return {"weights": self.weights, **super().arrays()}

    def check(self) -> None:
        """Members over the same movies, and a weight for each."""
        super().check()
        check_shape(self.weights, "weights", (len(self.members),))
