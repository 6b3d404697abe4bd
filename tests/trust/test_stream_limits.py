"""What comes over WebSocket or as events is under the limits of every request (time, breaker, gate, points)."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.context import Services
from events.bus import CATALOGUE
from graph.breaker import State
from graph.client import Address, GraphClient
from tests.api.live import Live, live
from tests.api.web import ALIEN, RATE, TITLE, bearer, ratings_of
from tests.trust.proxy import HALF_OPEN, NONE, TIMEOUT, Proxy, Toxic
from tests.trust.test_budget import becomes
from tests.trust.through import api_through, forget_ratings

FOLLOWED = 'subscription { movieChanged(id: "1") { title } }'
DOORS = ("websocket", "events")


@pytest_asyncio.fixture(loop_scope="session")
async def services(
    proxy: Proxy, migrated: GraphClient, local_address: Address, tmp_path: Path
) -> AsyncIterator[Services]:
    """The API whose requests reach the graph through the proxy."""
    async with api_through(proxy, migrated, local_address, tmp_path) as made:
        yield made


async def asked(server: Live, door: str, query: str, **more: Any) -> Any:
    """The one answer, or its errors, for user 7."""
    if door == "websocket":
        async with server.client("7") as client:
            await client.say({"type": "subscribe", "id": "a", "payload": {"query": query, **more}})
            message = await client.hear()
            return message["payload"] if message["type"] == "next" else {"errors": message["payload"]}
    headers = {**bearer("7"), "Accept": "text/event-stream"}
    async with httpx.AsyncClient(timeout=60) as http:
        text = (await http.post(server.http, json={"query": query, **more}, headers=headers)).text
    return json.loads(text.partition("data: ")[2].partition("\n")[0])


def codes_of(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


@pytest.mark.parametrize("toxic", [TIMEOUT, HALF_OPEN], ids=lambda toxic: toxic.name)
@pytest.mark.parametrize("door", DOORS)
async def test_t16_an_operation_of_a_stream_has_the_time_of_a_request_and_the_breaker(
    services: Services, migrated: GraphClient, proxy: Proxy, door: str, toxic: Toxic
) -> None:
    async with live(services, budget_ms=300, planning_ms=600) as server:
        assert (await asked(server, door, TITLE))["data"] == ALIEN
        await asked(server, door, RATE)
        await forget_ratings(migrated)
        proxy.become(toxic)
        assert codes_of(await asked(server, door, RATE)) == ["TIME_BUDGET_SPENT"]
        found = await asked(server, door, TITLE)
        assert (found["data"], found["extensions"]["degraded"]["without"]) == (ALIEN, ["graph"])
        await becomes(services, State.OPEN)
        assert codes_of(await asked(server, door, RATE)) == ["GRAPH_UNAVAILABLE"]
        proxy.become(NONE)


async def test_t16_an_answer_of_a_subscription_has_a_time_of_its_own(services: Services, proxy: Proxy) -> None:
    async with live(services, budget_ms=300, planning_ms=600) as server, server.client() as client:
        await client.subscribe(FOLLOWED)
        assert await client.data() == {"movieChanged": {"title": "Alien"}}
        await client.quiet()
        proxy.become(TIMEOUT)
        services.bus.wake(CATALOGUE)
        await becomes(services, State.OPEN)
        proxy.become(NONE)


async def test_t21_an_operation_of_a_stream_that_is_one_too_many_is_turned_away(services: Services) -> None:
    """On a connection that is open already; a request for events is turned away as every other."""
    async with live(services, overload_ms=100) as server, server.client("7") as client:
        gate = server.app.state.gate
        gate.most = 0
        await client.subscribe(TITLE)
        assert await client.refused() == "OVERLOADED"
        gate.most = 1
        await client.subscribe(TITLE)
        assert await client.data() == ALIEN
        assert gate.inside == 0


async def test_who_is_turned_away_has_spent_nothing(services: Services) -> None:
    query = "{ movies(first: 100) { nodes { title } } }"
    async with live(services, overload_ms=100, user_points=1_000, user_rate=0.001) as server:
        first = (await asked(server, "websocket", query, extensions={"cost": True}))["extensions"]["cost"]
        async with server.client("7") as client:
            server.app.state.gate.most = 0
            await client.subscribe(query)
            assert await client.refused() == "OVERLOADED"
        server.app.state.gate.most = 1
        second = (await asked(server, "websocket", query, extensions={"cost": True}))["extensions"]["cost"]
    assert first["remaining"] - second["remaining"] == second["actual"]


@pytest.mark.parametrize("door", DOORS)
async def test_an_open_stream_is_in_the_figures_until_it_ends(services: Services, door: str) -> None:
    async def counted() -> str:
        figures = (await http.get(server.http.replace("/graphql", "/metrics"))).text
        return figures.partition("\ncinegraph_streams_open ")[2].partition("\n")[0]

    async with live(services) as server, httpx.AsyncClient() as http:
        assert await counted() == "0.0"
        if door == "websocket":
            async with server.client("7"):
                assert await counted() == "1.0"
        else:
            headers = {**bearer("7"), "Accept": "text/event-stream"}
            async with http.stream("POST", server.http, json={"query": FOLLOWED}, headers=headers) as stream:
                await anext(stream.aiter_lines())
                assert await counted() == "1.0"
        await server.closed_all()
        assert await counted() == "0.0"


@pytest.mark.parametrize("door", DOORS)
async def test_what_a_stream_did_not_use_of_its_points_comes_back_and_is_shown(services: Services, door: str) -> None:
    query = "{ movies(first: 100) { nodes { title } } }"
    async with live(services, user_points=1_000, user_rate=0.001) as server:
        one, two = [(await asked(server, door, query, extensions={"cost": True}))["extensions"]["cost"] for _ in "12"]
    assert 0 < one["actual"] < one["requested"]
    assert one["remaining"] - two["remaining"] == two["actual"]


@pytest.mark.parametrize("door", DOORS)
async def test_an_operation_of_a_stream_is_seen_as_a_request_is(
    services: Services, door: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with live(services) as server:
        with caplog.at_level(logging.INFO, "cinegraph.requests"):
            await asked(server, door, TITLE)
            await asked(server, door, "{ nothing }")
        async with httpx.AsyncClient() as http:
            figures = (await http.get(server.http.replace("/graphql", "/metrics"))).text
    seen = [record.fields for record in caplog.records if record.name == "cinegraph.requests"]  # type: ignore[attr-defined]
    assert [(one["kind"], one["status"], one["codes"], one["statements"]) for one in seen] == [
        ("query", 200, [], 1),
        ("query", 200, ["GRAPHQL_VALIDATION_FAILED"], 0),
    ]
    assert "cinegraph_requests_in_flight 0.0" in figures
    assert [line for line in figures.splitlines() if line.startswith("cinegraph_requests_total{")] == [
        'cinegraph_requests_total{code="OK",kind="query",operation="other",status="200"} 1.0',
        'cinegraph_requests_total{code="GRAPHQL_VALIDATION_FAILED",kind="query",operation="other",status="200"} 1.0',
    ]


async def test_an_operation_that_is_written_over_a_stream_is_written_once(
    services: Services, migrated: GraphClient
) -> None:
    await forget_ratings(migrated)
    async with live(services, budget_ms=5_000) as server:
        for door in DOORS:
            assert "errors" not in await asked(server, door, RATE)
    assert await ratings_of(migrated, "7") == 1
