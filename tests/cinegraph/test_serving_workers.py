"""T23, T08: `cinegraph serve --workers 2`: restarted under load, killed, ended; nothing is left running."""

import asyncio
import json
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api.auth import load_secret
from cinegraph.settings import GraphSettings
from graph.client import GraphClient
from graph.migrations import migrate
from tests import tiny
from tests.api.web import bearer
from tests.cinegraph.processes import PATIENCE, Home, Serving, until
from tests.published import publish_model

pytestmark = pytest.mark.slow

TITLE = {"query": '{ movie(id: "1") { title } }'}
ALIEN = {"data": {"movie": {"title": "Alien"}}}
WORKER = "cinegraph.cli.workers.worker"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with the tiny graph and a model."""
    home = Home(tmp_path_factory.mktemp("home"))
    server = home.server
    try:
        address = server.attach()
        asyncio.run(_fill(home, address))
        yield home  # which stays attached, so that each test finds Neo4j running
    finally:
        server.release()
        home.clean()


async def _fill(home: Home, address: Any) -> None:
    async with GraphClient(address, GraphSettings()) as graph:
        await migrate(graph.writer)
        await tiny.load(graph)
        await publish_model(graph, home.folder / "models")


@pytest.fixture(scope="module")
def served(home: Home) -> Iterator[Serving]:
    """Two workers, which each test leaves answering."""
    served = serve(home)
    yield served
    assert served.end(signal.SIGTERM)[0] == 0


def serve(home: Home, workers: int = 2, terminal: int | None = None, **settings: str) -> Serving:
    given = {"CINEGRAPH_GRAPH__SLOW_MS": "0", **settings}
    return home.serve("--workers", str(workers), terminal=terminal, **given)


def workers_of(served: Serving) -> dict[int, psutil.Process]:
    """The processes that answer, by their number."""
    children = psutil.Process(served.process.pid).children()
    lines = [(one, one.cmdline()) for one in children if one.status() != psutil.STATUS_ZOMBIE]
    return {int(line[line.index(WORKER) + 2]): one for one, line in lines if WORKER in line}


@dataclass
class Load:
    """Asks all the time, over connections that are kept; `outcomes` says how often what came."""

    url: str
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Connections that nobody accepted: no request was sent."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(timeout=PATIENCE) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self.url, json=TITLE)
                    self.outcomes["OK" if answer.json() == ALIEN else answer.text] += 1
                except httpx.ConnectError:
                    self.refused += 1
                    time.sleep(0.01)
                except httpx.HTTPError as error:
                    self.outcomes[repr(error)] += 1


def test_t23_a_rolling_restart_under_load_fails_no_request(served: Serving) -> None:
    before = workers_of(served)
    assert sorted(before) == [1, 2]
    with Load(served.url) as load:
        until(lambda: load.outcomes["OK"] > 200)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: not any(one.is_running() for one in before.values()))
        after, answered = workers_of(served), load.outcomes["OK"]
        until(lambda: load.outcomes["OK"] > answered + 200)
    assert (sorted(after), load.refused, list(load.outcomes)) == ([1, 2], 0, ["OK"])
    assert not {one.pid for one in after.values()} & {one.pid for one in before.values()}


def test_t23_a_signal_under_load_fails_no_request_that_was_sent(home: Home) -> None:
    """Readiness says no first, while all that comes is answered; then nobody listens."""
    served = serve(home, CINEGRAPH_API__DRAIN_SECONDS="2")
    ready = served.url.replace("/graphql", "/health/ready")
    with Load(served.url) as load, httpx.Client(timeout=PATIENCE) as probe:
        until(lambda: load.outcomes["OK"] > 100)
        assert probe.get(ready).json()["status"] == "ready"
        served.process.send_signal(signal.SIGTERM)
        until(lambda: probe.get(ready).status_code == 503)
        said, answered = probe.get(ready), load.outcomes["OK"]
        assert said.json() == {"status": "not ready", "server": {"status": "not ready", "code": "GOING_AWAY"}}
        assert said.headers["connection"] == "close"
        until(lambda: load.outcomes["OK"] > answered + 20)
        assert load.refused == 0
        until(lambda: load.refused > 0)
        assert served.process.wait(PATIENCE) == 0
    assert list(load.outcomes) == ["OK"]


def test_workers_believe_the_proxies_that_are_named(home: Home) -> None:
    few = {"CINEGRAPH_API__ANONYMOUS_POINTS": "3", "CINEGRAPH_API__ANONYMOUS_RATE": "0.001"}
    served = serve(home, CINEGRAPH_API__TRUSTED_PROXIES="127.0.0.1", **few)

    def asked(client: httpx.Client, address: str) -> int:
        return client.post(served.url, json=TITLE, headers={"X-Forwarded-For": address}).status_code

    with client_of_each(served) as clients:
        for client in clients:
            until(lambda client=client: asked(client, "203.0.113.1") == 429)  # type: ignore[misc]
            assert asked(client, "203.0.113.2") == 200
    assert served.end(signal.SIGTERM)[0] == 0


def test_connections_are_shared_out_in_turn(served: Serving) -> None:
    host, port = served.url.removeprefix("http://").removesuffix("/graphql").split(":")
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(20)]
        ours = {client.getsockname()[1] for client in clients}
        until(lambda: sum(len(ports_of(one) & ours) for one in workers_of(served).values()) == 20)
        assert [len(ports_of(one) & ours) for one in workers_of(served).values()] == [10, 10]


def ports_of(process: psutil.Process) -> set[int]:
    """The clients' ends of the connections that it has."""
    return {one.raddr.port for one in process.net_connections("tcp4") if one.raddr}


