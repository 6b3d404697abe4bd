"""T31: what an operation may cost is known before it runs, and nobody spends more than they have.

That it is never too low (T28) is tested in `test_cost_bound.py`.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type

from api.budget import Budget, caller_key
from api.cost import ROOTS, TIMES, WALKED, Cost
from api.errors import Refused
from api.limits import LimitExceeded
from cinegraph.settings import ApiSettings
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.snapshot import Snapshot
from tests.api.harness import Api, api_over, operations, schema
from tests.api.web import bearer, client_over, refused
from tests.published import serving_over

MANY = WriteStatement(
    "many",
    """
    MATCH (m:Movie {id: '1'}), (p:Person {id: 'ridley-scott'})
    UNWIND range(1, 60) AS i
    MERGE (a:Person {id: 'extra-' + i}) SET a.name = 'Extra ' + i
    MERGE (a)-[r:ACTED_IN]->(m) SET r.order = 10 + i
    MERGE (f:Movie {id: 'film-' + i}) SET f.title = 'Film ' + i, f.popularity = 0.0
    MERGE (p)-[:DIRECTED]->(f)
    """,
    frozenset(),
)
"""More relationships than any page below shows, so that a cost by pages alone is too low."""


@pytest.fixture
async def served(graph: GraphClient, tmp_path: Path) -> Api:
    serving = await serving_over(graph, tmp_path)
    await graph.writer.write(MANY)
    await graph.session.write("MATCH (m:Meta) SET m.version = m.version + 1", {})
    await serving.refresh()
    found = api_over(graph, serving)
    found.services.planner._max_nodes = 10**9
    return found


def cost_of(api: Api, query: str, snapshot: Snapshot | None = None, **variables: Any) -> Cost:
    ready = operations().ready(query)
    assert not ready.errors, ready.errors
    ready.costs.clear()
    return operations().cost(ready, variables, snapshot or api.services.serving.state.snapshot, None)


def test_every_root_field_and_every_list_of_objects_has_its_cost() -> None:
    core = schema()._schema
    for root in (core.query_type, core.subscription_type):
        assert root is not None
        assert set(root.fields) <= set(ROOTS)
    lists = {
        f"{kind.name}.{name}"
        for kind in core.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name, field in kind.fields.items()
        if isinstance(field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type, GraphQLList)
        and not is_leaf_type(get_named_type(field.type))
        and not (kind.name.endswith("Connection") and name in ("edges", "nodes"))
    }
    assert lists | {"Query._entities"} == set(TIMES)


async def test_pages_and_levels_multiply(served: Api) -> None:
    one = cost_of(served, '{ movie(id: "1") { title } }').rows
    assert cost_of(served, "{ movies(first: 9) { nodes { title } } }").rows == 10
    assert one == 2
    nested = "{ movies(first: 9) { nodes { cast(first: $n) { nodes { actedIn(first: 3) { nodes { id } } } } } } }"
    largest = served.services.serving.state.snapshot.largest
    found = {n: cost_of(served, f"query($n: Int) {nested}", n=n).rows for n in (1, 5)}
    cast, acted = max(key_value for key, key_value in largest.items() if key[0] == "ACTED_IN" and not key[1]), 4
    assert cast == 62
    assert found == {1: 10 + 10 * cast + 20 * acted, 5: 10 + 10 * cast + 60 * acted}
    assert cost_of(served, '{ paths(from: "Movie:1", to: "Movie:2") { nodes { length } } }').fixed == WALKED


def test_points_are_rows_by_the_hundred_and_what_came_is_never_more() -> None:
    assert [Cost(rows).points for rows in (0, 1, 100, 101, 2_500)] == [1, 1, 1, 2, 25]
    assert [Cost(2_500, 500).actual(objects) for objects in (0, 100, 101, 10_000)] == [5, 6, 7, 25]


async def test_a_cost_that_is_kept_is_that_of_its_variables(served: Api) -> None:
    """Of the order, of a filter, of the size of a page, and of what is not given."""
    snapshot = served.services.serving.state.snapshot
    ready = operations().ready(
        "query($sort: MovieSort, $filter: MovieFilter, $n: Int) "
        "{ movies(sort: $sort, filter: $filter, first: $n) { nodes { title } } }"
    )
    assert not ready.errors, ready.errors
    given = [
        {"sort": "POPULARITY", "n": 1},
        {"sort": "YEAR", "n": 1},
        {"sort": "POPULARITY", "filter": {}, "n": 1},
        {"sort": "POPULARITY", "filter": {"genres": ["drama"]}, "n": 1},
        {"sort": "POPULARITY", "n": 2},
        {"sort": "POPULARITY"},
    ]
    kept = [operations().cost(ready, variables, snapshot, None).rows for variables in given]
    assert kept == [2, *[2 + snapshot.movies] * 3, 3, 11]
    assert kept == [operations().cost(ready, variables, snapshot, None).rows for variables in given]


# -- what a caller may spend -----------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def budget(**changed: Any) -> tuple[Budget, Clock]:
    clock = Clock()
    given: dict[str, Any] = {"anonymous_points": 50, "anonymous_rate": 10.0, "burst_seconds": 10.0}
    return Budget(ApiSettings(**{**given, **changed}), clock), clock


def test_a_bucket_fills_by_the_second_up_to_its_burst() -> None:
    spending, clock = budget()
    assert [spending.take("address a", Cost(5_000)).remaining for _ in range(2)] == [50, 0]
    with pytest.raises(Refused) as caught:
        spending.take("address a", Cost(2_500))
    assert (caught.value.status, caught.value.again) == (429, 3)
    clock.now = 3.0
    assert spending.take("address a", Cost(2_500)).remaining == 5
    clock.now = 1_000.0
    assert spending.take("address a", Cost(1)).remaining == 99


def test_what_was_not_used_comes_back() -> None:
    spending, _ = budget()
    spent = spending.take("address a", Cost(5_000, 100))
    assert spending.give_back(spent, spent.cost.actual(200)) == 97
    assert spending.take("address a", Cost(1)).remaining == 96


def test_callers_have_buckets_of_their_own_and_users_more() -> None:
    spending, _ = budget(user_points=100, user_rate=0)
    spending.take("address a", Cost(5_000))
    assert spending.take("address b", Cost(5_000)).remaining == 50
    assert spending.take("user 1", Cost(10_000)).remaining is None
    for caller, rows in (("address a", 5_001), ("user 1", 10_001)):
        with pytest.raises(LimitExceeded, match="is the most"):
            spending.take(caller, Cost(rows))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("1", "10.0.0.1"), ("1", "10.0.0.2"), True),
        ((None, "10.0.0.1"), (None, "10.0.0.2"), False),
        ((None, "::ffff:10.0.0.1"), (None, "::ffff:10.0.0.2"), False),
        ((None, "::ffff:10.0.0.1"), (None, "10.0.0.1"), True),
        ((None, "2001:db8::1"), (None, "2001:db8::ffff"), True),
        ((None, "2001:db8::1"), (None, "2001:db8:0:1::1"), False),
        ((None, None), ("1", None), False),
        ((None, "testclient"), (None, "testclient"), True),
    ],
)
def test_who_shares_a_bucket(one: tuple[Any, Any], other: tuple[Any, Any], same: bool) -> None:
    assert (caller_key(*one) == caller_key(*other)) is same


def test_a_thousand_callers_push_out_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.budget.CALLERS", 1_000)
    spending, _ = budget()
    for n in range(1_500):
        spending.take(f"address {n}", Cost(1))
    assert len(spending._buckets) == 1_000


# -- over HTTP -------------------------------------------------------------------------------------------------------

LIST = "{ movies(first: 5) { nodes { title cast(first: 2) { nodes { name } } } } }"


async def test_the_cost_is_shown_to_whoever_asks(served: Api) -> None:
    async with client_over(served.services) as http:
        body = (await http.post("/graphql", json={"query": LIST, "extensions": {"cost": True}})).json()
        assert "extensions" not in (await http.post("/graphql", json={"query": LIST})).json()
    cost = cost_of(served, LIST)
    assert body["extensions"]["cost"] == {
        "requested": cost.points,
        "actual": 1,
        "max": 1_000,
        "remaining": 9_999,
    }
    assert cost.points == 4


async def test_what_costs_too_much_sends_nothing_to_the_graph(served: Api) -> None:
    async with client_over(served.services, anonymous_points=3, user_points=4) as http:
        before = served.graph.session.statements
        error = refused(await http.post("/graphql", json={"query": LIST}), 400, "LIMIT_EXCEEDED")
        assert served.graph.session.statements == before
        assert "4 points; 3 is the most without signing in, 4 with a token" in error["message"]
        answer = await http.post("/graphql", json={"query": LIST}, headers=bearer())
        assert "errors" not in answer.json()


async def test_t31_a_caller_who_spent_all_waits_and_aliases_buy_nothing(served: Api) -> None:
    async with client_over(served.services, anonymous_rate=0.001, anonymous_points=14, burst_seconds=1) as http:
        aliased = "{" + " ".join(f"m{i}: {LIST[1:-1]}" for i in range(3)) + "}"
        assert cost_of(served, aliased).rows == 3 * cost_of(served, LIST).rows
        spent = [await http.post("/graphql", json={"query": aliased}) for _ in range(4)]
        assert [one.status_code for one in spent[:3]] == [200] * 3
        error = refused(spent[3], 429, "RATE_LIMITED")
        assert error["extensions"]["retryAfter"] == int(spent[3].headers["retry-after"]) > 0
        refused(await http.get("/graphql", params={"query": aliased}), 429, "RATE_LIMITED")
        assert "errors" not in (await http.post("/graphql", json={"query": LIST}, headers=bearer())).json()


async def test_wrong_variables_cost_nothing_and_are_told(served: Api) -> None:
    async with client_over(served.services) as http:
        query = "query($n: Int!) { movies(first: $n) { nodes { title } } }"
        answer: httpx.Response = await http.post("/graphql", json={"query": query, "variables": {"n": "many"}})
        assert "$n" in answer.json()["errors"][0]["message"]
