"""T15 with processes: Neo4j is killed while clients ask, and stays away for a while."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cinegraph.processes import PATIENCE, Home, kill, until

pytestmark = pytest.mark.slow

QUERIES = (
    "{ recommendations(first: 10) { basis edges { rank score node { id title year genres { nodes { name } } } } } }",
    '{ recommendations(first: 5, liked: ["Movie:alien-1979"]) { edges { node { title } why { sentence } } } }',
    "{ movies(first: 20) { nodes { title overview directors { nodes { name } } } totalCount } }",
    '{ movie(id: "alien-1979") { title cast(first: 5) { edges { order node { name } } } } }',
    '{ search(query: "alien 1979", first: 1) { nodes { ... on Movie { title year } } } }',
    '{ paths(from: "Movie:alien-1979", to: "Movie:blade-runner-1982", first: 3) { nodes { nodes { id } } } }',
)
CLIENTS = 3


@pytest.fixture
def home(tmp_path: Any) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.clean()


def ask(url: str, query: str) -> Any:
    return httpx.post(url, json={"query": query}, timeout=PATIENCE).json()


class Client(threading.Thread):
    """Asks all queries again and again, and keeps what is not an answer, or another."""

    def __init__(self, url: str, right: dict[str, Any], ended: threading.Event) -> None:
        super().__init__()
        self._url, self._right, self._ended = url, right, ended
        self.wrong: list[Any] = []
        self.degraded = self.whole = 0

    def run(self) -> None:
        while not self._ended.is_set():
            for query in QUERIES:
                answer = ask(self._url, query)
                if answer.get("data") != self._right[query]:
                    self.wrong.append((query, answer))
                elif "degraded" in answer.get("extensions", {}):
                    self.degraded += 1
                else:
                    self.whole += 1


def test_t15_killed_under_load_nothing_that_is_answered_is_wrong(home: Home) -> None:
    served = home.demo(CINEGRAPH_API__BUDGET_MS="300")
    right = {query: ask(served.url, query)["data"] for query in QUERIES}
    assert all(right.values())
    ended = threading.Event()
    clients = [Client(served.url, right, ended) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        until(lambda: all(client.whole for client in clients))
        found = home.server.running()
        assert found is not None
        kill(found)
        until(lambda: all(client.degraded >= 3 * len(QUERIES) for client in clients))
        until(lambda: "extensions" not in ask(served.url, QUERIES[0]))  # the server starts it again
        before = [client.whole for client in clients]
        until(lambda: all(client.whole > old for client, old in zip(clients, before, strict=True)))
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert [wrong for client in clients for wrong in client.wrong] == []
