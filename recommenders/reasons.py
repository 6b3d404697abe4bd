"""Why a movie: paths user → own movie → entity → movie, found in memory, each worth a share of the score.

An own movie's contribution to the score is the model's (`Scorer.contributions`); which path says it best is decided by
how much the entity tells: bits of information (few movies share it) times a weight of the relationships. So a rare
shared person comes before a common genre. Every path is verified in the graph before it is shown (`graph/verify.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from propcache.api import cached_property

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.snapshot import Floats, Ints, Snapshot
from recommenders.histories import UserHistory
from recommenders.told import BY_CODE, BY_PLACE, Told, ranges

SIMILAR_STRENGTH: Final = 0.5
"""Strength, in weighted bits, of "the model holds them to be similar": below any shared person, above a language."""

LOOKED_AT: Final = 3
"""Ways looked at for each reason that is shown, so that not all of them lead over the same entity."""


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
    """Finds the reasons of one user's page; `nodes` (n,) are what scores are made of, movies and preferences, in the
    order of the values that `reasons` is given."""

    def __init__(self, snapshot: Snapshot, told: Told, history: UserHistory, nodes: Sequence[NodeRef]) -> None:
        self._snapshot, self._told, self._history, self._nodes = snapshot, told, history, nodes
        self._rated = {one.movie_id: one for one in history.ratings}
        self._preferred = {one.node: one for one in history.preferences}

    @cached_property
    def _numbers(self) -> Ints:
        """The place of each node in the snapshot (n,), -1 for one that is not there."""
        return np.array([self._snapshot.find(node) for node in self._nodes], np.int32)

    @cached_property
    def _places(self) -> dict[int, int]:
        """The place among the nodes of each number."""
        return {number: place for place, number in enumerate(self._numbers.tolist()) if number >= 0}

    @cached_property
    def _order(self) -> Ints:
        """The place of each node among all by key (n,): which of two equal reasons comes first."""
        by_key = sorted(range(len(self._nodes)), key=self._nodes.__getitem__)
        return np.argsort(np.array(by_key, np.int32)).astype(np.int32)

    @cached_property
    def _own(self) -> tuple[Ints, Ints, Floats]:
        """Of all own movies, by entity: the movie's place among the nodes, the entity, the weight."""
        places = np.flatnonzero((self._numbers >= 0) & (self._numbers < self._snapshot.movies)).astype(np.int32)
        first, count = self._told.rows(self._numbers[places])
        rows = ranges(first, count)
        order = np.argsort(self._told.entity[rows], kind="stable")
        return np.repeat(places, count)[order], self._told.entity[rows[order]], self._told.weight[rows[order]]

    def reasons(self, movie_id: str, values: Floats, count: int) -> list[Reason]:
        """The best `count` paths to a movie, one for each source: by contribution times strength, and over different
        entities as far as there are such. `values` (n,) is what each node adds to the movie's score."""
        target = self._snapshot.find(NodeRef(Label.MOVIE, movie_id))
        if target < 0 or count < 1:
            return []
        ways = self._ways(np.where(self._numbers == target, 0.0, values), target, count * LOOKED_AT)
        return [self._reason(way, target) for way in _varied(ways, target, count)]

    def _ways(self, values: Floats, target: int, count: int) -> "list[_Way]":
        """The best `count` ways, the best first, one for each source: the strongest of those there are to it."""
        found = self._direct(values, target)
        places, entities, strengths = self._over(values, target)
        order = np.lexsort((self._order[places], -values[places] * strengths))[: count + len(found)]
        chosen = (part[order].tolist() for part in (places, entities, strengths))
        for place, entity, strength in zip(*chosen, strict=True):
            if place not in found or strength > found[place].strength:
                found[place] = _Way(place, float(values[place]), strength, entity)
        return sorted(found.values(), key=lambda way: (-way.value, int(self._order[way.place])))[:count]

    def _over(self, values: Floats, target: int) -> tuple[Ints, Ints, Floats]:
        """For each source that has an entity in common with a movie the strongest way: the source's place, the entity,
        the strength; of equals that over the entity that tells most."""
        own_places, own_entities, own_weights = self._own
        near = slice(*self._told.indptr[target : target + 2].tolist())
        entities = self._told.entity[near]
        first, last = (np.searchsorted(own_entities, entities, side) for side in ("left", "right"))
        pairs, count = ranges(first, last - first), last - first
        strength = np.minimum(own_weights[pairs], np.repeat(self._told.weight[near], count))
        strength *= np.repeat(self._snapshot.information[entities], count)
        strength[values[own_places[pairs]] <= 0] = 0.0
        largest = np.zeros(len(values))
        np.maximum.at(largest, own_places[pairs], strength)
        strongest = np.flatnonzero((strength > 0) & (strength == largest[own_places[pairs]]))
        places, at = np.unique(own_places[pairs[strongest]], return_index=True)
        return places, own_entities[pairs[strongest[at]]], strength[strongest[at]]

    def _direct(self, values: Floats, target: int) -> "dict[int, _Way]":
        """By place: what the model holds to be similar, and what the user has a stated preference for."""
        near, found = self._snapshot.ways(target), {}
        for place in sorted(self._places[number] for number in near.keys() & self._places.keys()):
            if (value := float(values[place])) > 0:
                number = int(self._numbers[place])
                telling = self._snapshot.bits[number] * max(map(self._weight, near[number]))
                strength = telling if number >= self._snapshot.movies else SIMILAR_STRENGTH
                found[place] = _Way(place, value, strength, target)
        return found

    def _rows(self, way: "_Way", target: int) -> tuple[int, ...]:
        """Of the adjacency of `way.via`: the movie's strongest relationship with the source, or the strongest pair of
        an entity's with the source and with the movie; of equals the first."""
        number = int(self._numbers[way.place])
        if way.via == target:
            return (max(self._snapshot.ways(way.via)[number], key=self._weight),)
        return strongest(self._snapshot, way.via, number, target)

    def _weight(self, row: int) -> float:
        return weight_of(self._snapshot, row)

    def _reason(self, way: "_Way", target: int) -> Reason:
        snapshot, first = self._snapshot, self._nodes[way.place]
        middle = [snapshot.ref(way.via)] if way.via != target else []
        source, rating = self._source(first)
        return Reason(
            nodes=(first, *middle, snapshot.ref(target)),
            edges=tuple(snapshot.edge(snapshot.link(way.via, row)) for row in self._rows(way, target)),
            source=source,
            rating=rating,
            contribution=way.contribution,
            strength=way.strength,
        )

    def _source(self, node: NodeRef) -> tuple[EdgeRef | None, float | None]:
        """The user's own edge to a node, and the rating on it."""
        if node.label is Label.MOVIE:
            rated = self._rated[node.id]
            return self._history.rating_edge(rated), rated.rating if rated.element_id else None
        user = NodeRef(Label.USER, self._history.user_id or "")
        return EdgeRef(Relation.PREFERS, user, node, self._preferred[node].element_id), None


