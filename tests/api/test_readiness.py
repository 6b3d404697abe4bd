"""What `/health/ready` says, and what it costs the graph to say it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from api.context import Services
from api.leaving import Leaving
from api.readiness import PAUSE, Readiness
from graph.breaker import State
from graph.catalog import ReadStatement
from graph.client import Address, GraphClient, Reader, Row
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.web import client_over
from tests.conftest import GRAPH_SETTINGS
from tests.published import serving_over
from tests.trust.proxy import TIMEOUT, Proxy
from tests.trust.through import api_through, port_of

NOBODY = Address("bolt://127.0.0.1:1", "neo4j", "password", "neo4j")
MANY = 20


class Asked:
    """Readiness whose clock is ours, and how many statements it sent."""

    def __init__(self, services: Services) -> None:
        self.now = 100.0
        self.leaving = Leaving()
        self.services = services
        self.readiness = Readiness(services, self.leaving, lambda: self.now)
        self._before = services.graph._session.statements

    @property
    def statements(self) -> int:
        return self.services.graph._session.statements - self._before

    async def at_once(self) -> list[Response]:
        return await asyncio.gather(*(self.readiness.answer() for _ in range(MANY)))


def said(code: str | None, version: str, status: str) -> dict[str, Any]:
    """A body, by the code of the graph's part."""
    graph = {"status": "not ready", "code": code} if code else {"status": "ready"}
    model = {"status": "ready", "version": version} if version else {"status": "not ready", "code": "NO_MODEL"}
    return {"status": status, "graph": graph, "model": model}


def encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


async def ready_of(services: Services) -> httpx.Response:
    async with client_over(services) as http:
        return await http.get("/health/ready")


async def test_health_tells_alive_from_ready(http: httpx.AsyncClient, services: Services) -> None:
    live, ready = await http.get("/health/live"), await http.get("/health/ready")
    assert live.json() == {"status": "live"}
    assert ready.status_code == 200
    assert ready.json() == said(None, services.serving.model_version, "ready")
    assert ready.headers["cache-control"] == "private, no-store"


async def test_without_a_model_the_model_is_not_ready(migrated: GraphClient) -> None:
    """The graph that it asks answers, and names none."""
    ready = await ready_of(api_over(migrated, Serving(NoModel(migrated.session), Path("nowhere"))).services)
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
    assert ready.json() == said(None, "", "not ready")


class NoModel(Reader):
    """Reads what the graph says of itself, without the active model."""

    async def read(self, statement: ReadStatement, /, **parameters: Any) -> list[Row]:
        rows = await super().read(statement, **parameters)
        return [{**row, "activeModel": None} for row in rows] if statement.name == "meta/state" else rows


async def test_t15_with_the_graph_away_a_process_that_answers_from_memory_stays_in(services: Services) -> None:
    async with GraphClient(NOBODY, GRAPH_SETTINGS) as client:
        serving = Serving(client.reader, Path("nowhere"), state=services.serving.state)
        ready = await ready_of(api_over(client, serving).services)
    assert ready.status_code == 200
    assert "retry-after" not in ready.headers
    assert ready.json() == said("GRAPH_UNAVAILABLE", services.serving.model_version, "degraded")


async def test_t15_a_new_process_is_not_ready_before_the_graph_gave_it_anything(migrated: GraphClient) -> None:
    async with GraphClient(NOBODY, GRAPH_SETTINGS) as client:
        ready = await ready_of(api_over(client, Serving(client.reader, Path("nowhere"))).services)
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "2")
    assert ready.json() == said("GRAPH_UNAVAILABLE", "", "not ready")


@pytest.fixture
async def asked(graph: GraphClient, tmp_path: Path) -> Asked:
    return Asked(api_over(graph, await serving_over(graph, tmp_path)).services)


async def test_however_many_ask_the_graph_is_asked_once_a_second(asked: Asked) -> None:
    assert [one.status_code for one in await asked.at_once()] == [200] * MANY
    assert asked.statements == 1
    asked.now += PAUSE - 0.01
    await asked.at_once()
    assert asked.statements == 1
    asked.now += 0.01
    await asked.at_once()
    assert asked.statements == 2


async def test_the_mutant_without_a_pause_asks_each_time(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.readiness.PAUSE", 0.0)
    for _ in range(MANY):
        await asked.readiness.answer()
    assert asked.statements == MANY


async def test_who_leaves_does_not_take_the_question_with_it(asked: Asked) -> None:
    first, second = (asyncio.ensure_future(asked.readiness.answer()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).status_code == 200
    assert asked.statements == 1


async def test_it_waits_for_no_model_that_is_being_loaded(asked: Asked) -> None:
    async with asked.services.serving._renewing, asyncio.timeout(10):
        assert (await asked.readiness.answer()).status_code == 200


async def test_t15_a_silent_graph_costs_all_who_ask_one_short_wait(
    graph: GraphClient, local_address: Address, tmp_path: Path
) -> None:
    async with Proxy(port_of(local_address)) as proxy, api_through(proxy, graph, local_address, tmp_path) as services:
        asked, version = Asked(services), services.serving.model_version
        proxy.become(TIMEOUT)
        answers = await asked.at_once()
        assert [one.status_code for one in answers] == [200] * MANY
        assert {bytes(one.body) for one in answers} == {encoded(said("GRAPH_TIMEOUT", version, "degraded"))}
        assert asked.statements == 2, "one question, and the breaker's own after that silence"
        services.graph.breaker._open()
        sent, asked.now = asked.statements, asked.now + PAUSE
        assert services.graph.breaker.state is State.OPEN
        (one,) = {bytes(one.body) for one in await asked.at_once()}
        assert one == encoded(said("GRAPH_UNAVAILABLE", version, "degraded"))
        assert asked.statements == sent, "while the breaker is open nothing is sent"


async def test_whoever_is_leaving_says_so_and_asks_nothing(asked: Asked) -> None:
    asked.leaving.begun = True
    answers = await asked.at_once()
    assert {(one.status_code, one.headers["retry-after"]) for one in answers} == {(503, "2")}
    assert asked.statements == 0
