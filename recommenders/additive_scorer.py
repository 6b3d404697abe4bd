"""Several scorers under one additive ranker: a sum of curves, one for each member, and a part of the movie's own.

Where a generalised additive model ranks (Zhuang et al. 2021), each addend can be shown, and is exact: there is nothing
that several members do together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from recommenders.arrays import AnyArray, BoolArray, Csr, DoubleArray, FloatArray, IntArray
from recommenders.scorers import History, Neighbours, Scorer, best_neighbours, candidates_of, check_shape

OWN_FEATURES = ("likes", "recent_likes", "mean_rating", "like_share", "facts")
"""What a movie has of its own, by column: how many like it, the part of them that does so lately, its mean rating, the
part of its ratings that are likes (each drawn to the mean of all), and people, genres and the like in the catalogue."""
SMALLEST = 1e-12
"""A best score that is no larger is none."""


@dataclass(frozen=True, eq=False)
class AdditiveScorer:
    """score(i) = own[i] + sum over members m of curve_m(score_m(i) / the best of them outside the history).

    `own` (movies,) is what a movie has of its own, whoever asks; `facts` (movies, f) are the `OWN_FEATURES` that it is
    made of, and `parts` (movies, f) what each adds, of models that have them. The curve of a member is a step function
    that is 0 at 0: steps `starts[m]` to `starts[m + 1]` of `thresholds` and `values`; beyond each threshold the curve
    rises by the step's value. What a member gives is divided among the movies of the history as the member's own
    contributions are, by size; the rest evenly among those that anybody likes.
    """

    kind: ClassVar[str] = "additive"
    members: tuple[Scorer, ...]
    thresholds: FloatArray
    values: FloatArray
    starts: IntArray
    own: FloatArray
    facts: FloatArray | None = None
    parts: FloatArray | None = None

    @property
    def popularity(self) -> FloatArray:
        """As the members know it (movies,)."""
        return self.members[0].popularity

    @cached_property
    def _curves(self) -> list[tuple[FloatArray, DoubleArray]]:
        """Of each member the thresholds (t,) and the heights before, between and beyond them (t + 1,)."""
        found = []
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            thresholds = self.thresholds[start:end]
            heights = np.concatenate([[0.0], np.cumsum(self.values[start:end].astype(np.float64))])
            found.append((thresholds, heights - heights[np.searchsorted(thresholds, np.float32(0))]))
        return found

    def is_personal(self, history: History) -> bool:
        """Whether the history says anything to a member."""
        return any(member.is_personal(history) for member in self.members)

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The sum of the curves, and the movie's own part."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        total = self.own.astype(np.float64)
        for place, relative in enumerate(self.relative(history)):
            total += self._height(place, relative)
        return candidates_of(total.astype(np.float32), candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The same for many histories (users, movies)."""
        rows = zip(histories.indptr[:-1], histories.indptr[1:], strict=True)
        parts = [slice(start, end) for start, end in rows]
        return np.stack([self.score(History(histories.indices[part], histories.data[part])) for part in parts])

    def relative(self, history: History) -> list[FloatArray]:
        """Of each member the scores as parts of its best one outside the history (movies,), or zeros."""
        free = self.popularity > 0
        free[history.items] = False
        return [self._relative(member, history, free) for member in self.members]

    def contributions(self, history: History, movie_index: int) -> FloatArray:
        """What each movie of the history adds (h,)."""
        found = np.zeros(len(history), dtype=np.float64)
        if not self.is_personal(history):
            return found.astype(np.float32)
        known = self.popularity[history.items] > 0
        even = known / max(int(known.sum()), 1)
        found += self.own[movie_index] * even
        for place, relative in enumerate(self.relative(history)):
            height = float(self._height(place, relative[[movie_index]])[0])
            sizes = np.abs(self.members[place].contributions(history, movie_index).astype(np.float64))
            found += height * (sizes / sizes.sum() if sizes.any() else even)
        return found.astype(np.float32)

    def addends(self, history: History, movie_index: int) -> list[tuple[float, float]]:
        """Of each member its score as a part of its best, and what it adds; then of each of the movie's own features
        its value and what it adds, or of the whole where that is all that is known. They add up to the score."""
        found = []
        for place, relative in enumerate(self.relative(history)):
            value = relative[[movie_index]]
            found.append((float(value[0]), float(self._height(place, value)[0])))
        own = float(self.own[movie_index])
        if self.facts is None or self.parts is None:
            return [*found, (own, own)]
        return [*found, *zip(self.facts[movie_index].tolist(), self.parts[movie_index].tolist(), strict=True)]

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """As the first member says that knows any."""
        for member in self.members:
            found = member.similar(movie_index, k)
            if len(found.items):
                return found
        return best_neighbours(np.zeros(0, dtype=np.float32), k)

    def arrays(self) -> dict[str, AnyArray]:
        """The curves, and the arrays of the members as `place.kind.name`."""
        of_members = {
            f"{place}.{member.kind}.{name}": array
            for place, member in enumerate(self.members)
            for name, array in member.arrays().items()
        }
        return {
            "thresholds": self.thresholds,
            "values": self.values,
            "starts": self.starts,
            "own": self.own,
            **({} if self.facts is None or self.parts is None else {"facts": self.facts, "parts": self.parts}),
            **of_members,
        }

    def check(self) -> None:
        """Members over the same movies, a curve for each, thresholds that rise within each."""
        if not self.members:
            raise ValueError("there are no members")
        for member in self.members:
            member.check()
            check_shape(member.popularity, "a member's popularity", (len(self.own),))
        check_shape(self.starts, "starts", (len(self.members) + 1,))
        check_shape(self.thresholds, "thresholds", (int(self.starts[-1]),))
        check_shape(self.values, "values", self.thresholds.shape)
        for name, array in (("facts", self.facts), ("parts", self.parts)):
            if array is not None:
                check_shape(array, name, (len(self.own), len(OWN_FEATURES)))
        if self.starts[0] != 0 or (np.diff(self.starts) < 0).any():
            raise ValueError(f"starts are {self.starts.tolist()}, and do not rise from 0")
        if any((np.diff(thresholds) <= 0).any() for thresholds, _ in self._curves):
            raise ValueError("the thresholds of a curve do not rise")

    def _height(self, place: int, relative: FloatArray) -> DoubleArray:
        """What a member's curve gives for scores (n,)."""
        thresholds, heights = self._curves[place]
        found: DoubleArray = heights[np.searchsorted(thresholds, relative)]
        return found

    @staticmethod
    def _relative(member: Scorer, history: History, free: BoolArray) -> FloatArray:
        if not member.is_personal(history):
            return np.zeros(len(free), dtype=np.float32)
        scores = member.score(history)
        best = float(scores[free].max(initial=0.0))
        return scores / np.float32(best) if best > SMALLEST else np.zeros_like(scores)
