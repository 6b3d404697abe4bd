"""What a server answers while its Neo4j is dead, and how fast (T15); how soon it knows that Neo4j is silent (T16).

    CINEGRAPH_HOME=FOLDER python -m benchmarks.outage [--rate 100]

At a constant rate, as usual first; then Neo4j is killed, and the server goes on from memory until Neo4j, which it
starts again, answers. Every answer is compared with what the same request was answered before. Then Neo4j is held, and
let go, three times: of all ways to be away the slowest, since nobody is told.
"""

import argparse
import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import httpx

from benchmarks.pressing import Came, Run, keep, press, served
from cinegraph.home import local_server
from cinegraph.settings import load_settings
from graph.breaker import State

USUAL, DEAD = 20.0, 40.0
KILLED = 5.0
"""Seconds of the second run after which Neo4j is killed."""
HELD, ROUNDS, REST = 120.0, 3, 3.0
"""Seconds of requests at most while Neo4j is held and let go so many times, and seconds between."""
CONNECTIONS = 64


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rate", type=float, default=100.0)
    found = asyncio.run(measured(arguments.parse_args().rate))
    keep("outage", found)


async def measured(rate: float) -> dict[str, Any]:
    async with served() as (url, bodies):
        usual = await press(url, bodies, USUAL, rate, CONNECTIONS)
        right = {one.asked: json.loads(one.body)["data"] for one in usual.good if b'"degraded"' not in one.body}
        pressing = asyncio.create_task(press(url, bodies, DEAD, rate, CONNECTIONS))
        await asyncio.sleep(KILLED)
        running = local_server(load_settings()).running()
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        dead = await pressing
        opened, closed = await held(url, bodies, rate)
    from_memory = Run(dead.seconds, [one for one in dead.good if b'"degraded"' in one.body])
    return {
        "requests/s": rate,
        "answered from memory": len(from_memory.came),
        "wrong": sum(not as_before(one, right) for one in dead.good),
        "errors": sum(not one.good for one in dead.came),
        "as usual, ms (p50)": usual.took(0.5),
        "as usual, ms (p99)": usual.took(0.99),
        "from memory, ms (p50)": from_memory.took(0.5),
        "from memory, ms (p99)": from_memory.took(0.99),
        "the breaker opens after, s (the longest)": max(opened),
        "the breaker closes after, s (the longest)": max(closed),
    }


async def held(url: str, bodies: Sequence[Any], rate: float) -> tuple[list[float], list[float]]:
    """Seconds until the breaker opens once Neo4j is silent, and until it closes once Neo4j answers again."""
    running = local_server(load_settings()).running()
    assert running is not None
    opened, closed = list[float](), list[float]()
    pressing = asyncio.create_task(press(url, bodies, HELD, rate, CONNECTIONS))
    async with httpx.AsyncClient() as http:
        for _ in range(ROUNDS):
            try:
                os.kill(running.pid, signal.SIGSTOP)
                opened.append(await becomes(http, url, State.OPEN))
                await asyncio.sleep(REST)
            finally:
                os.kill(running.pid, signal.SIGCONT)
            closed.append(await becomes(http, url, State.CLOSED))
            await asyncio.sleep(REST)
    pressing.cancel()
    await asyncio.gather(pressing, return_exceptions=True)
    return opened, closed


async def becomes(http: httpx.AsyncClient, url: str, state: State) -> float:
    """Seconds until the breaker is in a state."""
    began, shown = time.perf_counter(), f"\ncinegraph_graph_breaker {float(state.value)}\n"
    while shown not in (await http.get(url.replace("/graphql", "/metrics"))).text:
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


def as_before(one: Came, right: dict[int, Any]) -> bool:
    """Whether an answer says what it said before, but for nulls where it names something as absent."""
    answer = json.loads(one.body)
    if one.asked not in right or answer["data"] == right[one.asked]:
        return True
    absent = answer.get("extensions", {}).get("degraded", {}).get("absent")
    return bool(absent) and covers(right[one.asked], answer["data"])


def covers(whole: Any, part: Any) -> bool:
    """Whether a part says nothing else than the whole, and leaves things out only as nulls."""
    if part is None:
        return True
    if isinstance(part, dict):
        return isinstance(whole, dict) and whole.keys() == part.keys() and all(covers(whole[k], part[k]) for k in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(covers, whole, part))
    return type(whole) is type(part) and bool(whole == part)


if __name__ == "__main__":
    main()
