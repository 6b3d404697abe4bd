"""How fast data becomes a graph: the real MovieLens with TMDB's facts, and a made file of any number of ratings.

    python -m benchmarks.ingest small [--data ../shared/data] [--rounds 3]
    python -m benchmarks.ingest large [--ratings 20000000] [--ways online offline]

Every round begins with an empty graph in a home of its own and a server just started, which is not counted; checking,
writing, statistics and the report are. `bare` is the floor to compare with: the same rows, ready in memory, by
`UNWIND … CREATE` in batches of 5,000, with no check and nothing that could be repeated. Memory is the peak of our own
process, which does nothing else. Results are merged into benchmarks/results/ingest.json.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from rich.console import Console
from rich.table import Table as Shown

from benchmarks.machine import machine
from cinegraph.settings import load_settings
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.ingest.bulk import BulkSources, ingest_bulk
from graph.ingest.layouts import find_layout
from graph.ingest.movielens import check_movielens, ingest_movielens
from graph.ingest.options import IngestOptions, silent
from graph.ingest.quality import QualityReport
from graph.ingest.tables import GraphTables, Statistics, Table
from graph.ingest.tmdb import Linker, check_tmdb, find_files, ingest_tmdb
from graph.local import LocalServer
from graph.migrations import migrate

RESULT = Path(__file__).parent / "results" / "ingest.json"
DATA = Path(__file__).parents[2] / "shared" / "data"
BATCH = 5_000
MOVIES, RATINGS_OF_A_USER = 27_278, 144
USERS_AT_ONCE = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    small = commands.add_parser("small")
    small.add_argument("--data", type=Path, default=DATA)
    small.add_argument("--rounds", type=int, default=3)
    large = commands.add_parser("large")
    large.add_argument("--ratings", type=int, default=20_000_000)
    large.add_argument("--ways", nargs="+", choices=["online", "offline"], default=["online", "offline"])
    one = commands.add_parser("one", help="one measurement, in a process of its own; prints JSON")
    one.add_argument("way", choices=["ingest", "bare", "online", "offline"])
    one.add_argument("data", type=Path)
    given = parser.parse_args()
    if given.command == "one":
        print(json.dumps(asyncio.run(measure(given.way, given.data))))
        return
    found = of_small(given.data, given.rounds) if given.command == "small" else of_large(given.ratings, given.ways)
    result = (json.loads(RESULT.read_text()) if RESULT.exists() else {}) | found | {"machine": machine()}
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    show(result)


def of_small(data: Path, rounds: int) -> dict[str, Any]:
    """Medians of both ways over the rounds."""
    ways = ("ingest", "bare")
    return {f"ml-latest-small + TMDB, {way}": median([apart(way, data) for _ in range(rounds)]) for way in ways}


def of_large(ratings: int, ways: list[str]) -> dict[str, Any]:
    """One run of each way, on one made file."""
    with tempfile.TemporaryDirectory(prefix="cinegraph-") as folder:
        make(Path(folder) / "ml-20m", ratings)
        return {f"{ratings:,} ratings, {way}": apart(way, Path(folder) / "ml-20m") for way in ways}


def apart(way: str, data: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.ingest", "one", way, str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


async def measure(way: str, data: Path) -> dict[str, float]:
    """Wall and CPU seconds, peak memory in MB, and what there is afterwards."""
    settings = load_settings()
    with tempfile.TemporaryDirectory(prefix="cinegraph-") as home:
        server = LocalServer(Path(home), settings.cache_dir, settings.graph)
        try:
            found = await (offline(server, data) if way == "offline" else on_server(server, way, data))
        finally:
            server.stop()
    return found | {"own memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


async def on_server(server: LocalServer, way: str, data: Path) -> dict[str, float]:
    settings = load_settings().graph
    address = server.attach()
    running = server.running()
    assert running
    async with GraphClient(address, settings) as client:
        await migrate(client.writer)
        rows = await ready(data, Path(server.folder)) if way == "bare" else None
        java = psutil.Process(running.pid)
        before, wall, own = java.cpu_times(), time.perf_counter(), time.process_time()
        report = await (bare(client, rows) if rows else ingest(client, data, with_tmdb=way == "ingest"))
        found = {"seconds": time.perf_counter() - wall, "own CPU seconds": time.process_time() - own}
        after = java.cpu_times()
        found["server CPU seconds"] = after.user + after.system - before.user - before.system
        if way == "ingest":
            found["again seconds"] = await again(client, data)
    return found | sizes(report)


async def ingest(client: GraphClient, data: Path, with_tmdb: bool) -> QualityReport:
    if not with_tmdb:
        return await ingest_movielens(client.writer, data)
    await ingest_movielens(client.writer, data / "ml-latest-small")
    return await ingest_tmdb(client.writer, data / "tmdb" / "movies.jsonl.gz")


async def again(client: GraphClient, data: Path) -> float:
    """The second time, when nothing is to be done."""
    start = time.perf_counter()
    await ingest(client, data, with_tmdb=True)
    return time.perf_counter() - start


async def offline(server: LocalServer, data: Path) -> dict[str, float]:
    wall, own = time.perf_counter(), time.process_time()
    report = await ingest_bulk(server, load_settings().graph, BulkSources(data))
    found = {"seconds": time.perf_counter() - wall, "own CPU seconds": time.process_time() - own}
    java = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found | {"server CPU seconds": java.ru_utime + java.ru_stime} | sizes(report)


def sizes(report: QualityReport | None) -> dict[str, float]:
    if report is None:
        return {}
    return {
        "nodes": sum(report.nodes.values()),
        "relationships": sum(report.relationships.values()),
        "ratings": report.relationships["RATED"],
    }


# -- the floor ---------------------------------------------------------------------------------------------------------


async def ready(data: Path, folder: Path) -> GraphTables:
    """Every row of the graph, as the offline import would take it."""
    options = IngestOptions()
    movielens = await check_movielens(*find_layout(data / "ml-latest-small"), folder, options, silent)
    of_tmdb: dict[int, list[dict[str, Any]]] = {}
    for row in movielens.movie_rows():
        of_tmdb.setdefault(row["tmdbId"], []).append(row)

    async def lookup(ids: list[int]) -> list[dict[str, Any]]:
        return [row for id in ids for row in of_tmdb.get(id, [])]

    films = find_files(data / "tmdb" / "movies.jsonl.gz")
    facts = await check_tmdb(films, Linker(lookup, False), folder, options)
    tables, counted = GraphTables(folder), Statistics()
    for ratings in movielens.ratings:
        tables.ratings(ratings)
        counted.add(ratings)
    tables.movies(movielens, (rows for _, rows in facts.batches()), counted)
    tables.tags(movielens)
    return tables


async def bare(client: GraphClient, tables: GraphTables) -> QualityReport | None:
    for label, table in tables.nodes.items():
        text = f"UNWIND $rows AS row CREATE (n:{label}) SET n = row"
        await create(client, text, table, {column: column.partition(":")[0] for column in table.columns})
    for name, table in tables.relationships.items():
        start, end = (column[column.index("(") + 1 : -1] for column in list(table.columns)[:2])
        text = (
            f"UNWIND $rows AS row MATCH (a:{start} {{id: row[0]}}) MATCH (b:{end} {{id: row[1]}}) "
            f"CREATE (a)-[r:{name}]->(b) SET r = row[2]"
        )
        await create(client, text, table, None)
    return None


async def create(client: GraphClient, text: str, table: Table, names: dict[str, str] | None) -> None:
    statement = WriteStatement("bare", text, frozenset({"rows"}))
    for rows in pieces(table):
        if names is None:
            ends = list(table.columns)[:2]
            await client.writer.write(statement, rows=[[row.pop(ends[0]), row.pop(ends[1]), row] for row in rows])
        else:
            await client.writer.write(statement, rows=[{names[key]: row[key] for key in row} for row in rows])


def pieces(table: Table) -> Iterator[list[dict[str, Any]]]:
    frame = pl.read_csv(table.file, has_header=False, skip_rows=1, schema=dict(table.columns))
    for start in range(0, frame.height, BATCH):
        yield frame.slice(start, BATCH).to_dicts()


# -- the large file --------------------------------------------------------------------------------------------------


def make(folder: Path, ratings: int) -> None:
    """A data set in the layout of ml-20m: users with some 144 ratings each, movies as uneven as real ones."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    numbers = range(1, MOVIES + 1)
    movies = "".join(f"{n},Film {n} ({1930 + n % 85}),{'Drama|Crime' if n % 3 else 'Comedy'}\n" for n in numbers)
    (folder / "movies.csv").write_text("movieId,title,genres\n" + movies)
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\n" + "".join(f"{n},{n:07},{n}\n" for n in numbers))
    chances = np.cumsum(1 / np.arange(10, MOVIES + 10) ** 0.9)
    with (folder / "ratings.csv").open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\n")
        user, left = 1, ratings
        while left > 0:
            some = users(rng, user, chances / chances[-1])[:left]
            some.write_csv(file, include_header=False)
            user, left = user + USERS_AT_ONCE, left - some.height


