"""How long a page of 20 recommendations with cast and reasons takes, and where its CPU time goes.

    python -m benchmarks.recommendations [--users 100] [--rounds 5]

Asks a server of its own (`cinegraph serve`, on the graph of CINEGRAPH_HOME, with a model in it) over HTTP, one request
at a time, for users one after the other, after a warm-up; and in turn with that, a round each, the same while an
analyst's statements run away beside it, one after the other, each until its time is up (T43). Then how long it takes
from a user's rating to an answer that knows it (the rating is taken back). The CPU time of each stage is measured in
this process, on the same graph, without HTTP.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

import api.queries.recommendations as stages
from api.auth import load_secret, make_token
from api.context import Context
from api.operations import Operations
from api.schema import build_schema
from benchmarks.machine import machine
from cinegraph.app import build_services
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from graph.readonly import run_readonly

QUERY = """
{ recommendations(first: 20) { edges { rank score
    node { title year cast(first: 3) { edges { character node { name } } } }
    why(first: 3) { sentence contribution path { nodes { id } segments { relation relationshipId } } } } } }
"""
FIRST = "{ recommendations(first: 20) { edges { node { id } } } }"
RATE = "mutation($movie: ID!) { rateMovie(movie: $movie, rating: 4.5) { __typename } }"
TAKE_BACK = "mutation($movie: ID!) { removeRating(movie: $movie) { __typename } }"
USERS = "MATCH (u:User) WHERE EXISTS { (u)-[:RATED]->() } RETURN u.id AS id ORDER BY id LIMIT 100"
RUNAWAY = "MATCH (a:Movie), (b:Movie), (c:Movie) WHERE a.year + b.year = c.year RETURN count(*)"
RESULT = Path(__file__).parent / "results" / "recommendations.json"
WARM_UP = 20
STARTS = 3.0
"""Seconds after which an analyst's first statement runs."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--users", type=int, default=100)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    result = asyncio.run(measure(load_settings(), given.users, given.rounds))
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    show(result)


async def measure(settings: Settings, users: int, rounds: int) -> dict[str, Any]:
    async with open_graph(settings) as client:
        ids = [row["id"] for row in (await run_readonly(client.session, USERS)).rows][:users]
        served = await asyncio.to_thread(over_http, settings, ids, rounds)
        cpu = await by_stage(settings, client, ids)
    return {"machine": machine(), "users": len(ids), "rounds": rounds, "http": served, "cpu_ms_by_stage": cpu}


