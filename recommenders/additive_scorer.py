"""Several scorers under one additive ranker: a sum of curves, one for each member, and a part of the movie's own.

Where a generalised additive model ranks (Zhuang et al. 2021), each addend can be shown, and is exact: there is nothing
that several members do together.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from recommenders.arrays import AnyArray, BoolArray, Csr, FloatArray, IntArray
from recommenders.curves import Curves
from recommenders.members import OfMembers, each
from recommenders.scorers import History, Scorer, candidates_of, check_shape

OWN_FEATURES = ("likes", "recent_likes", "mean_rating", "like_share", "facts")
"""What a movie has of its own, by column: how many like it, the part of them that does so lately, its mean rating, the
part of its ratings that are likes (each drawn to the mean of all), and people, genres and the like in the catalogue."""
SMALLEST = 1e-12
"""A best score that is no larger is none."""
FEW: Final = 5
"""Movies of a history up to which the curves of openings count alone."""
MANY: Final = 10
"""Movies of a history from which on they do not count any more; between the two they fade."""
OPENING: Final = "opening"
"""What the names of the arrays of these curves begin with."""


@dataclass(frozen=True, eq=False)
class AdditiveScorer(OfMembers):
    """score(i) = own[i] + sum over members m of curve_m(score_m(i) / the best of them outside the history).

    There are two sets of curves: `opening` for histories of few movies, `curves` for those of many; between `FEW` and
    `MANY` movies a score is a mean of both. What a member gives is divided among the movies of the history as the
    member's own contributions are, by size; the rest evenly among those that anybody likes. `facts` (movies, f)
    holds the `OWN_FEATURES` that the movies' own parts are made of, of models that have them.
    """

    kind: ClassVar[str] = "additive"
    curves: Curves
    opening: Curves
    facts: FloatArray | None = None

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The sum of the curves, and the movie's own part."""
        if not self.is_personal(history):
            return candidates_of(self.popularity, candidates)
        relative = self.relative(history)
        total = np.zeros(len(self.popularity), dtype=np.float64)
        for share, curves in self.weighed(len(history)):
            total += share * curves.own
            for place, one in enumerate(relative):
                total += share * curves.height(place, one)
        return candidates_of(total.astype(np.float32), candidates)

    def score_many(self, histories: Csr) -> FloatArray:
        """The same for many histories (users, movies)."""
        return np.stack([self.score(history) for history in each(histories)])

    def weighed(self, liked: int) -> list[tuple[float, Curves]]:
        """The curves that count for a history of so many movies, with their shares, which add up to 1."""
        opening = min(max((MANY - liked) / (MANY - FEW), 0.0), 1.0)
        return [(share, curves) for share, curves in ((opening, self.opening), (1 - opening, self.curves)) if share]

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
        weighed = self.weighed(len(history))
        found += sum(share * float(curves.own[movie_index]) for share, curves in weighed) * even
        for place, relative in enumerate(self.relative(history)):
            here = relative[[movie_index]]
            height = sum(share * float(curves.height(place, here)[0]) for share, curves in weighed)
            sizes = np.abs(self.members[place].contributions(history, movie_index).astype(np.float64))
            found += height * (sizes / sizes.sum() if sizes.any() else even)
        return found.astype(np.float32)

    def addends(self, history: History, movie_index: int) -> list[tuple[float, float]]:
        """Of each member its score as a part of its best, and what it adds; then of each of the movie's own features
        its value and what it adds, or of the whole where that is all that is known. They add up to the score."""
        weighed, found = self.weighed(len(history)), list[tuple[float, float]]()
        for place, relative in enumerate(self.relative(history)):
            here = relative[[movie_index]]
            added = sum(share * float(curves.height(place, here)[0]) for share, curves in weighed)
            found.append((float(here[0]), added))
        own = sum(share * float(curves.own[movie_index]) for share, curves in weighed)
        parts = [share * curves.parts[movie_index] for share, curves in weighed if curves.parts is not None]
        if self.facts is None or len(parts) < len(weighed):
            return [*found, (own, own)]
        return [*found, *zip(self.facts[movie_index].tolist(), sum(parts).tolist(), strict=True)]

    def arrays(self) -> dict[str, AnyArray]:
        """The curves, those of openings as `opening.name`, and the arrays of the members as `place.kind.name`."""
        of_openings = {f"{OPENING}.{name}": array for name, array in self.opening.arrays().items()}
        facts = {} if self.facts is None else {"facts": self.facts}
        return {**self.curves.arrays(), **of_openings, **facts, **super().arrays()}

    def check(self) -> None:
        """Members over the same movies, and curves that fit them."""
        super().check()
        movies = len(self.popularity)
        for curves in (self.curves, self.opening):
            curves.check(len(self.members), movies)
        if self.facts is not None:
            check_shape(self.facts, "facts", (movies, len(OWN_FEATURES)))

    @staticmethod
    def _relative(member: Scorer, history: History, free: BoolArray) -> FloatArray:
        if not member.is_personal(history):
            return np.zeros(len(free), dtype=np.float32)
        scores = member.score(history)
        best = float(scores[free].max(initial=0.0))
        return scores / np.float32(best) if best > SMALLEST else np.zeros_like(scores)
