"""T40: what an answer never says."""

import logging
import re
from pathlib import Path

import neo4j
import pytest

from api.context import Services
from graph.client import Address, GraphClient
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.web import RATE, SECRETS, TITLE, bearer, client_over
from tests.conftest import GRAPH_SETTINGS

AGAIN = {"GRAPH_UNAVAILABLE": 5}
"""Seconds after which what failed may work, by its code; none where it will not."""


async def failed(services: Services, query: str, code: str, headers: dict[str, str] | None = None) -> None:
    """The operation fails with that code, says whether to come again, and nothing of what is inside."""
    async with client_over(services) as http:
        response = await http.post("/graphql", json={"query": query}, headers=headers)
    (error,) = response.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"].get("retryAfter")) == (code, AGAIN.get(code))
    assert re.fullmatch(r"[0-9a-f]{16}", error["extensions"]["requestId"])
    assert set(error) <= {"message", "locations", "path", "extensions"}
    assert not SECRETS.search(response.text), response.text


def over(services: Services, graph: GraphClient) -> Services:
    """The same services over another client of the graph."""
    serving = Serving(graph.reader, Path("nowhere"))
    return api_over(graph, serving).services


async def test_t40_a_closed_client_says_nothing_of_itself(services: Services, local_address: Address) -> None:
    client = GraphClient(local_address, GRAPH_SETTINGS)
    await client.close()
    await failed(over(services, client), TITLE, "GRAPH_UNAVAILABLE")


async def test_t40_a_graph_that_is_down_says_no_host(services: Services) -> None:
    address = Address("bolt://127.0.0.1:1", "neo4j", "password", "neo4j")
    async with GraphClient(address, GRAPH_SETTINGS.model_copy(update={"retry_time": 0.1})) as client:
        await failed(over(services, client), TITLE, "GRAPH_UNAVAILABLE")
        await failed(over(services, client), RATE, "GRAPH_UNAVAILABLE", bearer())
        async with client_over(over(services, client)) as http:
            ready = await http.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not ready",
        "graph": {"status": "not ready", "code": "GRAPH_UNAVAILABLE"},
        "model": {"status": "not ready", "code": "NO_MODEL"},
    }


async def test_t40_wrong_credentials_of_the_server_are_not_shown(services: Services, local_address: Address) -> None:
    address = Address(local_address.uri, "nobody", "hidden-password", local_address.database)
    async with GraphClient(address, GRAPH_SETTINGS) as client:
        await failed(over(services, client), TITLE, "GRAPH_AUTH_FAILED")


async def test_t40_a_statement_that_takes_too_long_says_so_alone(
    services: Services, local_address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.client.WRITE_TIMEOUT", 0.2)
    auth = (local_address.user, local_address.password)
    async with neo4j.AsyncGraphDatabase.driver(local_address.uri, auth=auth) as driver, driver.session() as session:
        holder = await session.begin_transaction()
        await holder.run("MERGE (u:User {id: 'locked'}) SET u.version = 1")
        await failed(services, RATE, "GRAPH_TIMEOUT", bearer("locked"))
        await holder.rollback()


async def test_t40_a_bug_is_logged_with_its_stack_and_shown_without(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str) -> str:
        raise ZeroDivisionError("secret of /home")

    monkeypatch.setattr("api.queries.catalog.search_text", broken)
    with caplog.at_level(logging.ERROR, "cinegraph.api"):
        await failed(services, '{ search(query: "x") { totalCount } }', "INTERNAL")
    assert "secret of /home" in caplog.text
    assert "Traceback" in caplog.text
