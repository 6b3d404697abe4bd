"""Cinegraph's GraphQL endpoint beside Apollo Server with @neo4j/graphql, and beside Strawberry with DataLoaders.

    python -m benchmarks.graphql [--home FOLDER] [--rounds 5] [--seconds 5] [--only NAME …] [--quick]

All three ask one Neo4j with the same data: a copy of the home that is given, whose Neo4j must be stopped, else the
sample catalogue. First every answer that will be measured is compared; a difference ends the run. Then each operation
is measured in rounds, one server after the other in each: as fast as 8 connections are answered, and at a constant
rate, half of what the slowest server reaches, where latency counts from when a request was due. Servers, Neo4j and the
generator of requests share the machine's cores. What each server asks of Neo4j is heard from Bolt in a pass that is not
timed, and profiled. Keywords with 10, 1,000 and 100,000 movies are planted after all that asks of the catalogue itself.
"""

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from benchmarks.graphql import data, report
from benchmarks.graphql.asking import Differs, compare
from benchmarks.graphql.database import Work, work_of
from benchmarks.graphql.measure import Effort, measure
from benchmarks.graphql.operations import OPERATIONS, Operation, Subjects
from benchmarks.graphql.peers import Peer, PeerFailed, installed, peers, serving, versions
from benchmarks.machine import machine
from benchmarks.tables.cells import markdown
from cinegraph.errors import CinegraphError
from cinegraph.home import local_server, open_graph
from cinegraph.settings import Settings, load_settings
from graph.client import GraphClient

USUAL = Effort()
QUICK = Effort(rounds=1, seconds=1, warm_up=0.5)
HEAP, PAGE_CACHE = 2048, 512
"""Memory of Neo4j, MB."""
progress = Console(stderr=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home of Cinegraph whose graph is copied")
    parser.add_argument("--rounds", type=int, default=USUAL.rounds)
    parser.add_argument("--seconds", type=float, default=USUAL.seconds, help="of each run")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in OPERATIONS], help="these operations alone")
    parser.add_argument("--quick", action="store_true", help="one round of a second each, to see that it works")
    parser.add_argument("--out", type=Path, default=report.RESULT)
    given = parser.parse_args()
    if given.rounds < 1 or given.seconds <= 0:
        parser.error(f"--rounds {given.rounds} --seconds {given.seconds:g}: at least one round, of more than no time")
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    effort = QUICK if given.quick else Effort(given.rounds, given.seconds)
    asked = [one for one in OPERATIONS if given.only is None or one.name in given.only]
    try:
        result = asyncio.run(run(data.Source(given.home), asked, effort))
    except (CinegraphError, Differs, PeerFailed) as error:
        progress.print(f"[red]{type(error).__name__}[/]: {error}", highlight=False)
        return 1
    report.save(result, given.out)
    print(markdown(report.HEAD, report.rows(result)))
    return 0


async def run(source: data.Source, asked: Sequence[Operation], effort: Effort) -> dict[str, Any]:
    """All of it, on a graph of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cinegraph-graphql-") as place:
        folder = Path(place)
        settings = _own(load_settings(), folder / "home")
        await asyncio.to_thread(data.copied, source, settings)
        async with open_graph(settings) as client:
            await data.ready(source, settings, client)
            ((sizes),) = await client.reader.read(data.SIZES)
            ((neo4j),) = await client.reader.read(data.NEO4J)
            known = peers(settings.home, await asyncio.to_thread(installed, settings.cache_dir))
            measured = await _measured(settings, client, known, asked, effort, folder)
    return {
        "machine": machine(),
        "versions": {**versions(), "neo4j (server)": neo4j["version"]},
        "data": {"source": source.words, **sizes},
        "neo4j_memory_mb": {"heap": HEAP, "page_cache": PAGE_CACHE},
        "effort": asdict(effort),
        "operations": measured,
    }


def _own(settings: Settings, home: Path) -> Settings:
    """These settings with a home of its own, and a local Neo4j with enough memory for every peer in place of what they
    name."""
    graph = settings.graph.model_copy(update={"uri": None, "local_heap_mb": HEAP, "local_pagecache_mb": PAGE_CACHE})
    return settings.model_copy(update={"home": home, "graph": graph})


async def _measured(
    settings: Settings,
    client: GraphClient,
    known: Sequence[Peer],
    asked: Sequence[Operation],
    effort: Effort,
    logs: Path,
) -> list[dict[str, Any]]:
    """What asks of the catalogue, and then what asks of what is planted."""
    subjects = await data.subjects(client.reader)
    found = []
    for planted in (False, True):
        stage = [one for one in asked if one.planted is planted]
        if not stage:
            continue
        if planted:
            progress.print("planting keywords with many movies")
            await data.plant(client.writer)
        found += await _stage(settings, client, known, stage, subjects, effort, logs)
    return found


async def _stage(
    settings: Settings,
    client: GraphClient,
    known: Sequence[Peer],
    stage: Sequence[Operation],
    subjects: Subjects,
    effort: Effort,
    logs: Path,
) -> list[dict[str, Any]]:
    """Operations on the graph as it is now: compared, listened to, measured."""
    running = local_server(settings).running()
    if running is None:
        raise PeerFailed("the local Neo4j is gone; its log is in the home's folder graph/neo4j/logs")
    neo4j, works, found = psutil.Process(running.pid), dict[str, dict[str, Work]](), []
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(one, client.address, logs)) for one in known]
        progress.print(f"{await compare(stage, servers, subjects)} answers of peers are equal to Cinegraph's")
        for peer in known:
            works[peer.name] = dict(await work_of(client, _known(stage, peer), peer, subjects, logs))
        for operation in stage:
            progress.print(f"measuring {operation.name}: {operation.title}")
            rate, rounds = await measure(operation, servers, subjects, neo4j, effort)
            work = {name: works[name][operation.name] for name in rounds}
            found.append(report.row(operation, rate, rounds, work))
    return found


def _known(stage: Sequence[Operation], peer: Peer) -> list[Operation]:
    return [one for one in stage if peer.name in one.texts]


if __name__ == "__main__":
    sys.exit(main())
