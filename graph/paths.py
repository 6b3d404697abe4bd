"""The k most informative simple paths between two nodes, in memory, within a limit of hops.

The cost of a path is the sum over its inner nodes of log2(2 + degree), plus one for each hop: a path through a rare
person is cheaper than one through a genre that thousands of movies share. The search is best first with a bound of the
way that is left (Bellman-Ford from the goal over at most `max_hops` rounds). A node's ways on are sorted by that bound
once, and taken one by one, so that a hub costs what is looked at of it. The bound does not know that a path must not
cross itself, so the steps of a search are limited, and an answer says where the limit was reached.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import NamedTuple, TypeAlias

import numpy as np

from cinegraph.errors import InvalidInput
from cinegraph.types import EdgeRef, NodeRef, Relation
from graph.snapshot import CODES, UNKNOWN, Floats, Longs, Mask, Snapshot

MAX_HOPS = 6
STEPS = 20_000
"""Ways on that are looked at before a search gives up: some 0.2 s of CPU time."""

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


@dataclass(frozen=True, slots=True)
class FoundPaths:
    """Paths in order; `complete` is false where there may be more, and the search gave up."""

    paths: list[FoundPath]
    complete: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """The ways on from a node, the best first: the other end, the row of the adjacency (-1 for the user's own
    relationship), and the least that is left from there."""

    others: Longs
    rows: Longs
    left: Floats


@dataclass(slots=True)
class _Search:
    snapshot: Snapshot
    own: UserEdges | None
    allowed: Mask
    start: int = UNKNOWN
    goal: int = UNKNOWN
    prices: Floats = field(default_factory=lambda: np.zeros(0))
    bounds: list[Floats] = field(default_factory=list)
    ways: dict[tuple[int, int], _Ways] = field(default_factory=dict)
    steps: int = 0

    @property
    def user(self) -> int:
        """The number of the user's node, after all others."""
        return len(self.snapshot.ids)

    def number_of(self, node: NodeRef) -> int:
        if self.own and node == self.own.user:
            return self.user
        return self.snapshot.find(node)

    def prepare(self, start: int, goal: int, hops: int) -> None:
        """bounds[h][v]: the cheapest way from v to the goal in at most h hops not over the start, v not counted.

        `prices` are what it costs to pass through a node.
        """
        self.start, self.goal = start, goal
        degrees = np.append(self.snapshot.degree, len(self.own.edges) if self.own else 0)
        self.prices = np.log2(2.0 + degrees)
        bound = np.full(len(self.prices), np.inf)
        bound[goal] = 0.0
        self.bounds = [bound]
        for _ in range(hops):
            through = self.bounds[-1] + self.prices
            through[goal], through[start] = 0.0, np.inf
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

    def ways_on(self, node: int, hops: int) -> _Ways:
        """From a node with so many hops left after the next; sorted once."""
        found = self.ways.get((node, hops))
        if found is None:
            others, rows = self._next(node)
            left = np.where(others == self.goal, 0.0, self.bounds[hops][others] + self.prices[others])
            order = np.lexsort((rows, others, left))
            order = order[np.isfinite(left[order])]
            found = self.ways[node, hops] = _Ways(others[order], rows[order], left[order])
        return found

    def _next(self, node: int) -> tuple[Longs, Longs]:
        """Each neighbour but the start, with the row that leads there."""
        snapshot, own = self.snapshot, self.own.edges if self.own else {}
        if node == self.user:
            others, rows = np.fromiter(own, np.int64), np.full(len(own), UNKNOWN, np.int64)
        else:
            rows = np.arange(snapshot.indptr[node], snapshot.indptr[node + 1])
            rows = rows[self.allowed[snapshot.relation[rows]]]
            rows = rows[~self._repeated(rows)]
            others = snapshot.neighbour[rows].astype(np.int64)
            if node in own:
                others, rows = np.append(others, self.user), np.append(rows, UNKNOWN)
        away = others != self.start
        return others[away], rows[away]

    def _repeated(self, rows: Longs) -> Mask:
        """Whether each holds the other to be similar: one path says it."""
        snapshot, repeated = self.snapshot, np.zeros(len(rows), dtype=bool)
        similar = np.flatnonzero(snapshot.relation[rows] == SIMILAR)
        _, first = np.unique(snapshot.neighbour[rows[similar]], return_index=True)
        repeated[similar] = True
        repeated[similar[first]] = False
        return repeated


