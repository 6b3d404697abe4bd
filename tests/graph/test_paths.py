"""N06: the k best simple paths equal a brute-force oracle on random graphs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinegraph.errors import InvalidInput
from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph import paths
from graph.paths import STEPS, FoundPaths, UserEdges, find_paths
from graph.snapshot import Snapshot, assemble, edges_among

USER = NodeRef(Label.USER, "me")


def snapshot_of(movies: int, people: int, edges: list[tuple[int, int, Relation]]) -> Snapshot:
    """A catalogue with relationships (movie, person, relation)."""
    films = [{"id": str(i), "name": f"m{i}", "year": -1, "runtime": -1, "popularity": 0.0} for i in range(movies)]
    persons = [{"id": str(i), "name": f"p{i}", "label": "Person"} for i in range(people)]
    rows = [
        {"movie": [movie], "relation": [relation.value], "other": [movies + person], "number": [number], "order": [-1]}
        for number, (movie, person, relation) in enumerate(edges)
    ]
    found = edges_among(np.arange(movies + people), rows)
    return assemble(0, "", [{"sample": "5:db:0"}], films, persons, found)


def brute(
    snapshot: Snapshot, own: UserEdges | None, start: NodeRef, goal: NodeRef, hops: int
) -> list[tuple[float, int]]:
    """The costs and lengths of all simple paths, by walking them all."""
    user = len(snapshot.ids)

    def neighbours(node: int) -> list[int]:
        if node == user:
            return list(own.edges) if own else []
        rows = range(int(snapshot.indptr[node]), int(snapshot.indptr[node + 1]))
        return [int(snapshot.neighbour[row]) for row in rows] + ([user] if own and node in own.edges else [])

    def price(node: int) -> float:
        count = len(own.edges) if own and node == user else snapshot.degree[node]
        return float(np.log2(2.0 + float(count)))

    found: list[tuple[float, int]] = []

    def walk(path: list[int]) -> None:
        if path[-1] == last:
            found.append((round(sum(map(price, path[1:-1])) + len(path) - 1, 6), len(path) - 1))
            return
        for other in neighbours(path[-1]) if len(path) <= hops else []:
            if other not in path:
                walk([*path, other])

    first = user if start == USER else snapshot.find(start)
    last = user if goal == USER else snapshot.find(goal)
    walk([first])
    return sorted(found)


edges_strategy = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from([Relation.ACTED_IN, Relation.DIRECTED])),
    max_size=14,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(edges=edges_strategy, owned=st.sets(st.integers(0, 4)), hops=st.integers(1, 6), from_user=st.booleans())
def test_n06_paths_equal_a_brute_force_oracle(
    edges: list[tuple[int, int, Relation]], owned: set[int], hops: int, from_user: bool
) -> None:
    snapshot = snapshot_of(5, 4, edges)
    own = UserEdges(USER, {i: EdgeRef(Relation.RATED, USER, snapshot.ref(i), f"own{i}") for i in sorted(owned)})
    start = USER if from_user else NodeRef(Label.MOVIE, "0")
    goal = NodeRef(Label.MOVIE, "4")
    answer = find_paths(snapshot, start, goal, max_hops=hops, most=10_000, own=own)
    assert answer.complete
    found = answer.paths
    costs = [path.cost for path in found]
    assert costs == sorted(costs)
    assert sorted((round(path.cost, 6), len(path.edges)) for path in found) == brute(snapshot, own, start, goal, hops)
    assert len({path.edges for path in found}) == len(found)
    for path in found:
        assert len(set(path.nodes)) == len(path.nodes)
        for edge, (one, other) in zip(path.edges, pairwise(path.nodes), strict=True):
            assert {edge.start, edge.end} == {one, other}


def test_via_limits_the_relationships() -> None:
    snapshot = snapshot_of(
        2,
        2,
        [(0, 0, Relation.ACTED_IN), (1, 0, Relation.ACTED_IN), (0, 1, Relation.DIRECTED), (1, 1, Relation.DIRECTED)],
    )
    ends = NodeRef(Label.MOVIE, "0"), NodeRef(Label.MOVIE, "1")
    both = find_paths(snapshot, *ends, max_hops=2, most=5).paths
    one = find_paths(snapshot, *ends, max_hops=2, most=5, via=[Relation.DIRECTED]).paths
    assert len(both) == 2
    assert [path.nodes[1].id for path in one] == ["1"]


def test_a_rare_person_comes_before_a_frequent_one() -> None:
    edges = [(movie, 0, Relation.ACTED_IN) for movie in range(5)] + [
        (0, 1, Relation.ACTED_IN),
        (4, 1, Relation.ACTED_IN),
    ]
    snapshot = snapshot_of(5, 2, edges)
    found = find_paths(snapshot, NodeRef(Label.MOVIE, "0"), NodeRef(Label.MOVIE, "4"), max_hops=2, most=2).paths
    assert [path.nodes[1].id for path in found] == ["1", "0"]


def test_a_bad_limit_names_its_range() -> None:
    with pytest.raises(InvalidInput, match="maxHops: 7; a path has 1 to 6 hops"):
        find_paths(snapshot_of(1, 0, []), USER, USER, max_hops=7, most=1)


def test_unknown_and_equal_ends_have_no_path() -> None:
    snapshot = snapshot_of(1, 0, [])
    movie = NodeRef(Label.MOVIE, "0")
    assert find_paths(snapshot, movie, movie, max_hops=2, most=1) == FoundPaths([], complete=True)
    assert find_paths(snapshot, movie, NodeRef(Label.MOVIE, "9"), max_hops=2, most=1) == FoundPaths([], complete=True)


HUB = 6_000


def hub(*more: tuple[int, int, Relation]) -> Snapshot:
    """Two people of one film, each in another film too; all films are by person 2."""
    acted = [(0, 0, Relation.ACTED_IN), (0, 1, Relation.ACTED_IN), (1, 0, Relation.ACTED_IN), (2, 1, Relation.ACTED_IN)]
    return snapshot_of(HUB, 3, [*acted, *((movie, 2, Relation.CREW) for movie in range(HUB)), *more])


def person(number: int) -> NodeRef:
    return NodeRef(Label.PERSON, str(number))


def test_n06_a_hub_between_costs_what_is_looked_at_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[paths._Search] = []
    prepare = paths._Search.prepare
    monkeypatch.setattr(paths._Search, "prepare", lambda self, *args: (searches.append(self), prepare(self, *args))[-1])
    found = find_paths(hub(), person(0), person(1), max_hops=6, most=1)
    assert [len(path.edges) for path in found.paths] == [2]
    assert found.complete
    assert searches[0].steps < 10
    assert len(searches[0].ways) < 10


def test_n06_a_search_that_gives_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_paths(hub(), person(0), person(1), max_hops=6, most=100)
    assert [len(path.edges) for path in found.paths] == [2, 4, 4, 4][: len(found.paths)]
    monkeypatch.setattr(paths, "STEPS", 3)
    few = find_paths(hub(), person(0), person(1), max_hops=6, most=100)
    assert (len(few.paths), few.complete) == (1, False)
    assert STEPS == 20_000
