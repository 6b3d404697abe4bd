"""Three ways to read from Neo4j, with several readers at once: our lean one, the async driver, the sync one in threads.

    CINEGRAPH_HOME=FOLDER python -m benchmarks.drivers [--readers 8] [--seconds 3] [--rounds 5]

The statement is that of a page of 20 movies with genres and cast, compiled and planned. Each reader asks again as soon
as it was answered; the ways have their turns in each round, in one process, on uvloop as a server. Figures are medians
over the rounds: reads a second, milliseconds from asking to the decoded rows, CPU milliseconds of this process a read.
The sync driver has its best case: a kept session and a thread for each reader.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import neo4j
import uvloop

from benchmarks.graphql.measure import percentile
from benchmarks.pressing import keep
from benchmarks.stages import LIST, asked
from benchmarks.tables.serving import drivers as table
from cinegraph.app import open_app
from cinegraph.home import connect
from cinegraph.settings import load_settings
from graph.client import GraphClient, SessionFactory

WAYS: Final = ("lean", "async driver", "sync driver in threads")

Read = Callable[[int], Awaitable[Any]]
"""A read by one of the readers, by its number."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one way reached in one round."""

    reads: float
    """A second."""
    p50: float
    p99: float
    """Milliseconds."""
    cpu: float
    """Milliseconds a read."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--readers", type=int, default=8)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    found = uvloop.run(measured(given.readers, given.seconds, given.rounds))
    keep("drivers", {"readers": given.readers, "ways": found}, table)


async def measured(readers: int, seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """The medians of each way."""
    settings = load_settings()
    async with connect(settings) as client, open_app(settings, client) as app:
        planner = app.state.endpoint._services.planner
        await asked(app, LIST)
        plan = planner.plans[-1]
        text, given = plan.statement.text, plan.binder.fill({})
        with ways(client, text, given, readers) as found:
            kept: dict[str, list[Round]] = {name: [] for name in WAYS}
            for number in range(rounds + 1):
                for name in WAYS:
                    one = await pressed(found[name], readers, seconds)
                    if number:  # the first one warms
                        kept[name].append(one)
    names = ("reads", "p50", "p99", "cpu")
    return {name: {one: median(getattr(each, one) for each in done) for one in names} for name, done in kept.items()}


@contextmanager
def ways(client: GraphClient, text: str, given: dict[str, Any], readers: int) -> Iterator[dict[str, Read]]:
    """How each way reads."""
    official, address = SessionFactory(client._driver, client.address.database, 60), client.address
    auth = (address.user, address.password)
    with neo4j.GraphDatabase.driver(address.uri, auth=auth) as driver, ThreadPoolExecutor(readers) as threads:
        sessions = [driver.session(database=address.database, default_access_mode="READ") for _ in range(readers)]
        loop = asyncio.get_running_loop()

        async def lean(_: int) -> Any:
            return await client.session.read(text, given)

        async def by_async(_: int) -> Any:
            return await official.read(text, given)

        async def by_threads(reader: int) -> Any:
            return await loop.run_in_executor(threads, lambda: sessions[reader].run(text, given).data())

        yield dict(zip(WAYS, (lean, by_async, by_threads), strict=True))
        for session in sessions:
            session.close()


async def pressed(read: Read, readers: int, seconds: float) -> Round:
    """One way for some seconds."""
    took: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()

    async def again(reader: int) -> None:
        while (asked := time.perf_counter()) < began + seconds:
            await read(reader)
            took.append((time.perf_counter() - asked) * 1000)

    await asyncio.gather(*map(again, range(readers)))
    passed = time.perf_counter() - began
    spent = (time.process_time() - cpu) * 1000 / len(took)
    return Round(len(took) / passed, percentile(took, 0.5), percentile(took, 0.99), spent)


if __name__ == "__main__":
    main()