def over_http(settings: Settings, ids: list[str], rounds: int) -> dict[str, float]:
    """Latency in ms over all requests; CPU ms of the server process for each."""
    secret = load_secret(settings.home)
    headers = {id_: {"Authorization": f"Bearer {make_token(secret, id_, 1)}"} for id_ in ids}
    command = [sys.executable, "-m", "cinegraph", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[1]
        try:
            with httpx.Client(timeout=60) as http:
                alone, beside = in_turn(http, url, ids, headers, psutil.Process(server.pid), rounds)
                seen = [until_seen(http, url, headers[id_]) for id_ in ids]
        finally:
            server.send_signal(2)
    times, cpu = [time for times, _ in alone for time in times], float(np.mean([cpu for _, cpu in alone]))
    p50, p90, p99 = np.percentile(times, [50, 90, 99])
    seen_p50, seen_p95 = np.percentile(seen, [50, 95])
    beside_p50, beside_p99 = np.percentile([time for times, _ in beside for time in times], [50, 99])
    return {
        **{"requests": len(times), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "server_cpu_ms": cpu},
        **{"rating_to_answer_p50_ms": seen_p50, "rating_to_answer_p95_ms": seen_p95},
        **{"beside_a_runaway_p50_ms": beside_p50, "beside_a_runaway_p99_ms": beside_p99},
    }


Round = tuple[list[float], float]
"""Latencies in ms, and CPU ms of the server for each request."""


def in_turn(
    http: httpx.Client,
    url: str,
    ids: list[str],
    headers: dict[str, dict[str, str]],
    server: psutil.Process,
    rounds: int,
) -> tuple[list[Round], list[Round]]:
    """Rounds alone, and rounds beside statements that run away."""
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(ask(http, url, ids, headers, server))
        with running_away():
            beside.append(ask(http, url, ids, headers, server))
    return alone, beside


@contextmanager
def running_away() -> Iterator[None]:
    """While the block runs, an analyst asks one statement after the other that never comes to an end by itself."""
    over, ends = threading.Event(), list[str]()

    def ask_on() -> None:
        while not over.is_set():
            command = [sys.executable, "-m", "cinegraph", "cypher", RUNAWAY]
            ends.append(subprocess.run(command, capture_output=True, text=True, check=False).stderr)

    analyst = threading.Thread(target=ask_on)
    analyst.start()
    try:
        time.sleep(STARTS)
        yield
    finally:
        over.set()
        analyst.join()
    assert ends
    assert all("was ended after" in end for end in ends), ends


def ask(
    http: httpx.Client, url: str, ids: list[str], headers: dict[str, dict[str, str]], server: psutil.Process
) -> tuple[list[float], float]:
    for id_ in (ids * WARM_UP)[: max(WARM_UP, len(set(ids)))]:
        http.post(url, json={"query": QUERY}, headers=headers[id_]).raise_for_status()
    before = server.cpu_times()
    times = []
    for id_ in ids:
        start = time.perf_counter()
        answer = http.post(url, json={"query": QUERY}, headers=headers[id_])
        times.append((time.perf_counter() - start) * 1000)
        assert len(answer.json()["data"]["recommendations"]["edges"]) == 20, answer.text[:300]
    after = server.cpu_times()
    used = after.user + after.system - before.user - before.system
    return times, used * 1000 / len(times)


def until_seen(http: httpx.Client, url: str, headers: dict[str, str]) -> float:
    """Milliseconds from sending a rating of the first movie to the end of an answer without it."""

    def send(query: str, **variables: str) -> Any:
        answer = http.post(url, json={"query": query, "variables": variables}, headers=headers).json()
        return answer["data"]

    def shown() -> list[str]:
        return [edge["node"]["id"] for edge in send(FIRST)["recommendations"]["edges"]]

    movie = shown()[0]
    start = time.perf_counter()
    send(RATE, movie=movie)
    after = shown()
    spent = (time.perf_counter() - start) * 1000
    assert movie not in after
    send(TAKE_BACK, movie=movie)
    return spent


async def by_stage(settings: Settings, client: Any, ids: list[str]) -> dict[str, float]:
    """Mean CPU ms of this process in each stage of a request."""
    services = build_services(settings, client)
    await services.serving.refresh()
    operations = Operations(build_schema()._schema, settings.api)
    for id_ in ids[:WARM_UP]:
        await operations.ask(QUERY, None, Context(services, id_, "benchmark"))
    spent: dict[str, float] = defaultdict(float)
    with timed(spent, services):
        start = time.process_time()
        for id_ in ids:
            result = await operations.ask(QUERY, None, Context(services, id_, "benchmark"))
            assert not result.errors, result.errors
        spent["all"] = time.process_time() - start
    found = {name: seconds * 1000 / len(ids) for name, seconds in spent.items()}
    found["walking the answer, parsing, the rest"] = found["all"] * 2 - sum(found.values())
    return found


@contextmanager
def timed(spent: dict[str, float], services: Any) -> Any:
    """Count the CPU time of each stage while the block runs."""
    places: list[tuple[Any, str, str]] = [
        (services.serving, "rank", "ranking"),
        (stages, "find_reasons", "finding reasons"),
        (stages, "verify", "verifying reasons (with the driver)"),
        (stages, "hydrated", "reading the movies (with the driver)"),
    ]
    originals = [getattr(owner, name) for owner, name, _ in places]
    for (owner, name, label), original in zip(places, originals, strict=True):
        setattr(owner, name, counted(original, label, spent))
    try:
        yield
    finally:
        for (owner, name, _), original in zip(places, originals, strict=True):
            setattr(owner, name, original)


def counted(work: Callable[..., Any], label: str, spent: dict[str, float]) -> Callable[..., Any]:
    """`work`, with the CPU time of its call and, where it is awaited, of each of its steps: others run between them."""

    @wraps(work)
    def called(*given: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            found = work(*given, **named)
        finally:
            spent[label] += time.process_time() - start
        return Steps(found, label, spent) if isinstance(found, Awaitable) else found

    return called


@dataclass(eq=False, slots=True)
class Steps:
    """Something to await that counts the CPU time of its own steps."""

    awaited: Awaitable[Any]
    label: str
    spent: dict[str, float]

    def __await__(self) -> Generator[Any, None, Any]:
        steps = self.awaited.__await__()
        while True:
            start = time.process_time()
            try:
                waits_for = next(steps)
            except StopIteration as end:
                return end.value
            finally:
                self.spent[self.label] += time.process_time() - start
            yield waits_for


def show(result: dict[str, Any]) -> None:
    console = Console(width=100)
    table = Table("20 recommendations with cast and why", "ms")
    for name, value in result["http"].items():
        table.add_row(name, f"{value:.1f}")
    for name, value in result["cpu_ms_by_stage"].items():
        table.add_row(f"CPU: {name}", f"{value:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
