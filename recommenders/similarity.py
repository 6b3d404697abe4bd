"""Movies like one movie, by what people like, by what the catalogue says, by the ways between both, or by all of that.

Each basis gives every movie of the catalogue a score from 0 to 1, 0 for one that it holds to be unlike:

- behaviour: the neighbours that the served model finds (`Scorer.similar`), in parts of the nearest one's similarity,
- content and graph: what both share (`likeness.py`), which stands for itself,
- blend: the mean of the others, each in parts of its best, with `BLENDED` as weights; a basis that says nothing of a
  movie, as behaviour does of one that nobody has rated, takes no part.

The catalogue stays the record of the reasons: what is shared is read again in the graph before it is shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from propcache.api import cached_property

from graph.snapshot import UNKNOWN, Floats, Ints, Mask, Snapshot
from recommenders.likeness import Shared, by_content, by_graph
from recommenders.scorers import Scorer
from recommenders.told import Told


class SimilarityBasis(StrEnum):
    """What a likeness stands on."""

    BEHAVIOUR = "BEHAVIOUR"
    CONTENT = "CONTENT"
    GRAPH = "GRAPH"
    BLEND = "BLEND"


BLENDED: Final[Mapping[SimilarityBasis, float]] = {
    SimilarityBasis.BEHAVIOUR: 8.0,
    SimilarityBasis.CONTENT: 1.0,
    SimilarityBasis.GRAPH: 1.0,
}
"""The weights of a blend."""


@dataclass(frozen=True, eq=False)
class Compared:
    """How like a movie all are: what each basis adds to their scores (movies,); those that say nothing are not here."""

    movie: int
    parts: Mapping[SimilarityBasis, Floats]

    @cached_property
    def scores(self) -> Floats:
        """From 0 to 1 (movies,); empty where no basis says anything."""
        found: Floats = np.sum([*self.parts.values()], axis=0) if self.parts else np.zeros(0)
        return found

    def added(self, movie: int) -> dict[SimilarityBasis, float]:
        """What each basis adds to the score of one movie."""
        return {basis: float(values[movie]) for basis, values in self.parts.items()}


@dataclass(frozen=True, slots=True)
class Similar:
    """A movie like another: its number, its score, its place from 1, and what each basis adds to the score."""

    movie: int
    score: float
    rank: int
    parts: Mapping[SimilarityBasis, float]


@dataclass(frozen=True, eq=False)
class Similarity:
    """What is like what in a catalogue under a model; `columns` (M,) holds the number of each of the model's movies, -1
    for one that is not there."""

    snapshot: Snapshot
    base: Scorer | None
    columns: Ints
    shared: Mapping[SimilarityBasis, Shared]

    @classmethod
    def of(cls, snapshot: Snapshot, told: Told, base: Scorer | None, columns: Ints) -> "Similarity":
        """Of a catalogue and what it says of its movies; without a model there is no behaviour."""
        content, graph = by_content(snapshot, told).warmed(), by_graph(snapshot).warmed()
        return cls(snapshot, base, columns, {SimilarityBasis.CONTENT: content, SimilarityBasis.GRAPH: graph})

    def compare(self, movie: int, basis: SimilarityBasis) -> Compared:
        """How like the movie of a number all others are."""
        asked = BLENDED if basis is SimilarityBasis.BLEND else (basis,)
        scores = {one: self._scores(movie, one) for one in asked}
        saying = {one: values for one, values in scores.items() if values.any()}
        return Compared(movie, blended(saying) if basis is SimilarityBasis.BLEND else saying)

    def _scores(self, movie: int, basis: SimilarityBasis) -> Floats:
        return self._behaviour(movie) if basis is SimilarityBasis.BEHAVIOUR else self.shared[basis].scores(movie)

    def _behaviour(self, movie: int) -> Floats:
        found, place = np.zeros(self.snapshot.movies), int(self._places[movie])
        if self.base is None or place == UNKNOWN:
            return found
        near = self.base.similar(place, len(self.columns))
        numbers = self.columns[near.items]
        there = (numbers >= 0) & (near.scores > 0)
        found[numbers[there]] = near.scores[there] / near.scores[there].max(initial=1e-12)
        return found

    @cached_property
    def _places(self) -> Ints:
        """The model's place of each movie (movies,), -1 for one that it does not have."""
        places = np.full(self.snapshot.movies, UNKNOWN, np.int32)
        there = np.flatnonzero(self.columns >= 0)
        places[self.columns[there]] = there
        return places

    def between(self, one: int, other: int, basis: SimilarityBasis) -> float:
        """How alike two movies are: the mean of both directions."""
        there, back = self.compare(one, basis), self.compare(other, basis)
        return sum(float(found.scores[to]) for found, to in ((there, other), (back, one)) if found.parts) / 2

    def shares(self, compared: Compared, similar: Similar) -> dict[int, float]:
        """The entities that two movies share, by number, each with its part of the score; the largest first."""
        found: dict[int, float] = {}
        for basis, added in similar.parts.items():
            if basis in self.shared and added > 0:
                entities, parts = self.shared[basis].parts(compared.movie, similar.movie)
                for entity, part in zip(entities.tolist(), (parts / parts.sum()).tolist(), strict=True):
                    number = entity + self.snapshot.movies
                    found[number] = found.get(number, 0.0) + part * added / similar.score
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def blended(scores: Mapping[SimilarityBasis, Floats]) -> dict[SimilarityBasis, Floats]:
    """What each basis that says anything adds to a blend."""
    total = sum(BLENDED[basis] for basis in scores)
    return {basis: values / values.max() * (BLENDED[basis] / total) for basis, values in scores.items()}


def page_of(
    compared: Compared, allowed: Mask, first: int, after: tuple[float, int] | None = None
) -> tuple[list[Similar], bool]:
    """The next `first` movies after a score and a number, of those `allowed` (movies,), and whether there are more:
    the highest score first, equal ones by number."""
    if not compared.parts:
        return [], False
    scores = compared.scores
    numbers = np.flatnonzero(allowed & (scores > 0))
    order = numbers[np.lexsort((numbers, -scores[numbers]))]
    start = 0
    if after is not None:
        score, number = after
        start = int(np.count_nonzero((scores[order] > score) | ((scores[order] == score) & (order <= number))))
    chosen = enumerate(order[start : start + first].tolist(), start + 1)
    page = [Similar(movie, float(scores[movie]), rank, compared.added(movie)) for rank, movie in chosen]
    return page, start + first < len(order)