def find_paths(
    snapshot: Snapshot,
    start: NodeRef,
    goal: NodeRef,
    *,
    max_hops: int,
    most: int,
    via: Sequence[Relation] | None = None,
    own: UserEdges | None = None,
    after: PathKey | None = None,
) -> FoundPaths:
    """The `most` cheapest simple paths of 1 to `max_hops` hops, in the order of their keys.

    `via` limits the relationships (None: all); `after` leaves out all paths up to that key. Unknown ends and equal ends
    give none. Raises `InvalidInput` for a bad limit.
    """
    if not 1 <= max_hops <= MAX_HOPS:
        raise InvalidInput(f"maxHops: {max_hops}; a path has 1 to {MAX_HOPS} hops")
    search = _Search(snapshot, own, _allowed(via))
    first, last = search.number_of(start), search.number_of(goal)
    if first < 0 or last < 0 or first == last:
        return FoundPaths([], complete=True)
    search.prepare(first, last, max_hops)
    found: list[FoundPath] = []
    for _, equal in groupby(_cheapest(search, max_hops), key=lambda one: one[0]):
        paths = sorted((_found(search, *one) for one in equal), key=lambda path: path.key)
        found += [path for path in paths if after is None or path.key > after]
        if len(found) >= most:
            break
    return FoundPaths(found[:most], complete=search.steps < STEPS)


def _allowed(via: Sequence[Relation] | None) -> Mask:
    if via is None:
        return np.ones(len(CODES), dtype=bool)
    allowed = np.zeros(len(CODES), dtype=bool)
    allowed[[CODES[relation] for relation in via]] = True
    return allowed


class _Prefix(NamedTuple):
    """A path from the start as far as it has come, what it costs to pass on from it, and the ways on."""

    nodes: tuple[int, ...]
    rows: tuple[int, ...]
    passed: float
    ways: _Ways


def _cheapest(search: _Search, max_hops: int) -> Iterator[tuple[float, tuple[int, ...], tuple[int, ...]]]:
    """Paths in order of cost, rounded to 1e-9 bits: cost, nodes, rows."""
    queue: list[tuple[float, int, _Prefix, int]] = []
    order = count()

    def look(prefix: _Prefix, place: int) -> None:
        """The way on in that place of the prefix's comes into the queue."""
        if place < len(prefix.ways.left):
            total = round(prefix.passed + float(prefix.ways.left[place]), 9)
            heapq.heappush(queue, (total, next(order), prefix, place))

    look(_Prefix((search.start,), (), 1.0, search.ways_on(search.start, max_hops - 1)), 0)
    while queue and search.steps < STEPS:
        search.steps += 1
        total, _, prefix, place = heapq.heappop(queue)
        look(prefix, place + 1)
        other, row = int(prefix.ways.others[place]), int(prefix.ways.rows[place])
        if other in prefix.nodes:
            continue
        nodes, rows = (*prefix.nodes, other), (*prefix.rows, row)
        if other == search.goal:
            yield total, nodes, rows
        else:
            passed = prefix.passed + float(search.prices[other]) + 1.0
            look(_Prefix(nodes, rows, passed, search.ways_on(other, max_hops - len(nodes))), 0)


def _found(search: _Search, cost: float, nodes: tuple[int, ...], rows: tuple[int, ...]) -> FoundPath:
    snapshot, own = search.snapshot, search.own
    refs = tuple(own.user if own and node == search.user else snapshot.ref(node) for node in nodes)
    links = []
    for one, other, row in zip(nodes[:-1], nodes[1:], rows, strict=True):
        if row >= 0:
            links.append(snapshot.edge(snapshot.link(one, row)))
        elif own:
            links.append(own.edges[other if one == search.user else one])
    return FoundPath(refs, tuple(links), cost)
