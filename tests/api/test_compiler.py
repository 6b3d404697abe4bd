"""N05 a: any operation costs at most one statement for each root field, and says what a slow reference says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.ids import Cursors
from graph.client import GraphClient
from recommenders.serving import Serving
from tests import tiny
from tests.api.harness import Api, api_over
from tests.api.reference import Reference

LEAVES = {
    "Movie": ["id", "title", "year", "runtime", "popularity", "ratingCount", "ratingMean", "__typename"],
    "Person": ["id", "name", "__typename"],
    "Genre": ["id", "name"],
    "Language": ["id", "name"],
    "User": ["id"],
}
CONNECTED = {
    "Movie": {
        "cast": ("Person", ["character", "order"], []),
        "directors": ("Person", [], []),
        "genres": ("Genre", [], []),
        "keywords": ("Keyword", [], []),
        "ratings": (None, ["rating", "at"], []),
    },
    "Person": {
        "actedIn": ("Movie", ["character", "order"], ["YEAR", "POPULARITY"]),
        "directed": ("Movie", [], ["YEAR", "POPULARITY"]),
    },
    "Genre": {"movies": ("Movie", [], ["YEAR", "POPULARITY"])},
    "Language": {"movies": ("Movie", [], ["YEAR", "POPULARITY"])},
    "User": {"ratings": ("Movie", ["rating", "at"], [])},
    "Query": {
        "movies": ("Movie", [], ["POPULARITY", "YEAR", "TITLE"]),
        "people": ("Person", [], []),
        "genres": ("Genre", [], []),
    },
}
KINDS = {
    "cast": "CastConnection", "directors": "DirectorsConnection", "ratings": "MovieRatingsConnection",
    "actedIn": "ActedInConnection", "directed": "DirectedConnection", "people": "PeopleConnection",
}  # fmt: skip
MARKS: dict[str, list[list[Any]]] = {
    "CastConnection.DEFAULT": [[0, "a"], [0, "z"]],
    "DirectorsConnection.DEFAULT": [["R", "r"]],
    "MovieRatingsConnection.DEFAULT": [[1000, "2"], [1500, "9"]],
    "ActedInConnection.YEAR": [[1990, "x"]],
    "ActedInConnection.POPULARITY": [[4.0, "1"]],
    "DirectedConnection.YEAR": [[1982, "2"], [1990, "x"]],
    "DirectedConnection.POPULARITY": [[4.0, "1"]],
    "PeopleConnection.DEFAULT": [["John Hurt", "john-hurt"]],
}
CURSORS = Cursors(b"tests")


@st.composite
def selection(draw: st.DrawFn, kind: str, depth: int) -> str:
    """A selection set on a type: leaves, connections, fragments, conditions, aliases."""
    parts = draw(st.lists(st.sampled_from(LEAVES.get(kind, ["id"])), min_size=1, max_size=3))
    parts = [f"{name}{draw(st.sampled_from(['', ' @include(if: $yes)', ' @skip(if: $no)']))}" for name in parts]
    if draw(st.booleans()):
        parts.append(f"other: {draw(st.sampled_from(LEAVES.get(kind, ['id'])))}")
    if depth and kind in CONNECTED and draw(st.integers(0, 2)):
        parts.append(draw(connection(kind, draw(st.sampled_from(sorted(CONNECTED[kind]))), depth - 1)))
    if depth and kind == "Movie" and draw(st.booleans()):
        parts.append(f"language {{ {draw(selection('Language', depth - 1))} }}")
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"... on {kind} {{ {draw(st.sampled_from(LEAVES.get(kind, ['id'])))} }}")
    return " ".join(parts)


@st.composite
def connection(draw: st.DrawFn, owner: str, name: str, depth: int) -> str:
    """A connection with arguments and every part of a page."""
    node, properties, sorts = CONNECTED[owner][name]
    sort = draw(st.sampled_from(sorts)) if sorts else "DEFAULT"
    marks = MARKS.get(f"{KINDS.get(name)}.{sort}", [])
    mark = draw(st.sampled_from([None, *marks])) if owner != "User" else None
    arguments = [f"first: {draw(st.sampled_from(['$n', '1', '2', '4']))}"]
    arguments += [f"sort: {sort}"] if sorts else []
    arguments += [f'after: "{CURSORS.seal(f"{KINDS[name]}.{sort}", mark)}"'] if mark else []
    inner = f"node {{ {draw(selection(node, depth))} }}" if node else ""
    edge = " ".join([*draw(st.lists(st.sampled_from(["cursor", *properties]), min_size=1, max_size=2)), inner])
    parts = [f"edges {{ {edge} }}", "totalCount", "pageInfo { hasNextPage hasPreviousPage endCursor e: startCursor }"]
    if node:
        parts.append(f"nodes {{ {draw(selection(node, depth))} }}")
    chosen = draw(st.lists(st.sampled_from(parts), min_size=1, max_size=3, unique=True))
    alias = draw(st.sampled_from(["", f"{name}2: "]))
    return f"{alias}{name}({', '.join(arguments)}) {{ {' '.join(chosen)} }}"


@st.composite
def operation(draw: st.DrawFn) -> tuple[str, int]:
    """An operation and the number of its root fields."""
    roots = [
        f'a: movie(id: "{draw(st.sampled_from(["1", "Movie:3", "4", "none"]))}") {{ {draw(selection("Movie", 3))} }}',
        f'person(id: "Person:ridley-scott") {{ {draw(selection("Person", 3))} }}',
        f'genre(id: "drama") {{ {draw(selection("Genre", 3))} }}',
        f"me {{ {draw(selection('User', 3))} }}",
        draw(connection("Query", draw(st.sampled_from(["movies", "people", "genres"])), 3)),
    ]
    chosen = draw(st.lists(st.sampled_from(roots), min_size=1, max_size=3, unique=True))
    chosen.append("uses: genres(first: $n) { nodes { id @include(if: $yes) name @skip(if: $no) } }")
    return f"query($n: Int! = 2, $yes: Boolean! = true, $no: Boolean! = false) {{ {' '.join(chosen)} }}", len(chosen)


@pytest.fixture
async def api(graph: GraphClient) -> Api:
    await tiny.load(graph)
    api = api_over(graph, Serving(graph.reader, None))  # type: ignore[arg-type]
    api.services.planner._max_nodes = 10**9  # a page of 50 within another within another
    return api


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_n05_generated_operations_cost_one_statement_a_root_field_and_equal_the_reference(
    data: st.DataObject, api: Api
) -> None:
    query, roots = data.draw(operation())
    variables = {"n": data.draw(st.integers(1, 3)), "yes": data.draw(st.booleans()), "no": data.draw(st.booleans())}
    answer, statements = await api.counted(query, "1", **variables)
    assert statements <= roots
    assert answer == Reference(CURSORS).ask(query, variables)
