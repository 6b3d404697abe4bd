"""A planned answer is byte for byte what graphql-core says, walking through it; also where data is odd."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import ExecutionResult
from graphql.execution import Executor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.compiler.leaves import NotPlain
from api.compiler.making import LATER, TYPENAME, maker
from api.compiler.shape import Planned
from api.context import Context
from api.executor import PlannedExecutor
from graph.catalog import WriteStatement
from graph.client import GraphClient
from tests.api.harness import Api, api_over, operations
from tests.api.test_compiler import operation
from tests.published import serving_over

SPOIL = {
    "as it should be": "RETURN 1 AS one",
    "no title": "MATCH (m:Movie {id: '3'}) REMOVE m.title",
    "a title that is a number": "MATCH (m:Movie {id: '1'}) SET m.title = 8",
    "a name that is a list": "MATCH (p:Person {id: 'ridley-scott'}) SET p.name = ['Ridley', 'Scott']",
    "a year beyond Int": "MATCH (m:Movie {id: '1'}) SET m.year = 3000000000",
    "a runtime with a part": "MATCH (m:Movie {id: '1'}) SET m.runtime = 117.5",
    "a runtime as a whole float": "MATCH (m:Movie {id: '1'}) SET m.runtime = 117.0",
    "a runtime as text": "MATCH (m:Movie {id: '1'}) SET m.runtime = '117'",
    "a runtime as a flag": "MATCH (m:Movie {id: '1'}) SET m.runtime = true",
    "a whole rating": "MATCH (:User)-[r:RATED]->(:Movie {id: '1'}) SET r.rating = 4",
    "a rating that is no number": "MATCH (:User)-[r:RATED]->(:Movie {id: '1'}) SET r.rating = 0.0 / 0.0",
    "no time": "MATCH (:User)-[r:RATED]->(:Movie {id: '3'}) SET r.rating = null",
    "a character that is a number": "MATCH ()-[r:ACTED_IN]->(:Movie {id: '1'}) SET r.character = 1",
}
"""What data may come to that nobody meant."""

OTHERS = {
    "an interface": 'node(id: "Movie:1") { __typename id ... on Movie { ...M cast { edges { node { name } } } } }',
    "another kind": 'node(id: "Person:ridley-scott") { id ... on Person { name t: __typename } ... on Movie { year } }',
    "nothing": 'node(id: "Movie:none") { id }',
    "a union": """search(query: "alien ridley", first: 5) {
        __typename totalCount
        edges { __typename cursor node { __typename ... on Movie { title } ... on Person { name } } } }""",
    "a resolver below": """movies(first: 3, filter: {genres: ["drama"]}) {
        nodes { ...M similarMovies(first: 2) { modelVersion edges { node { ...M } } } } }""",
    "nodes below resolvers": """recommendations(first: 3, liked: ["1"]) {
        edges { rank node { ...M year @include(if: $yes) } why(first: 2) { sentence path { length nodes { id ...M }
          segments { __typename start { id } end { id ...M } } } } }
        nodes { title } }""",
    "paths": 'paths(from: "Movie:1", to: "Movie:2", first: 2) { nodes { length nodes { __typename id ...M } } }',
    "one's own": "me { id ratings(first: 2) { edges { at rating node { ...M } } } preferences { nodes { id } } }",
    "other scalars": "activeModel { id createdAt config }",
}
FRAGMENT = """
fragment M on Movie { title runtime popularity genres(first: 2) { nodes { name } pageInfo { __typename endCursor } } }
"""


async def spoil(graph: GraphClient, how: str) -> None:
    await graph.writer.write(WriteStatement("spoil", SPOIL[how], frozenset()))


def bytes_of(result: ExecutionResult) -> bytes:
    """An answer; of fields that fail at the same time either may be first."""
    errors = sorted((error.formatted for error in result.errors or ()), key=orjson.dumps)
    return orjson.dumps({"data": result.data, "errors": errors})


async def both(api: Api, query: str, variables: dict[str, Any]) -> tuple[bytes, bytes]:
    """The answer by plans, and the answer by graphql-core alone."""
    found = []
    for executor in (PlannedExecutor, Executor):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("api.operations.PlannedExecutor", executor)
            found.append(bytes_of(await operations().ask(query, dict(variables), Context(api.services, "1", "test"))))
    return found[0], found[1]


@pytest.fixture
async def served(graph: GraphClient, tmp_path: Path) -> Api:
    found = api_over(graph, await serving_over(graph, tmp_path))
    found.services.planner._max_nodes = 10**9
    return found


@pytest.mark.parametrize("how", SPOIL)
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_planned_answers_are_byte_for_byte_those_of_graphql_core(
    data: st.DataObject, served: Api, how: str
) -> None:
    await spoil(served.graph, how)
    query, _ = data.draw(operation())
    variables = {"n": data.draw(st.integers(1, 3)), "yes": data.draw(st.booleans()), "no": data.draw(st.booleans())}
    planned, walked = await both(served, query, variables)
    assert planned == walked


@pytest.mark.parametrize("how", SPOIL)
async def test_so_are_those_that_resolvers_and_statements_make_together(served: Api, how: str) -> None:
    await spoil(served.graph, how)
    for what, field in OTHERS.items():
        query = f"query($yes: Boolean! = true) {{ uses: movie(id: 0) @include(if: $yes) {{ id }} {field} }}"
        query += FRAGMENT if "...M" in field else ""
        for yes in (True, False):
            planned, walked = await both(served, query, {"yes": yes})
            assert planned == walked, what
            assert how != "as it should be" or not orjson.loads(planned)["errors"], planned


async def test_plain_answers_are_completed_by_their_plan(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only those: the other tests would hold for an executor that never does."""
    built: list[Any] = []
    real = Planned.raw

    def raw(planned: Any) -> Any:
        built.append(planned)
        return real.fget(planned)  # type: ignore[attr-defined]

    monkeypatch.setattr(Planned, "raw", property(raw))
    query = (
        "{ movies(first: 5) { nodes { __typename title genres { nodes { name } } cast { edges { node { name } } } } } }"
    )
    answer = await served.ask(query)
    assert len(answer["movies"]["nodes"]) == 5
    assert built == []
    await spoil(served.graph, "no title")
    result = await served.execute(query)
    assert [error.path for error in result.errors] == [["movies", "nodes", 3, "title"]]
    assert built


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["", "a"], [None, 1, True, ["a"]]),
        ("text?", ["", None], [1, 0.5]),
        ("flag", [True, False], [None, 0, "true"]),
        ("integer", [0, 2**31 - 1, -(2**31)], [None, True, 2**31, -(2**31) - 1, 0.0, "1"]),
        ("integer?", [0, None], [True, 2**31, "1"]),
        ("part", [[]], [None, {}, "a"]),
    ],
)
def test_what_may_be_the_answer_as_it_is(kind: str, good: list[Any], bad: list[Any]) -> None:
    make = maker([kind], [("name", TYPENAME), ("key", 0), ("cursor", LATER)], "Thing", [lambda value, _: value])
    for value in good:
        assert make([value], {}) == {"name": "Thing", "key": value, "cursor": None}
        assert list(make([value], {})) == ["name", "key", "cursor"]
    for value in bad:
        with pytest.raises(NotPlain):
            make([value], {})
    with pytest.raises(NotPlain):
        make(None, {})


def test_what_a_client_calls_its_fields_is_no_code() -> None:
    keys = ["a", "__import__", "v0", "keys", "typename"]
    make = maker(["text"] * 5, [(key, place) for place, key in enumerate(keys)], "x", [None] * 5)
    assert make(["1", "2", "3", "4", "5"], {}) == dict(zip(keys, "12345", strict=True))
    assert maker([], [("t", TYPENAME)], "Thing", [])([], {}) == {"t": "Thing"}