@contextmanager
def client_of_each(served: Serving) -> Iterator[list[httpx.Client]]:
    """A client whose one connection is to each of the workers."""
    with ExitStack() as stack:
        found: dict[int, httpx.Client] = {}
        while len(found) < 2:
            client = stack.enter_context(httpx.Client(timeout=PATIENCE))
            answer = client.post(served.url, json=TITLE)
            ours = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
            (number,) = [number for number, one in workers_of(served).items() if ours in ports_of(one)]
            found.setdefault(number, client)
        yield [found[number] for number in sorted(found)]


QUERIES = [
    TITLE["query"],
    "{ movies(first: 5) { nodes { id title cast(first: 3) { edges { cursor node { name } } } } } }",
    '{ recommendations(first: 3, liked: ["1"]) { edges { score why { sentence } node { id } } } }',
    "{ recommendations(first: 3) { edges { score cursor node { id } } } activeModel { id } }",
    '{ search(query: "alien") { nodes { __typename } } movie(id: "1") { similar(first: 3) { nodes { id } } } }',
    "{ nothing }",
]


@pytest.mark.parametrize("query", QUERIES)
def test_t08_each_worker_answers_with_the_same_bytes(home: Home, served: Serving, query: str) -> None:
    headers = {**signed_in(home), "X-Request-Id": "the-same-for-both"}
    with client_of_each(served) as clients:
        answers = [client.post(served.url, json={"query": query}, headers=headers) for client in clients]
    assert answers[0].content == answers[1].content
    assert ("errors" in answers[0].json()) == (query == "{ nothing }")


def signed_in(home: Home, user: str = "1") -> dict[str, str]:
    return bearer(user, load_secret(home.folder))