def users(rng: np.random.Generator, first: int, chances: np.ndarray) -> pl.DataFrame:
    """The ratings of some users."""
    each = np.clip(rng.lognormal(np.log(RATINGS_OF_A_USER) - 0.6, 1.1, USERS_AT_ONCE), 20, 5_000).astype(int)
    user = np.repeat(np.arange(first, first + USERS_AT_ONCE), each)
    movie = np.searchsorted(chances, rng.random(user.size)) + 1
    pairs = np.unique(user.astype(np.int64) << 32 | movie)
    stars = np.clip(np.round(rng.normal(7, 2, pairs.size)), 1, 10) / 2
    at = rng.integers(800_000_000, 1_430_000_000, pairs.size)
    return pl.DataFrame({"user": pairs >> 32, "movie": pairs & 0xFFFFFFFF, "stars": stars, "at": at})


def show(result: dict[str, Any]) -> None:
    table = Shown("", "seconds", "again", "own CPU s", "server CPU s", "own MB", "nodes", "relationships", "ratings/s")
    for name, found in result.items():
        if name != "machine":
            rate = f"{found['ratings'] / found['seconds']:,.0f}" if "ratings" in found else ""
            again = f"{found['again seconds']:.1f}" if "again seconds" in found else ""
            seconds = (f"{found[key]:.1f}" for key in ("own CPU seconds", "server CPU seconds"))
            counts = (
                f"{found[key]:,.0f}" if key in found else "" for key in ("own memory MB", "nodes", "relationships")
            )
            table.add_row(name, f"{found['seconds']:.1f}", again, *seconds, *counts, rate)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
