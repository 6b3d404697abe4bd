"""What the catalogue says of each movie: its entities, and how much the relationship with each says about taste.

Made once for a catalogue, so that what two movies have in common is found with a few array operations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cinegraph.types import Relation
from graph.snapshot import BILLED, RELATIONS, Floats, Ints, Longs, Snapshot

WEIGHTS: Final[Mapping[Relation, float]] = {
    Relation.PART_OF: 2.0,
    Relation.DIRECTED: 1.5,
    Relation.WROTE: 1.2,
    Relation.ACTED_IN: 1.0,
    Relation.HAS_KEYWORD: 0.8,
    Relation.CREW: 0.6,
    Relation.PRODUCED_BY: 0.4,
    Relation.HAS_GENRE: 0.3,
    Relation.IN_LANGUAGE: 0.05,
    Relation.FROM_COUNTRY: 0.05,
}
"""How much a relationship says about taste, beside how rare it is: a judgement, kept in one place."""

BILLING: Final = ((2, 1.0), (5, 0.6), (BILLED, 0.3))
"""Up to which place in the billing an actor counts how much: leading roles say more about a film than small ones."""

BY_CODE: Final = [WEIGHTS.get(relation, 0.0) for relation in RELATIONS]
BY_PLACE: Final = [next(part for last, part in BILLING if place <= last) for place in range(BILLED + 1)]


@dataclass(frozen=True, slots=True)
class Told:
    """The entities of the movie of number m stand from `indptr[m]` to `indptr[m + 1]` (movies + 1,): each once, the one
    that tells most first. `weight` is the largest of the relationships between the movie and the entity."""

    indptr: Longs
    entity: Ints
    weight: Floats

    def rows(self, movies: Ints) -> tuple[Longs, Longs]:
        """Where the entities of each movie begin, and how many there are."""
        first = self.indptr[movies]
        return first, self.indptr[movies + 1] - first


def told_of(snapshot: Snapshot) -> Told:
    """What a catalogue says of its movies."""
    movies, end = snapshot.movies, int(snapshot.indptr[snapshot.movies])
    movie = np.repeat(np.arange(movies), np.diff(snapshot.indptr[: movies + 1]))
    entity, places = snapshot.neighbour[:end], np.array([*BY_PLACE, 1.0])  # the last, at -1, is of no billing
    weight = np.array(BY_CODE)[snapshot.relation[:end]] * places[snapshot.order[:end]]
    order = np.lexsort((-weight, entity, -snapshot.information[entity], movie))
    order = order[(entity[order] >= movies) & (weight[order] > 0)]
    once = order[np.flatnonzero(np.diff(movie[order] << 32 | entity[order], prepend=-1))]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(movie[once], minlength=movies))])
    return Told(indptr.astype(np.int64), entity[once], weight[once])


def ranges(first: Longs, count: Longs) -> Longs:
    """All of first, first + 1, … of as many as `count` says, one range after the other."""
    ends = np.cumsum(count)
    found: Longs = np.arange(int(count.sum())) + np.repeat(first - (ends - count), count)
    return found
