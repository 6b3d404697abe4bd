"""T16: no request takes longer than its time, whatever the network does; a graph that is away is known to be."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import neo4j
import pytest
import pytest_asyncio

from api.context import Services
from cinegraph.deadlines import Deadline, deadline
from graph import guard
from graph.breaker import State
from graph.client import Address, GraphClient
from graph.guard import Guard
from tests.api.web import ALIEN, RATE, TITLE, client_over, ratings_of
from tests.trust.proxy import COMMITTED, HALF_OPEN, LATENCY, NONE, RESET, TIMEOUT, Proxy, Toxic
from tests.trust.through import LIMIT, api_through, ask, code_of, forget_ratings


@pytest_asyncio.fixture(loop_scope="session")
async def services(
    proxy: Proxy, migrated: GraphClient, local_address: Address, tmp_path: Path
) -> AsyncIterator[Services]:
    """The API whose requests reach the graph through the proxy; everything was asked once."""
    async with asyncio.timeout(3 * LIMIT), api_through(proxy, migrated, local_address, tmp_path) as made:
        async with client_over(made) as http:
            assert (await ask(http, TITLE))["data"] == ALIEN
            await ask(http, RATE)
        await forget_ratings(migrated)
        yield made


async def becomes(services: Services, state: State) -> None:
    """Wait until the breaker is so."""
    async with asyncio.timeout(LIMIT):
        while services.graph.breaker.state is not state:
            await asyncio.sleep(0.01)


async def healed(http: httpx.AsyncClient) -> None:
    """Ask until the answer is right."""
    async with asyncio.timeout(LIMIT):
        while await ask(http, TITLE) != {"data": ALIEN}:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("toxic", [LATENCY, TIMEOUT, HALF_OPEN], ids=lambda toxic: toxic.name)
async def test_t16_a_silent_graph_costs_a_request_its_time_and_then_nothing(
    services: Services, proxy: Proxy, toxic: Toxic
) -> None:
    async with client_over(services, budget_ms=300, planning_ms=600) as http:
        proxy.become(toxic)
        assert code_of(await ask(http, RATE)) == "TIME_BUDGET_SPENT"
        first = await ask(http, TITLE)
        assert (first["data"], first["extensions"]["degraded"]["without"]) == (ALIEN, ["graph"])
        await becomes(services, State.OPEN)
        assert code_of(await ask(http, RATE)) == "GRAPH_UNAVAILABLE"
        proxy.become(NONE)
        await healed(http)
    assert services.graph.breaker.state is State.CLOSED


async def test_t16_while_the_graph_is_away_nothing_is_sent_but_one_trial(services: Services, proxy: Proxy) -> None:
    session = services.graph._session
    async with client_over(services, budget_ms=300, planning_ms=600) as http:
        proxy.become(RESET)
        while services.graph.breaker.state is State.CLOSED:
            assert "degraded" in (await ask(http, TITLE))["extensions"]
        session.guard.breaker._next = float("inf")
        sent = session.statements
        answers = await asyncio.gather(*(ask(http, RATE) for _ in range(20)))
        assert {code_of(one) for one in answers} == {"GRAPH_UNAVAILABLE"}
        assert (await ask(http, TITLE))["data"] == ALIEN
        assert all("has not answered since" in one["errors"][0]["message"] for one in answers)
        assert session.statements == sent
        proxy.become(NONE)
        session.guard.breaker._next = 0.0
        assert (await ask(http, TITLE))["extensions"]["degraded"]["without"] == ["graph"]
        await becomes(services, State.CLOSED)
        await healed(http)


async def tried(services: Services, proxy: Proxy, toxic: Toxic) -> tuple[int, int]:
    """Of requests that come when a graph which accepts and says nothing is to be tried: how many statements were sent,
    and how many requests were patient. All are answered from memory."""
    session, patient = services.graph._session, list[Deadline]()
    query = '{ movie(id: "1") { title thatYear: year } }'  # no statement that the graph has planned
    async with client_over(services, budget_ms=300) as http:
        proxy.become(RESET)
        while services.graph.breaker.state is State.CLOSED:
            await ask(http, TITLE)
        proxy.become(toxic)
        session.guard.breaker._next, sent = 0.0, session.statements
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(guard, "TRIAL", LIMIT)
            patch.setattr(Deadline, "be_patient", lambda one: patient.append(one))
            answers = await asyncio.gather(*(ask(http, query) for _ in range(5)))
        assert {one["extensions"]["degraded"]["without"][0] for one in answers} == {"graph"}
        await session.guard.close()
        found = session.statements - sent, len(patient)
        session.guard.breaker.still_away()
        proxy.become(NONE)
        await healed(http)
    return found


@pytest.mark.parametrize("toxic", [TIMEOUT, HALF_OPEN], ids=lambda toxic: toxic.name)
async def test_t16_nobody_waits_for_the_trial_of_a_graph_that_says_nothing(
    services: Services, proxy: Proxy, toxic: Toxic
) -> None:
    assert await tried(services, proxy, toxic) == (1, 0)


async def test_t16_the_mutant_whose_requests_are_the_trial_is_patient(
    services: Services, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "enter", lambda self: self.breaker.enter())
    assert await tried(services, proxy, TIMEOUT) == (1, 1)


async def test_the_mutant_without_a_budget_waits_for_a_silent_graph(services: Services, proxy: Proxy) -> None:
    async with client_over(services, budget_ms=0) as http:
        proxy.become(TIMEOUT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await ask(http, TITLE)
        proxy.become(NONE)


async def test_a_slow_statement_is_not_a_graph_that_is_away_and_writes_nothing(
    services: Services, migrated: GraphClient, local_address: Address
) -> None:
    auth = (local_address.user, local_address.password)
    async with neo4j.AsyncGraphDatabase.driver(local_address.uri, auth=auth) as driver, driver.session() as session:
        holder = await session.begin_transaction()
        await holder.run("MERGE (u:User {id: '7'}) SET u.version = 1")
        async with client_over(services, budget_ms=200, planning_ms=400) as http:
            answer = await ask(http, RATE)
            assert code_of(answer) == "TIME_BUDGET_SPENT"
            assert "nothing was changed" in answer["errors"][0]["message"]
            asking = services.graph._session.guard._asking
            assert asking is not None
            await asking
            assert services.graph.breaker.state is State.CLOSED
        await holder.rollback()
    assert await ratings_of(migrated, "7") == 0


async def test_a_write_whose_commit_is_not_answered_is_not_said_to_have_failed(
    services: Services, proxy: Proxy, migrated: GraphClient
) -> None:
    async with client_over(services, budget_ms=1_000) as http:
        await services.serving.histories.get("7")
        proxy.become(COMMITTED)
        answer = await ask(http, RATE)
        assert code_of(answer) == "OUTCOME_UNKNOWN"
        assert "may have been done or not" in answer["errors"][0]["message"]
        found = services.serving.histories.remembered("7")
        assert found is not None
        assert (found.is_stand_in, found.dismissed) == (True, {"5"}), "it may be another now"
        proxy.become(NONE)
        async with asyncio.timeout(LIMIT):
            while await ratings_of(migrated, "7") == 0:
                await asyncio.sleep(0.05)
        await healed(http)
    assert await ratings_of(migrated, "7") == 1


async def test_a_statement_that_must_be_planned_has_more_time_once(services: Services) -> None:
    new = '{ movie(id: "1") { title releaseYear: year } }'
    async with client_over(services, budget_ms=0.001, planning_ms=1_000 * LIMIT) as http:
        assert "errors" not in await ask(http, new)
        assert "degraded" in (await ask(http, new))["extensions"]


async def test_what_does_not_look_at_the_time_is_ended(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(*_: Any, **__: Any) -> None:
        assert deadline() is not None
        await asyncio.Event().wait()

    monkeypatch.setattr(type(services.planner), "run", forever)
    monkeypatch.setattr(type(services.graph), "write", forever)
    async with client_over(services, budget_ms=50) as http:
        answer = await ask(http, TITLE)
        assert (answer["data"], code_of(answer)) == (None, "TIME_BUDGET_SPENT")
        answer = await ask(http, RATE)
        assert (answer["data"], code_of(answer)) == (None, "OUTCOME_UNKNOWN")


async def test_what_ran_until_its_time_was_over_has_used_all_its_points(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forever(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    query = {"query": "{ movies(first: 100) { nodes { genres { nodes { name } } } } }", "extensions": {"cost": True}}
    async with client_over(services, budget_ms=50) as http:
        monkeypatch.setattr(type(services.planner), "run", forever)
        late = (await http.post("/graphql", json=query)).json()
        monkeypatch.undo()
        whole = (await http.post("/graphql", json=query)).json()
    assert code_of(late) == "TIME_BUDGET_SPENT"
    assert late["extensions"]["cost"]["actual"] == late["extensions"]["cost"]["requested"] > 1
    assert whole["extensions"]["cost"]["actual"] < late["extensions"]["cost"]["actual"]


async def test_what_is_done_beside_requests_has_its_own_time(services: Services, proxy: Proxy) -> None:
    proxy.become(Toxic("slow", delay=0.4))
    assert deadline() is None
    async with asyncio.timeout(LIMIT):
        assert await services.graph._session.read("RETURN 1 AS one", {}) == [{"one": 1}]
    proxy.become(NONE)
