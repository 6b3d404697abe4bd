"""T16, of the model: one that takes its time keeps nobody else waiting, and popularity answers in its place."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from api.context import Services
from graph.client import GraphClient
from recommenders.scorers import History, ItemItemScorer
from recommenders.serving import Serving
from recommenders.state import state_over
from tests.api.harness import api_over
from tests.api.web import ALIEN, TITLE, bearer, client_over
from tests.published import ITEM_ITEM, MOVIES, serving_over

LIST = "{ recommendations(first: 2) { basis edges { node { title } why { sentence } } } }"
EXPLAIN = '{ explain(movie: "2") { basis score } }'


class Slow(ItemItemScorer):
    """Scores that take so many seconds."""

    seconds = 0.0

    def score(self, history: History) -> Any:
        time.sleep(self.seconds)
        return super().score(history)


def slowed(serving: Serving, seconds: float) -> None:
    """Let the active model take so long."""
    scorer = Slow(ITEM_ITEM.weights, ITEM_ITEM.items, ITEM_ITEM.popularity)
    scorer.seconds = seconds
    old = serving.state
    serving._state = state_over(old.snapshot, scorer, old.version, tuple(MOVIES.tolist()), old.activity)


@pytest.fixture
async def services(graph: GraphClient, tmp_path: Path) -> Services:
    return api_over(graph, await serving_over(graph, tmp_path)).services


@pytest.mark.parametrize("query", [LIST, EXPLAIN])
async def test_t16_a_model_that_is_too_slow_is_stood_in_for_by_popularity(services: Services, query: str) -> None:
    slowed(services.serving, 0.5)
    async with client_over(services, budget_ms=400, planning_ms=20_000) as http:
        await http.post("/graphql", json={"query": query}, headers=bearer("2"))  # the graph has planned it now
        found = (await http.post("/graphql", json={"query": query}, headers=bearer("2"))).json()
    assert next(iter(found["data"].values()))["basis"] == "POPULARITY"
    assert "model" in found["extensions"]["degraded"]["without"]


async def test_t16_others_are_answered_while_a_slow_model_computes(services: Services) -> None:
    slowed(services.serving, 1.0)
    async with client_over(services) as http:
        asking = asyncio.create_task(http.post("/graphql", json={"query": LIST}, headers=bearer("2")))
        await asyncio.sleep(0.05)
        assert (await http.post("/graphql", json={"query": TITLE})).json() == {"data": ALIEN}
        assert not asking.done()
        found = (await asking).json()
    assert found["data"]["recommendations"]["basis"] == "MODEL"
    assert "extensions" not in found


async def test_a_quick_model_is_asked_without_a_thread(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    async def to_thread(*_: Any) -> None:
        raise AssertionError("a thread")

    assert services.serving.state.seconds < 0.02
    monkeypatch.setattr("api.lacking.asyncio.to_thread", to_thread)
    async with client_over(services) as http:
        found = (await http.post("/graphql", json={"query": LIST}, headers=bearer("2"))).json()
    assert found["data"]["recommendations"]["basis"] == "MODEL"
