"""What comes over WebSocket or as events is under the limits of every request (time, breaker, gate, points)."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.budget import Spent
from api.context import Services
from api.cost import Cost
from api.streaming import answers, streams
from events.bus import CATALOGUE, Change, Kind
from graph.breaker import State
from graph.client import Address, GraphClient
from tests.api.live import PATIENCE, Live, live
from tests.api.test_subscriptions import RENAME
from tests.api.web import ALIEN, RATE, TITLE, bearer, ratings_of
from tests.trust.proxy import HALF_OPEN, NONE, PASSING, TIMEOUT, TOXICS, Proxy, Toxic
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


FEEDS = {
    "movieChanged": FOLLOWED,
    "recommendationsChanged": "subscription { recommendationsChanged(first: 2) { basis edges { node { title } } } }",
}


@pytest.mark.parametrize("toxic", TOXICS, ids=lambda toxic: toxic.name)
async def test_t17_each_fault_of_the_graph_leaves_subscriptions_with_what_memory_knows(
    services: Services, proxy: Proxy, toxic: Toxic
) -> None:
    async with live(services) as server:
        right = {field: (await asked(server, "websocket", query))["data"] for field, query in FEEDS.items()}
    async with live(services, budget_ms=600, planning_ms=600) as server:
        proxy.become(toxic)
        try:
            found = {field: await asked(server, "websocket", query) for field, query in FEEDS.items()}
        finally:
            proxy.become(NONE)
    assert {field: answer["data"] for field, answer in found.items()} == right
    degraded = [] if toxic in PASSING else ["graph"]
    for answer in found.values():
        assert answer.get("extensions", {}).get("degraded", {}).get("without", []) == degraded


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


# -- how many streams one caller has ----------------------------------------------------------------------------------


@asynccontextmanager
async def opened(server: Live, door: str, user: str | None) -> AsyncIterator[None]:
    """A stream that is open, where its caller is let in; `PermissionError` with what they are told where not."""
    if door == "websocket":
        async with server.client(user, init=False) as client:
            await client.say({"type": "connection_init", **({"payload": bearer(user)} if user else {})})
            try:
                await client.hear()
            except ConnectionClosed:
                raise PermissionError(*await client.closed()) from None
            yield
        return
    headers = {**(bearer(user) if user else {}), "Accept": "text/event-stream"}
    body = {"query": FOLLOWED}
    async with httpx.AsyncClient() as http, http.stream("POST", server.http, json=body, headers=headers) as stream:
        if stream.status_code != 200:
            (error,) = json.loads(await stream.aread())["errors"]
            raise PermissionError(stream.status_code, error["message"])
        lines = stream.aiter_lines()
        await anext(lines)
        yield


@pytest.mark.parametrize("user", [None, "7"], ids=["an address", "a user"])
@pytest.mark.parametrize("door", DOORS)
async def test_one_caller_has_so_many_streams_and_others_are_let_in_meanwhile(
    services: Services, door: str, user: str | None
) -> None:
    async with live(services, max_streams_of_one=2) as server, AsyncExitStack() as open_:
        await open_.enter_async_context(opened(server, door, user))
        async with opened(server, door, user):
            with pytest.raises(PermissionError) as refused:
                await open_.enter_async_context(opened(server, door, user))
            words = "2 of your streams are open, the most that one caller may have; close one first"
            assert refused.value.args == (1013 if door == "websocket" else 429, words)
            async with opened(server, door, "8"):
                pass
        while server.open > 1:
            await asyncio.sleep(0.01)
        async with opened(server, door, user):
            assert server.open == 2
    await server.closed_all()
    assert server.app.state.streams._of == {}


async def test_the_mutant_that_does_not_count_those_of_one_caller_lets_all_in(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams.Streams, "_check_one", lambda *_: None)
    async with (
        live(services, max_streams_of_one=1) as server,
        opened(server, "events", None),
        opened(server, "events", None),
    ):
        assert server.open == 2


async def test_who_does_not_say_who_they_are_keeps_out_nobody_who_did(services: Services) -> None:
    async with live(services, max_streams_of_one=1) as server, server.client("7"), opened(server, "websocket", None):
        async with server.client(init=False):
            with pytest.raises(InvalidStatus) as refused:
                async with server.client("8"):
                    pass
        answer = refused.value.response
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
        assert json.loads(answer.body or b"")["errors"][0]["extensions"]["code"] == "TOO_MANY_STREAMS"
        while server.open > 2:
            await asyncio.sleep(0.01)
        async with server.client("8"):
            assert server.open == 3


# -- what later answers cost ------------------------------------------------------------------------------------------


async def test_a_later_answer_waits_for_its_points_and_is_the_newest_then(
    services: Services, migrated: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of ours: a bucket of one point, as many as an answer takes, which come back at one in ten seconds."""
    now, waiting, waited = [0.0], asyncio.Queue[float](), asyncio.Queue[None]()

    async def sleep(seconds: float) -> None:
        waiting.put_nowait(seconds)
        await waited.get()

    monkeypatch.setattr(answers, "sleep", sleep)
    limits = {"anonymous_points": 1, "anonymous_rate": 0.1, "burst_seconds": 1}
    async with live(services, **limits) as server, server.client() as client:
        server.app.state.endpoint._budget._clock = lambda: now[0]
        await client.subscribe(FOLLOWED)
        assert await client.data() == {"movieChanged": {"title": "Alien"}}
        try:
            for title in ("Aliens", "Alien 3"):
                await migrated.writer.write(RENAME, title=title)
                services.bus.wake(CATALOGUE)
                if title == "Aliens":
                    assert await asyncio.wait_for(waiting.get(), PATIENCE) == 10
            await client.quiet()
            now[0] = 10.0
            waited.put_nowait(None)
            assert await client.data() == {"movieChanged": {"title": "Alien 3"}}
            await client.quiet()
            assert waiting.empty(), "two changes before an answer are one"
        finally:
            await migrated.writer.write(RENAME, title="Alien")


async def test_each_answer_of_a_subscription_takes_points_once_and_gives_back_what_it_did_not_use(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "subscription { recommendationsChanged(first: 100) { edges { node { title } } } }"
    async with live(services) as server, server.client("7") as client:
        budget, took, back = server.app.state.endpoint._budget, list[int](), list[int]()
        take, give = budget.spend, budget.give_back

        async def spend(caller: str, cost: Cost) -> Spent:
            took.append(cost.points)
            return await take(caller, cost)

        def give_back(spent: Spent, actual: int) -> int | None:
            back.append(spent.points - actual)
            return give(spent, actual)

        monkeypatch.setattr(budget, "spend", spend)
        monkeypatch.setattr(budget, "give_back", give_back)
        await client.subscribe(page)
        await client.data()
        for count in (2, 3):
            services.bus.tell(Change(Kind.USER, "7"))
            await client.quiet()  # it is the same answer, which was made all the same
            assert len(took) == len(back) == count
        assert len(set(took)) == len(set(back)) == 1
        assert 0 < back[0] < took[0]


async def test_an_operation_that_is_written_over_a_stream_is_written_once(
    services: Services, migrated: GraphClient
) -> None:
    await forget_ratings(migrated)
    async with live(services, budget_ms=5_000) as server:
        for door in DOORS:
            assert "errors" not in await asked(server, door, RATE)
    assert await ratings_of(migrated, "7") == 1
