"""What an analyst is shown of an answer's statements; and that nobody else is."""

import json
from typing import Any

import httpx
import pytest

from api.context import Services
from graph.catalog import read_statement, write_statement
from graph.client import GraphClient
from tests.api.web import ALIEN, RATE, SECRETS, TITLE, bearer, client_over, ratings_of, refused

BY_ID = "query($id: ID!) { film: movie(id: $id) { title directors(first: 2) { nodes { name } } } }"
LIST = '{ recommendations(first: 2) { edges { node { title } why { sentence } } } movie(id: "1") { title } }'
CYPHER, PROFILE = {"extensions": {"cypher": True}}, {"extensions": {"profile": True}}


async def shown(http: httpx.AsyncClient, body: dict[str, Any], **headers: Any) -> list[dict[str, Any]]:
    """The statements of an operation that must not fail."""
    answer = (await http.post("/graphql", json=body, headers=headers)).json()
    assert "errors" not in answer, answer
    found: list[dict[str, Any]] = answer["extensions"]["cypher"]
    return found


async def test_in_development_each_statement_is_shown_with_its_values(
    http: httpx.AsyncClient, services: Services
) -> None:
    (one,) = await shown(http, {"query": BY_ID, "variables": {"id": "1"}, **CYPHER})
    assert one.pop("durationMs") > 0
    plan = services.planner.plans[-1]
    assert one == {
        "field": "film",
        "statement": None,
        "access": "read",
        "cypher": plan.statement.text,
        "parameters": sorted(plan.statement.parameters),
        "code": None,
        "values": {**one["values"], "p0": "1"},
    }
    assert one["values"].keys() == plan.statement.parameters


async def test_a_list_shows_all_that_it_was_made_of_in_order(http: httpx.AsyncClient, migrated: GraphClient) -> None:
    before = migrated.session.statements
    found = await shown(http, {"query": LIST, **CYPHER}, **bearer("3"))
    assert len(found) == migrated.session.statements - before == 4
    list_, film = ([one for one in found if one["field"] == name] for name in ("recommendations", "movie"))
    assert [one["statement"] for one in list_] == ["user/history", "path/edges_by_id", None]
    assert [one["statement"] for one in film] == [None]
    assert list_[0]["cypher"] == read_statement("user/history").text
    assert list_[0]["values"] == {"users": ["3"]}
    assert [one["access"] for one in found] == ["read"] * 4


async def test_an_administrator_sees_statements_without_values_where_it_is_no_development(services: Services) -> None:
    async with client_over(services, graphiql=False) as http:
        (one,) = await shown(http, {"query": BY_ID, "variables": {"id": "1"}, **CYPHER}, **bearer(admin=True))
    assert "values" not in one
    assert one["parameters"][0] == "p0"
    assert '"1"' not in json.dumps(one)


@pytest.mark.parametrize("asked", [CYPHER, PROFILE])
@pytest.mark.parametrize("headers", [{}, bearer()])
async def test_nobody_else_sees_them_and_nothing_is_run(
    services: Services, migrated: GraphClient, asked: dict[str, Any], headers: dict[str, str]
) -> None:
    before = migrated.session.statements
    async with client_over(services, graphiql=False) as http:
        error = refused(await http.post("/graphql", json={"query": TITLE, **asked}, headers=headers), 403, "FORBIDDEN")
        parameters = {"query": TITLE, "extensions": json.dumps(asked["extensions"])}
        refused(await http.get("/graphql", params=parameters, headers=headers), 403, "FORBIDDEN")
        off = {"query": TITLE, "extensions": {"cypher": False, "profile": None}}
        assert (await http.post("/graphql", json=off, headers=headers)).json() == {"data": ALIEN}
    assert error["message"] == (
        "extensions.cypher and extensions.profile are for administrators: "
        "send a token that cinegraph token USER --admin made"
    )
    assert migrated.session.statements - before == 1


@pytest.mark.parametrize("value", [1, "true", {}, []])
async def test_what_is_neither_true_nor_false_is_refused(http: httpx.AsyncClient, value: Any) -> None:
    for name in ("cypher", "profile"):
        body = {"query": TITLE, "extensions": {name: value}}
        error = refused(await http.post("/graphql", json=body), 400, "BAD_REQUEST")
        assert error["message"] == f"extensions.{name} must be true or false, not {json.dumps(value)}"


async def test_a_profile_has_rows_and_database_hits(http: httpx.AsyncClient, migrated: GraphClient) -> None:
    """Those that Neo4j itself counts for the same statement."""
    (one,) = await shown(http, {"query": BY_ID, "variables": {"id": "1"}, **PROFILE})
    profile = one["profile"]
    summary = await migrated.session.explain(one["cypher"], one["values"], "PROFILE")
    assert summary.profile is not None
    assert (profile["rows"], profile["dbHits"]) == (1, hits(summary.profile))
    assert profile["dbHits"] == sum(step["dbHits"] for step in profile["operators"]) > 0
    first = profile["operators"][0]
    assert (first["operator"], first["depth"], first["rows"]) == ("ProduceResults", 0, 1)
    seeks = [step for step in profile["operators"] if step["operator"].startswith("NodeUniqueIndexSeek")]
    assert [step["details"] for step in seeks] == ["UNIQUE n0:Movie(id) WHERE id = $p0"]


def hits(plan: dict[str, Any]) -> int:
    return int(plan.get("dbHits", 0)) + sum(hits(child) for child in plan.get("children", ()))


async def test_what_writes_is_shown_and_never_run_twice(http: httpx.AsyncClient, migrated: GraphClient) -> None:
    version = "MATCH (u:User {id: 'profiled'}) RETURN u.version AS version"
    (one,) = await shown(http, {"query": RATE, **PROFILE}, **bearer("profiled"))
    assert (one["access"], one["statement"], one["profile"]) == ("write", "user/rate", None)
    assert one["cypher"] == write_statement("user/rate").text
    assert await migrated.session.read(version, {}) == [{"version": 1}]
    assert await ratings_of(migrated, "profiled") == 1


async def test_a_request_that_sent_nothing_shows_nothing(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/graphql", json={"query": "{ __typename }", **CYPHER})).json()
    assert answer == {"data": {"__typename": "Query"}, "extensions": {"cypher": []}}
    failed = (await http.post("/graphql", json={"query": "{ nosuch }", **CYPHER})).json()
    assert failed["extensions"] == {"cypher": []}


async def test_what_was_shown_beside_an_answer_is_kept_by_no_cache(http: httpx.AsyncClient) -> None:
    parameters = {"query": TITLE, "extensions": '{"cypher": true}'}
    answer = await http.get("/graphql", params=parameters)
    assert answer.json()["data"] == ALIEN
    assert len(answer.json()["extensions"]["cypher"]) == 1
    assert answer.headers["cache-control"] == "private, no-store"


async def test_t40_without_being_asked_no_answer_has_a_statement(http: httpx.AsyncClient) -> None:
    for query in (TITLE, LIST, "{ nosuch }"):
        answer = await http.post("/graphql", json={"query": query}, headers=bearer("3"))
        assert "extensions" not in answer.json()
        assert not SECRETS.search(answer.text)