def test_t08_what_one_worker_wrote_the_other_reads(home: Home, served: Serving) -> None:
    headers, wrong = signed_in(home, "9"), Counter[str]()
    page = {"query": "{ recommendations(first: 5) { nodes { id } } }"}
    with client_of_each(served) as clients:
        for turn in range(100):
            writing, reading = clients if turn % 2 else reversed(clients)
            field = "dismissMovie" if turn % 4 < 2 else "removeDismissal"
            mutation = {"query": f'mutation {{ {field}(movie: "3") {{ __typename }} }}'}
            assert writing.post(served.url, json=mutation, headers=headers).json().keys() == {"data"}
            nodes = reading.post(served.url, json=page, headers=headers).json()["data"]["recommendations"]["nodes"]
            wrong[field] += ({"id": "Movie:3"} in nodes) == (field == "dismissMovie")
    assert wrong == {"dismissMovie": 0, "removeDismissal": 0}


def test_each_worker_shows_the_figures_of_all(served: Serving) -> None:
    """What was counted by a worker that ended since stays counted."""
    with client_of_each(served) as clients:
        before = [figures(client, served) for client in clients]
        assert before[0] == before[1]
        for client in clients:
            for _ in range(5):
                client.post(served.url, json=TITLE)
        after = [figures(client, served) for client in clients]
    assert after[0] == after[1]
    assert after[0][ANSWERED] == before[0][ANSWERED] + 10
    assert [value for name, value in after[0].items() if name.startswith("cinegraph_model_info")] == [2.0]
    pids = {str(one.pid) for one in workers_of(served).values()}
    assert {name for name in after[0] if "resident" in name} == {
        f'process_resident_memory_bytes{{pid="{pid}"}}' for pid in pids
    }


ANSWERED = 'cinegraph_requests_total{code="OK",kind="query",operation="other",status="200"}'


def figures(client: httpx.Client, served: Serving) -> dict[str, float]:
    """What a worker shows, but for what changes by itself."""
    lines = client.get(served.url.replace("/graphql", "/metrics")).text.splitlines()
    found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    moving = ("process_", "cinegraph_statement_", "cinegraph_snapshot_")
    return {name: value for name, value in found.items() if not name.startswith(moving)} | {
        name: 0.0 for name in found if "resident" in name
    }


def test_a_worker_that_is_killed_is_started_again(served: Serving) -> None:
    before = workers_of(served)
    before[1].kill()
    assert [httpx.post(served.url, json=TITLE, timeout=PATIENCE).json() for _ in range(4)] == [ALIEN] * 4
    until(lambda: 1 in (now := workers_of(served)) and now[1].pid != before[1].pid)
    assert workers_of(served)[2].pid == before[2].pid
    with client_of_each(served) as clients:
        assert [client.post(served.url, json=TITLE).json() for client in clients] == [ALIEN, ALIEN]


def test_a_signal_to_one_worker_alone_is_answered_by_another_in_its_place(served: Serving) -> None:
    before = workers_of(served)
    with Load(served.url) as load:
        until(lambda: load.outcomes["OK"] > 100)
        before[2].terminate()
        until(lambda: 2 in (now := workers_of(served)) and now[2].pid != before[2].pid)
        with client_of_each(served) as clients:
            assert [client.post(served.url, json=TITLE).json() for client in clients] == [ALIEN, ALIEN]
    assert (load.refused, list(load.outcomes)) == (0, ["OK"])


def test_a_parent_that_is_killed_leaves_no_worker(home: Home) -> None:
    served = serve(home)
    workers = workers_of(served)
    served.process.kill()
    until(lambda: not any(one.is_running() for one in workers.values()))
    assert not served.lives()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_manifest_that_is_not_there_is_told_before_anything_starts(home: Home, workers: str) -> None:
    nowhere = "/nowhere/films"
    process = home.start("serve", "--port", "0", "--workers", workers, CINEGRAPH_API__TRUSTED_DOCUMENTS=nowhere)
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert nowhere in printed
    assert "loading" not in printed


