"""T34 to T36: what graphql-cop sends to a server in production, as it sends it, and what it must not find.

Its checks are those of https://github.com/dolevf/graphql-cop; it is no package, so what each sends is sent here, and
judged by what it looks for.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.context import Services
from graph.client import GraphClient
from tests.api.web import ALIEN, JSON, TITLE, client_over, refused

AGENT = {"User-Agent": "graphql-cop", "Accept": "*/*"}
NAME = "query { __typename }"


@pytest_asyncio.fixture(loop_scope="session")
async def production(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with client_over(services, graphiql=False) as client:
        client.headers = httpx.Headers(AGENT)
        yield client


async def sent(http: httpx.AsyncClient, query: str) -> httpx.Response:
    return await http.post("/graphql", json={"query": query})


OVERLOADS = {
    "Alias Overloading": "query cop { " + "".join(f"alias{i}:__typename \n" for i in range(101)) + " }",
    "Field Duplication": "query cop { " + "__typename \n" * 500 + "} ",
    "Circular Fragment": (
        "query { __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }"
    ),
}


@pytest.mark.parametrize("title", OVERLOADS)
async def test_t36_overloading_is_refused_by_a_limit(production: httpx.AsyncClient, title: str) -> None:
    refused(await sent(production, OVERLOADS[title]), 400, "LIMIT_EXCEEDED")


async def test_t36_array_based_query_batching(production: httpx.AsyncClient) -> None:
    refused(await production.post("/graphql", json=[{"query": NAME}] * 11), 400, "BAD_REQUEST")


async def test_t36_directive_overloading_is_not_answered_mistake_by_mistake(production: httpx.AsyncClient) -> None:
    """It sends ten unknown directives, and counts ten errors."""
    errors = (await sent(production, "query cop { __typename " + "@aa" * 10 + " }")).json()["errors"]
    assert len(errors) == 6
    assert "Too many validation errors" in errors[-1]["message"]


async def test_t36_introspection_and_circular_introspection(production: httpx.AsyncClient) -> None:
    for levels in (0, 4):
        body = (await sent(production, f"query cop {{ __schema {{ types {nested(levels)} }} }}")).json()
        assert "data" not in body
        assert "introspection" in body["errors"][0]["message"]


def nested(levels: int) -> str:
    """So many times the fields of the types of fields."""
    return "{ fields { type " * levels + "{ name }" + " } }" * levels


SUGGESTING = (
    "query cop { __schema { directive } }",
    "{ movi }",
    "{ movie(id: 1) { titl } }",
    "{ movie(ide: 1) { id } }",
)


async def test_t34_field_suggestions(production: httpx.AsyncClient) -> None:
    for query in SUGGESTING:
        assert "Did you mean" not in (await sent(production, query)).text


async def test_t34_graphiql_and_playground(production: httpx.AsyncClient) -> None:
    for path in ("/", "/graphiql", "/playground", "/console", "/graphql"):
        for accept in ("*/*", "text/html"):
            text = (await production.get(path, headers={"Accept": accept})).text
            for word in ("graphiql.min.css", "GraphQL Playground", "GraphiQL", "graphql-playground"):
                assert word not in text, path


async def test_t34_trace_mode_and_unhandled_errors(production: httpx.AsyncClient) -> None:
    for query in ("query cop { __typename }", "qwerty cop { abc }", "{"):
        body: dict[str, Any] = (await sent(production, query)).json()
        assert "extensions" not in body
        for error in body.get("errors", []):
            assert set(error["extensions"]) == {"code", "requestId"}
        assert "stacktrace" not in str(body).lower()


async def test_t36_mutation_over_get(production: httpx.AsyncClient) -> None:
    asked = await production.get("/graphql", params={"query": "mutation {__typename}"})
    refused(asked, 403, "FORBIDDEN")
    by_header = await production.get(
        "/graphql", params={"query": "mutation {__typename}"}, headers={"Apollo-Require-Preflight": "1"}
    )
    refused(by_header, 405, "METHOD_NOT_ALLOWED")


async def test_t36_post_of_a_form(production: httpx.AsyncClient) -> None:
    refused(await production.post("/graphql", params={"query": NAME}), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused(await production.post("/graphql", data={"query": NAME}), 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_t36_get_method_query_support(production: httpx.AsyncClient) -> None:
    """A page can send this GET to any server; nothing runs."""
    refused(await production.get("/graphql", params={"query": "{__typename}"}), 403, "FORBIDDEN")


PROOFS = [
    {"Apollo-Require-Preflight": "1"},
    {"X-Apollo-Operation-Name": "Film"},
    {"X-Requested-With": "fetch"},
    {"Content-Type": JSON},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("proof", PROOFS, ids=lambda one: next(iter(one)))
async def test_t35_a_get_that_no_other_page_can_send_is_run(
    production: httpx.AsyncClient, proof: dict[str, str]
) -> None:
    asked = await production.get("/graphql", params={"query": TITLE}, headers=proof)
    assert asked.json() == {"data": ALIEN}
    assert asked.headers["cache-control"].startswith("public")


ELSEWHERE = [
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
async def test_t35_a_get_of_another_page_is_not_run_in_development_either(
    services: Services, migrated: GraphClient, headers: dict[str, str], accept: str
) -> None:
    before = migrated.session.statements
    async with client_over(services) as http:
        asked = await http.get("/graphql", params={"query": TITLE}, headers={**headers, "Accept": accept})
        refused(asked, 403, "FORBIDDEN")
        assert migrated.session.statements == before
        own = await http.get("/graphql", params={"query": TITLE}, headers={"Origin": "http://testserver"})
    assert own.json() == {"data": ALIEN}
