"""Why a movie: paths user → own movie → entity → movie, found in memory, each worth a share of the score.

An own movie's contribution to the score is the model's (`Scorer.contributions`); which path says it best is decided by
how much the entity tells: bits of information (few movies share it) times a weight of the relationships. So a rare
shared person comes before a common genre. Every path is verified in the graph before it is shown (`graph/verify.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.snapshot import RELATIONS, Link, Snapshot
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

MOST: Final = max(WEIGHTS.values())

SIMILAR_STRENGTH: Final = 0.5
"""Strength, in weighted bits, of "the model holds them to be similar": below any shared person, above a language."""

OWN_MOVIES: Final = 20
"""Own movies, the largest contributions first, for which a path is looked for; the others where there is none."""


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
        """The best `count` paths to a movie, one for each source, the most telling contribution first."""
        target = self._snapshot.find(NodeRef(Label.MOVIE, movie_id))
        if target < 0 or count < 1:
            return []
        positive = sorted((one for one in contributions if one.value > 0), key=lambda one: (-one.value, one.node))
        found = self._ways(positive[:OWN_MOVIES], target) or self._ways(positive[OWN_MOVIES:], target)
        found.sort(key=lambda way: (-way.contribution.value * way.strength, way.contribution.node))
        return [self._reason(way, target) for way in found[:count]]

    def _ways(self, contributions: Sequence[Contribution], target: int) -> "list[_Way]":
        return [way for one in contributions if (way := self._way(one, target))]

    def _way(self, contribution: Contribution, target: int) -> "_Way | None":
        """The strongest way from what contributes to the movie."""
        own = self._snapshot.find(contribution.node)
        if own < 0 or own == target:
            return None
        if contribution.node.label is not Label.MOVIE:
            rows = self._snapshot.ways(target).get(own)
            return _Way(contribution, own, self._strength(own, rows[0], rows[0]), (), rows[:1]) if rows else None
        strength, one, other = self._shared(own, target)
        similar = self._snapshot.ways(own).get(target)
        if similar and strength < SIMILAR_STRENGTH:
            return _Way(contribution, own, SIMILAR_STRENGTH, similar[:1], ())
        return _Way(contribution, own, strength, (one,), (other,)) if strength else None

    def _shared(self, own: int, target: int) -> tuple[float, int, int]:
        """The strongest way over one entity: its strength (0 for none) and its two rows; of equals the first rows."""
        mine, theirs = self._snapshot.ways(own), self._snapshot.ways(target)
        bits, movies = self._snapshot.bits, self._snapshot.movies
        best = (0.0, 0, 0)
        for entity in sorted(mine.keys() & theirs.keys(), key=bits.__getitem__, reverse=True):
            if bits[entity] * MOST < best[0]:
                break  # those that follow tell less
            if entity >= movies:
                for one, other in product(mine[entity], theirs[entity]):
                    strength = self._strength(entity, one, other)
                    if (strength, -one, -other) > (best[0], -best[1], -best[2]):
                        best = strength, one, other
        return best

    def _strength(self, entity: int, one: int, other: int) -> float:
        codes = self._snapshot.codes
        return self._snapshot.bits[entity] * min(_BY_CODE[codes[one]], _BY_CODE[codes[other]])

    def _reason(self, way: "_Way", target: int) -> Reason:
        snapshot = self._snapshot
        links = [snapshot.link(way.own, row) for row in way.rows]
        links += [snapshot.link(target, row) for row in way.last_rows]
        middle = [_other(links[0], way.own)] if way.rows and way.last_rows else []
        source, rating = self._source(way.contribution.node)
        return Reason(
            nodes=tuple(snapshot.ref(node) for node in (way.own, *middle, target)),
            edges=tuple(snapshot.edge(link) for link in links),
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
    """A way to the movie: rows of the adjacency of the own movie, then of the movie."""

    contribution: Contribution
    own: int
    strength: float
    rows: tuple[int, ...]
    last_rows: tuple[int, ...]


_BY_CODE: Final = [WEIGHTS.get(relation, 0.0) for relation in RELATIONS]


def _other(link: Link, node: int) -> int:
    return link.end if link.start == node else link.start