def test_workers_that_cannot_start_end_the_command(home: Home) -> None:
    kept, file = load_secret(home.folder), home.folder / "secret"
    file.write_bytes(kept[:5])
    process = home.start("serve", "--port", "0", "--workers", "2")
    printed, _ = process.communicate(timeout=PATIENCE)
    file.write_bytes(kept)
    assert process.returncode == 1
    assert "holds 5 bytes" in printed
    assert re.search(r"error: worker [12] ended with exit code [12] before it answered", printed), printed
    assert "GraphQL: " not in printed


# -- workers that die at once ----------------------------------------------------------------------------------------


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Documents that each worker reads when it starts: where the file is gone, it ends before it answers."""
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"title": TITLE["query"]}), encoding="utf-8")
    return path


def test_while_a_worker_dies_at_once_the_other_answers_and_it_comes_back_once_it_can(
    home: Home, manifest: Path
) -> None:
    served = serve(home, CINEGRAPH_API__TRUSTED_DOCUMENTS=str(manifest))
    before, tried = workers_of(served), set[int]()

    def has_tried() -> bool:
        tried.update(one.pid for number, one in workers_of(served).items() if number == 1)
        return len(tried) >= 3

    with Load(served.url) as load:
        until(lambda: load.outcomes["OK"] > 20)
        kept = manifest.rename(manifest.with_suffix(".gone"))
        before[1].kill()
        until(has_tried)
        answered = load.outcomes["OK"]
        until(lambda: load.outcomes["OK"] > answered + 20)
        kept.rename(manifest)
        with client_of_each(served) as clients:
            assert [client.post(served.url, json=TITLE).json() for client in clients] == [ALIEN, ALIEN]
    assert workers_of(served)[2].pid == before[2].pid
    assert workers_of(served)[1].pid not in {before[1].pid}
    assert load.refused == 0
    lost = {name: count for name, count in load.outcomes.items() if name != "OK"}
    assert sum(lost.values()) <= 4, "each client loses at most what the worker that was killed was answering"
    code, printed = served.end(signal.SIGTERM)
    assert code == 0
    assert f"worker 1 (process {before[1].pid}) was ended by signal 9; it is started again" in printed
    assert re.search(r"worker 1 \(process \d+\) ended with exit code 2; it is started again", printed), printed
    assert re.search(r"worker 1 answers again, in process \d+", printed), printed


def test_where_every_worker_dies_at_once_the_command_gives_up(home: Home, manifest: Path) -> None:
    served = serve(home, CINEGRAPH_API__TRUSTED_DOCUMENTS=str(manifest))
    manifest.unlink()
    for worker in workers_of(served).values():
        worker.kill()
    printed, _ = served.process.communicate(timeout=PATIENCE)
    assert served.process.returncode == 1
    found = re.search(r"error: worker ([12]) ended with exit code 2, 6 times one after the other", printed)
    assert found is not None, printed
    again = re.findall(rf"worker {found[1]} \(process \d+\) (.+); it is started again", printed)
    assert again[0] == "was ended by signal 9"
    assert set(again[1:]) == {"ended with exit code 2"}
    assert len(again) in (5, 6), "a first one that lived for ten seconds does not count"
    assert str(manifest) in printed
    assert not served.lives()


# -- SIGHUP, and terminals -------------------------------------------------------------------------------------------


def test_sighup_at_a_terminal_renews_and_the_end_of_the_terminal_ends_all(home: Home) -> None:
    ours, its = os.openpty()
    served = serve(home, terminal=its)
    os.close(its)
    before = workers_of(served)
    served.process.send_signal(signal.SIGHUP)
    until(lambda: not any(one.is_running() for one in before.values()))
    after = workers_of(served)
    assert sorted(after) == [1, 2]
    assert served.lives()
    os.close(ours)  # the terminal's window is closed: the kernel sends SIGHUP, and nobody asked for anything
    printed, _ = served.process.communicate(timeout=PATIENCE)
    assert (served.process.returncode, printed.splitlines()[-1]) == (0, "stopped")
    assert not any(one.is_running() for one in after.values())
