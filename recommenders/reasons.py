"""Why a movie: paths user → own movie → entity → movie, found in memory, each worth a share of the score.

An own movie's contribution to the score is the model's (`Scorer.contributions`); which path says it best is decided by
how much the entity tells: bits of information (few movies share it) times a weight of the relationships. So a rare
shared person comes before a common genre. Every path is verified in the graph before it is shown (`graph/verify.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.snapshot import Link, Snapshot
from recommenders.histories import Preference, Rated, UserHistory

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

SIMILAR_STRENGTH: Final = 0.5
"""Strength, in weighted bits, of "the model holds them to be similar": below any shared person, above a language."""

OWN_MOVIES: Final = 20
"""Own movies, the largest contributions first, for which a path is looked for."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one own movie, or one stated preference, adds to a score, in the scale of the model."""

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
    """Finds the reasons of one user's page; remembers what it looked up for the next movie of the page."""

    def __init__(self, snapshot: Snapshot, history: UserHistory) -> None:
        self._snapshot, self._history = snapshot, history
        self._rated = {one.movie_id: one for one in history.ratings}
        self._preferred = {one.node: one for one in history.preferences}
        self._links: dict[int, dict[int, list[Link]]] = {}

    def reasons(self, movie_id: str, contributions: Sequence[Contribution], count: int) -> list[Reason]:
        """The best `count` paths to a movie, one for each source, the most telling contribution first."""
        target = self._snapshot.find(NodeRef(Label.MOVIE, movie_id))
        if target < 0 or count < 1:
            return []
        positive = sorted((one for one in contributions if one.value > 0), key=lambda one: (-one.value, one.node))
        found = [reason for one in positive[:OWN_MOVIES] if (reason := self._reason(one, target))]
        found.sort(key=lambda reason: (-reason.contribution * reason.strength, reason.nodes))
        return found[:count]

    def _reason(self, contribution: Contribution, target: int) -> Reason | None:
        own = self._snapshot.find(contribution.node)
        if own < 0:
            return None
        if contribution.node.label is not Label.MOVIE:
            return self._preference(self._preferred[contribution.node], own, target, contribution.value)
        rated = self._rated[contribution.node.id]
        best = max(self._between(own, target), key=lambda found: (found[0], *_order(found[1])), default=None)
        return None if best is None else self._made(rated, own, best, target, contribution.value)

    def _made(self, rated: Rated, own: int, best: tuple[float, tuple[Link, ...]], target: int, value: float) -> Reason:
        strength, links = best
        middle = [_other(links[0], own)] if len(links) == 2 else []
        return Reason(
            nodes=tuple(self._snapshot.ref(node) for node in (own, *middle, target)),
            edges=tuple(self._snapshot.edge(link) for link in links),
            source=self._history.rating_edge(rated),
            rating=rated.rating if rated.element_id else None,
            contribution=value,
            strength=strength,
        )

    def _preference(self, preference: Preference, entity: int, target: int, value: float) -> Reason | None:
        links = self._links_of(target).get(entity, [])
        if not links:
            return None
        user = NodeRef(Label.USER, self._history.user_id or "")
        return Reason(
            nodes=(preference.node, self._snapshot.ref(target)),
            edges=(self._snapshot.edge(links[0]),),
            source=EdgeRef(Relation.PREFERS, user, preference.node, preference.element_id),
            rating=None,
            contribution=value,
            strength=float(self._snapshot.information[entity]) * _weight(links[0], links[0]),
        )

    def _between(self, own: int, target: int) -> list[tuple[float, tuple[Link, ...]]]:
        """Every way from an own movie to the movie: over one entity, or straight by the model's similarity."""
        mine, theirs = self._links_of(own), self._links_of(target)
        found: list[tuple[float, tuple[Link, ...]]] = [
            (float(self._snapshot.information[entity]) * _weight(one, other), (one, other))
            for entity in mine.keys() & theirs.keys()
            if entity >= self._snapshot.movies
            for one in mine[entity]
            for other in theirs[entity]
        ]
        found += [(SIMILAR_STRENGTH, (link,)) for link in mine.get(target, [])]
        return found

    def _links_of(self, node: int) -> dict[int, list[Link]]:
        """The relationships of a node by the node at their other end."""
        known = self._links.get(node)
        if known is None:
            known = self._links[node] = {}
            for link in self._snapshot.links(node):
                known.setdefault(_other(link, node), []).append(link)
        return known


def _other(link: Link, node: int) -> int:
    return link.end if link.start == node else link.start


def _weight(one: Link, other: Link) -> float:
    return min(WEIGHTS.get(one.relation, 0.0), WEIGHTS.get(other.relation, 0.0))


def _order(links: tuple[Link, ...]) -> tuple[int, ...]:
    """Among equally strong paths the one with the smallest relationship numbers."""
    return tuple(-link.number for link in links)
