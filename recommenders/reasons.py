"""Why a movie: paths user → own movie → entity → movie, found in memory, each worth a share of the score.

An own movie's contribution to the score is the model's (`Scorer.contributions`); which path says it best is decided by
how much the entity tells: bits of information (few movies share it) times a weight of the relationships. So a rare
shared person comes before a common genre. Every path is verified in the graph before it is shown (`graph/verify.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import product
from typing import Final, NamedTuple

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.snapshot import BILLED, RELATIONS, Snapshot
from recommenders.histories import UserHistory

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

MOST: Final = max(WEIGHTS.values())

SIMILAR_STRENGTH: Final = 0.5
"""Strength, in weighted bits, of "the model holds them to be similar": below any shared person, above a language."""

LOOKED_AT: Final = 3
"""Ways looked at for each reason that is shown, so that not all of them lead over the same entity."""


class Contribution(NamedTuple):
    """What one own movie, or one stated preference, adds to a score, in the scale of the model.

    Where the model knows nothing of the user, the movie's own popularity stands in, with the movie itself as the node.
    """

    node: NodeRef
    value: float


@dataclass(frozen=True, slots=True)
class Reason:
    """A path from what the user did to a movie.

    `edges` lead from the user's own movie to the movie, in the order of `nodes`; `source` is the user's own edge before
    them (None for a movie that an anonymous visitor says to like). `contribution` is the source's part of the score,
    `strength` how much the path tells, in weighted bits.
    """

    nodes: tuple[NodeRef, ...]
    edges: tuple[EdgeRef, ...]
    source: EdgeRef | None
    rating: float | None
    contribution: float
    strength: float

    @property
    def all_edges(self) -> tuple[EdgeRef, ...]:
        """With the user's own edge in front, where there is one."""
        return (self.source, *self.edges) if self.source else self.edges


class Explainer:
    """Finds the reasons of one user's page."""

    def __init__(self, snapshot: Snapshot, history: UserHistory) -> None:
        self._snapshot, self._history = snapshot, history
        self._rated = {one.movie_id: one for one in history.ratings}
        self._preferred = {one.node: one for one in history.preferences}

    def reasons(self, movie_id: str, contributions: Sequence[Contribution], count: int) -> list[Reason]:
        """The best `count` paths to a movie, one for each source: by contribution times strength, and over different
        entities as far as there are such."""
        target = self._snapshot.find(NodeRef(Label.MOVIE, movie_id))
        if target < 0 or count < 1:
            return []
        own = {self._snapshot.find(one.node): one for one in contributions if one.value > 0}
        sources = {number: one for number, one in own.items() if number >= 0 and number != target}
        ways = self._ways(sources, target, count * LOOKED_AT)
        return [self._reason(way, target) for way in _varied(ways, count)]

    def _ways(self, sources: Mapping[int, Contribution], target: int, count: int) -> "list[_Way]":
        """The best `count` ways, the best first; entities that cannot lead to one of them any more are left out."""
        found = self._direct(sources, target)
        largest = max((one.value for one in sources.values()), default=0.0)
        near, bits, movies = self._snapshot.ways(target), self._snapshot.bits, self._snapshot.movies
        for entity in sorted((one for one in near if one >= movies), key=lambda one: (-bits[one], one)):
            if largest * bits[entity] * MOST <= _least(found, count):
                break
            around = self._snapshot.ways(entity)
            for number in sources.keys() & around.keys():
                way = self._over(entity, sources[number], around[number], around[target])
                if way.strength > (found[number].strength if number in found else 0.0):
                    found[number] = way
        return sorted(found.values(), key=lambda way: (-way.value, way.contribution.node))[:count]

    def _direct(self, sources: Mapping[int, Contribution], target: int) -> "dict[int, _Way]":
        """By source: what the model holds to be similar, and what the user has a stated preference for."""
        near, found = self._snapshot.ways(target), {}
        for number in sources.keys() & near.keys():
            (row, *_), source = near[number], sources[number]
            similar = source.node.label is Label.MOVIE
            strength = SIMILAR_STRENGTH if similar else self._strength(number, row, row)
            found[number] = _Way(source, strength, target, (row,))
        return found

    def _over(self, entity: int, source: Contribution, one: Sequence[int], other: Sequence[int]) -> "_Way":
        """The strongest pair of an entity's relationships with a source and with the movie; of equals the first."""
        pairs = product(one, other)
        strength, rows = max(((self._strength(entity, *pair), pair) for pair in pairs), key=lambda found: found[0])
        return _Way(source, strength, entity, rows)

    def _strength(self, entity: int, one: int, other: int) -> float:
        return self._snapshot.bits[entity] * min(self._weight(one), self._weight(other))

    def _weight(self, row: int) -> float:
        """Of one relationship, by its type and an actor's place."""
        place = self._snapshot.orders[row]
        return _BY_CODE[self._snapshot.codes[row]] * (_BY_PLACE[place] if place > 0 else 1.0)

    def _reason(self, way: "_Way", target: int) -> Reason:
        snapshot, first = self._snapshot, way.contribution.node
        middle = [snapshot.ref(way.via)] if way.via != target else []
        source, rating = self._source(first)
        return Reason(
            nodes=(first, *middle, snapshot.ref(target)),
            edges=tuple(snapshot.edge(snapshot.link(way.via, row)) for row in way.rows),
            source=source,
            rating=rating,
            contribution=way.contribution.value,
            strength=way.strength,
        )

    def _source(self, node: NodeRef) -> tuple[EdgeRef | None, float | None]:
        """The user's own edge to a node, and the rating on it."""
        if node.label is Label.MOVIE:
            rated = self._rated[node.id]
            return self._history.rating_edge(rated), rated.rating if rated.element_id else None
        user = NodeRef(Label.USER, self._history.user_id or "")
        return EdgeRef(Relation.PREFERS, user, node, self._preferred[node].element_id), None


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to the movie: over the entity `via` by two rows of its adjacency, or by one row of the movie's own."""

    contribution: Contribution
    strength: float
    via: int
    rows: tuple[int, ...]

    @property
    def value(self) -> float:
        return self.contribution.value * self.strength


_BY_CODE: Final = [WEIGHTS.get(relation, 0.0) for relation in RELATIONS]
_BY_PLACE: Final = [next(part for last, part in BILLING if place <= last) for place in range(BILLED + 1)]


def _least(found: Mapping[int, _Way], count: int) -> float:
    """The value of the last of the best `count`; 0 where there are not as many."""
    return min(nlargest(count, (way.value for way in found.values()))) if len(found) >= count else 0.0


def _varied(ways: Sequence[_Way], count: int) -> list[_Way]:
    """The first `count`, those over an entity that an earlier one leads over only where others are used up."""
    first = {way.via: way for way in reversed(ways)}
    fresh = [way for way in ways if first[way.via] is way or len(way.rows) == 1]
    again = [way for way in ways if first[way.via] is not way and len(way.rows) > 1]
    return [*fresh, *again][:count]
