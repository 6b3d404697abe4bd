"""T16, of the model: one that takes its time keeps nobody else waiting, and popularity answers in its place."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from api import lacking
from api.context import Services
from api.threads import THREADS, Threads
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
    async def run(*_: Any) -> None:
        raise AssertionError("a thread")

    assert services.serving.state.seconds < 0.02
    monkeypatch.setattr("api.lacking.Threads.run", run)
    async with client_over(services) as http:
        found = (await http.post("/graphql", json={"query": LIST}, headers=bearer("2"))).json()
    assert found["data"]["recommendations"]["basis"] == "MODEL"


# -- a model that hangs ----------------------------------------------------------------------------------------------


class Hanging(ItemItemScorer):
    """Scores that do not come until the end of the test, or until the model is let go."""

    go_on: threading.Event

    def score(self, history: History) -> Any:
        self.go_on.wait()
        return super().score(history)


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def hung(serving: Serving, go_on: threading.Event) -> None:
    """Let the active model hang; it is known to be slow."""
    scorer = Hanging(ITEM_ITEM.weights, ITEM_ITEM.items, ITEM_ITEM.popularity)
    scorer.go_on = threading.Event()
    scorer.go_on.set()
    old = serving.state
    serving._state = state_over(old.snapshot, scorer, old.version, tuple(MOVIES.tolist()), old.activity)
    object.__setattr__(serving.state, "seconds", 1.0)
    scorer.go_on = go_on


BESIDE = (
    '{ paths(from: "Movie:1", to: "Movie:3", first: 1) { nodes { nodes { id } } } }',
    '{ similarMovies(movie: "1", first: 2) { nodes { title } } }',
)


@pytest.mark.parametrize("own", [True, False], ids=["its own threads", "mutant: those of asyncio"])
async def test_t16_a_model_that_hangs_keeps_no_thread_from_others(
    services: Services, go_on: threading.Event, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(http: Any, query: str) -> Any:
        return (await http.post("/graphql", json={"query": query}, headers=bearer("2"))).json()

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(6))
    monkeypatch.setattr(lacking, "THREADS", {})
    if not own:
        monkeypatch.setattr(Threads, "run", lambda _, make, seconds: asyncio.wait_for(asyncio.to_thread(make), seconds))
    async with client_over(services, budget_ms=0) as http:
        right = [await asked(http, query) for query in (LIST, *BESIDE)]
    hung(services.serving, go_on)
    async with client_over(services, budget_ms=2_000, planning_ms=2_000) as http:
        lists = await asyncio.gather(*(asked(http, LIST) for _ in range(10)))
        beside = [await asked(http, query) for query in BESIDE]
    assert [one["data"]["recommendations"]["basis"] for one in lists] == ["POPULARITY"] * 10
    assert [one["extensions"]["degraded"]["without"] for one in lists] == [["model"]] * 10
    assert (beside == right[1:]) is own
    if own:
        go_on.set()
        async with client_over(services, budget_ms=0) as http:
            while lacking.THREADS[services.serving.state.version].stuck:
                await asyncio.sleep(0.01)
            assert await asked(http, LIST) == right[0], "the model is asked again once it answers"


async def test_what_would_wait_behind_what_hangs_is_not_begun(go_on: threading.Event) -> None:
    threads = Threads()
    for _ in range(THREADS - 1):
        with pytest.raises(TimeoutError):
            await threads.run(go_on.wait, 0.01)
    assert not threads.stuck, "one thread is left"
    with pytest.raises(TimeoutError):
        await threads.run(go_on.wait, 0.01)
    assert threads.stuck
    begun = list[int]()
    with pytest.raises(TimeoutError):
        await threads.run(lambda: begun.append(1), 0.01)
    go_on.set()
    assert await threads.run(lambda: 7, None) == 7
    assert begun == [], "nobody waited for it any more"


async def test_what_is_computed_has_the_context_of_whoever_asked_and_fails_as_it_would_there() -> None:
    variable = ContextVar("variable", default=0)
    variable.set(7)
    assert await Threads().run(variable.get, None) == 7
    with pytest.raises(ZeroDivisionError):
        await Threads().run(lambda: 1 // 0, None)


def test_a_process_ends_without_waiting_for_what_hangs() -> None:
    program = "import asyncio, threading; from api.threads import Threads\n"
    program += "async def main():\n try: await Threads().run(threading.Event().wait, 0.01)\n"
    program += " except TimeoutError: pass\n"
    done = subprocess.run([sys.executable, "-c", f"{program}asyncio.run(main())"], timeout=60, check=False)
    assert done.returncode == 0