def strongest(snapshot: Snapshot, entity: int, one: int, other: int) -> tuple[int, int]:
    """The rows of the adjacency, of an entity's relationships with two movies, that tell most of both; of equals the
    first."""
    around, bits = snapshot.ways(entity), snapshot.bits[entity]

    def strength(pair: tuple[int, int]) -> float:
        return bits * min(weight_of(snapshot, pair[0]), weight_of(snapshot, pair[1]))

    return max(product(around[one], around[other]), key=strength)


def weight_of(snapshot: Snapshot, row: int) -> float:
    """Of one relationship, by its type and an actor's place."""
    place = snapshot.orders[row]
    return BY_CODE[snapshot.codes[row]] * (BY_PLACE[place] if place > 0 else 1.0)


def over(snapshot: Snapshot, entity: int, one: int, other: int) -> tuple[EdgeRef, EdgeRef]:
    """The relationships that lead from a movie over an entity to another movie: those that tell most."""
    rows = strongest(snapshot, entity, one, other)
    return snapshot.edge(snapshot.link(entity, rows[0])), snapshot.edge(snapshot.link(entity, rows[1]))


@dataclass(frozen=True, slots=True)
class _Way:
    """A way from the node at a place to the movie: over the entity `via`, or straight where that is the movie."""

    place: int
    contribution: float
    strength: float
    via: int

    @property
    def value(self) -> float:
        return self.contribution * self.strength


def _varied(ways: Sequence[_Way], target: int, count: int) -> list[_Way]:
    """The first `count`, those over an entity that an earlier one leads over only where others are used up."""
    first = {way.via: way for way in reversed(ways)}
    fresh = [way for way in ways if way.via == target or first[way.via] is way]
    again = [way for way in ways if way.via != target and first[way.via] is not way]
    return [*fresh, *again][:count]
