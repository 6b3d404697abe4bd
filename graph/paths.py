"""The k most informative simple paths between two nodes, in memory, within a limit of hops.

The cost of a path is the sum over its inner nodes of log2(2 + degree), plus one for each hop: a path through a rare
person is cheaper than one through a genre that thousands of movies share. The search is best first with an exact bound
(Bellman-Ford from the goal over at most `max_hops` rounds), so that it expands little more than the paths it returns,
also where hubs are near.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

import numpy as np

from cinegraph.errors import InvalidInput
from cinegraph.types import EdgeRef, NodeRef, Relation
from graph.snapshot import CODES, Floats, Snapshot

MAX_HOPS = 6
EXPANSIONS = 20_000
"""Partial paths looked at before the search gives up on more: bounds the time on graphs full of hubs."""

SIMILAR = CODES[Relation.SIMILAR]

PathKey: TypeAlias = tuple[float, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FoundPath:
    """A path by keys, with its cost in bits (lower is more informative)."""

    nodes: tuple[NodeRef, ...]
    edges: tuple[EdgeRef, ...]
    cost: float

    @property
    def key(self) -> PathKey:
        """Its place in the order of all paths, by what lasts: cost, then nodes, then relationships; Neo4j's ids tell
        parallel ones apart."""
        relations, numbers = zip(*((edge.relation.value, edge.element_id) for edge in self.edges), strict=True)
        return self.cost, tuple(map(str, self.nodes)), relations, numbers


@dataclass(frozen=True, slots=True)
class UserEdges:
    """The caller's own relationships, which the catalogue does not hold: movie number → relationship."""

    user: NodeRef
    edges: Mapping[int, EdgeRef]


@dataclass(slots=True)
class _Search:
    snapshot: Snapshot
    own: UserEdges | None
    allowed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    bounds: list[Floats] = field(default_factory=list)

    @property
    def user(self) -> int:
        """The number of the user's node, after all others."""
        return len(self.snapshot.ids)

    def number_of(self, node: NodeRef) -> int:
        if self.own and node == self.own.user:
            return self.user
        return self.snapshot.find(node)

    def price(self, node: int) -> float:
        """What it costs to pass through a node."""
        degree = self.snapshot.degree[node] if node != self.user else len(self.own.edges) if self.own else 0
        return float(np.log2(2.0 + float(degree)))

    def steps(self, node: int) -> Iterator[tuple[int, EdgeRef | int]]:
        """Each neighbour, with the user's own relationship or the row of the adjacency."""
        snapshot = self.snapshot
        if node == self.user:
            yield from self.own.edges.items() if self.own else ()
            return
        similar: set[int] = set()
        for row in range(int(snapshot.indptr[node]), int(snapshot.indptr[node + 1])):
            if self.allowed[snapshot.relation[row]]:
                other = int(snapshot.neighbour[row])
                if snapshot.relation[row] == SIMILAR:
                    if other in similar:  # each holds the other to be similar: one path says it
                        continue
                    similar.add(other)
                yield other, row
        if self.own and node in self.own.edges:
            yield self.user, self.own.edges[node]

    def prepare(self, goal: int, hops: int) -> None:
        """bounds[h][v]: the cheapest way from v to the goal in at most h hops, v itself not counted."""
        prices = np.append(np.log2(2.0 + self.snapshot.degree), self.price(self.user))
        bound = np.full(len(prices), np.inf)
        bound[goal] = 0.0
        self.bounds = [bound]
        for _ in range(hops):
            through = self.bounds[-1] + prices
            through[goal] = 0.0
            best = np.minimum(self.bounds[-1], self._relax(through))
            best[goal] = 0.0
            self.bounds.append(best)

    def _relax(self, through: Floats) -> Floats:
        """For each node one hop plus the cheapest of its neighbours."""
        snapshot = self.snapshot
        best = np.full(len(through), np.inf)
        values = np.where(self.allowed[snapshot.relation], through[snapshot.neighbour], np.inf)
        filled = np.flatnonzero(snapshot.degree)
        if len(filled):
            best[filled] = 1.0 + np.minimum.reduceat(values, snapshot.indptr[filled])
        if self.own and self.own.edges:
            movies = np.fromiter(self.own.edges, dtype=np.int64)
            best[self.user] = 1.0 + through[movies].min()
            best[movies] = np.minimum(best[movies], 1.0 + through[self.user])
        return best


def find_paths(
    snapshot: Snapshot,
    start: NodeRef,
    goal: NodeRef,
    *,
    max_hops: int,
    count: int,
    via: Sequence[Relation] | None = None,
    own: UserEdges | None = None,
    after: PathKey | None = None,
) -> list[FoundPath]:
    """The `count` cheapest simple paths of 1 to `max_hops` hops, in the order of their keys.

    `via` limits the relationships (None: all); `after` leaves out all paths up to that key. Unknown ends and equal ends
    give none. Raises `InvalidInput` for a bad limit.
    """
    if not 1 <= max_hops <= MAX_HOPS:
        raise InvalidInput(f"maxHops: {max_hops}; a path has 1 to {MAX_HOPS} hops")
    search = _Search(snapshot, own, _allowed(via))
    first, last = search.number_of(start), search.number_of(goal)
    if first < 0 or last < 0 or first == last:
        return []
    search.prepare(last, max_hops)
    found: list[FoundPath] = []
    for _, equal in groupby(_cheapest(search, first, last, max_hops), key=lambda one: one[0]):
        paths = sorted((_found(search, *one) for one in equal), key=lambda path: path.key)
        found += [path for path in paths if after is None or path.key > after]
        if len(found) >= count:
            break
    return found[:count]


def _allowed(via: Sequence[Relation] | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if via is None:
        return np.ones(len(CODES), dtype=bool)
    allowed = np.zeros(len(CODES), dtype=bool)
    allowed[[CODES[relation] for relation in via]] = True
    return allowed


def _cheapest(
    search: _Search, first: int, last: int, max_hops: int
) -> Iterator[tuple[float, tuple[int, ...], tuple[EdgeRef | int, ...]]]:
    """Paths in order of cost, rounded to 1e-9 bits."""
    queue: list[tuple[float, tuple[int, ...], tuple[int, ...], float, tuple[EdgeRef | int, ...]]] = []
    heapq.heappush(queue, (float(search.bounds[max_hops][first]), (first,), (), 0.0, ()))
    expanded = 0
    while queue and expanded < EXPANSIONS:
        bound, nodes, rows, cost, edges = heapq.heappop(queue)
        if nodes[-1] == last:
            yield round(cost, 9), nodes, edges
            continue
        expanded += 1
        left = max_hops - len(nodes)
        passed = cost + (search.price(nodes[-1]) if len(nodes) > 1 else 0.0) + 1.0
        bounds = search.bounds[left]
        for other, edge in search.steps(nodes[-1]):
            rest = 0.0 if other == last else float(bounds[other]) + search.price(other)
            if rest < np.inf and other not in nodes:
                row = edge if isinstance(edge, int) else -1
                total = round(passed + rest, 9)
                heapq.heappush(queue, (total, (*nodes, other), (*rows, row), passed, (*edges, edge)))


def _found(search: _Search, cost: float, nodes: tuple[int, ...], edges: tuple[EdgeRef | int, ...]) -> FoundPath:
    snapshot = search.snapshot
    refs = tuple(search.own.user if search.own and node == search.user else snapshot.ref(node) for node in nodes)
    links = tuple(
        snapshot.edge(snapshot.link(node, edge)) if isinstance(edge, int) else edge
        for node, edge in zip(nodes, edges, strict=False)
    )
    return FoundPath(refs, links, cost)
