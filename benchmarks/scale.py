"""The whole way at the size of ml-20m: files, graph, export, training, evaluation, a served version.

python -m benchmarks.scale [--ratings 20000000] [--max-users 2000] [--out FILE]

The ratings are generated with tastes behind them (`generated.py`): 138,493 users and 26,744 movies at full size, for
less fewer users in proportion, and movies by the root of it. Each stage is what the command of the same name does, in a
process of its own: `cinegraph ingest bulk` with the local Neo4j stopped, then `cinegraph train` with the export, every
model fitted twice (for validation and for test) with the hyper-parameters below, the best one once more on all ratings,
2,000 users asked, and what is chosen published. Seconds are by the clock and of the CPU; memory is the most that the
process and all those it started, Neo4j among them, held at once.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import generated
from benchmarks.machine import machine
from cinegraph.cli.reading import read_data
from cinegraph.cli.signals import apart
from cinegraph.home import artifacts_of, local_server, open_graph
from cinegraph.settings import load_settings
from graph.ingest.bulk import BulkSources, ingest_bulk
from recommenders.protocol import load_protocol
from recommenders.publishing import publish_run
from recommenders.recording import Record, Subject, Unrecorded
from recommenders.training import TrainingOptions, train

RESULT = Path(__file__).parent / "results" / "scale.json"
SHAPE = (138_493, 26_744, 20_000_000)
"""Users, movies and ratings of ml-20m."""
MODELS = ("popular", "itemknn", "ials", "graphfilter")
"""EASE takes part unasked, as a baseline, and is too large: `sparse_ease` stands in for it."""
CONFIGS: dict[str, dict[str, Any]] = {
    "itemknn": {},
    "sparse_ease": {},
    "ials": {"embedding_dim": 64, "sweeps": 8},
    "graphfilter": {"factors": 128, "sharpen_factors": 128},
}
"""Hyper-parameters, which are not searched at this size."""
FROM, TO = 1_420_070_400, 1_577_836_800
"""The moments of the ratings, in seconds."""
EVERY = 0.2
"""Seconds between two looks at the memory."""
MEGABYTE = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=SHAPE[2])
    parser.add_argument("--max-users", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--stage", choices=STAGES, help="one stage on the home of CINEGRAPH_HOME; prints JSON")
    parser.add_argument("--files", type=Path, help="of a stage: the data set")
    given = parser.parse_args()
    if given.stage:
        print(json.dumps(asyncio.run(STAGES[given.stage](given.files, given.max_users))))
        return
    found = measured(given.ratings, given.max_users)
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    show(found)


def measured(ratings: int, max_users: int) -> dict[str, Any]:
    """All stages, one after the other, on a home and files that are gone afterwards."""
    found: dict[str, Any] = {"machine": machine(), "maxUsers": max_users, "stages": []}
    with tempfile.TemporaryDirectory(prefix="cinegraph-") as folder:
        files = Path(folder) / "generated"
        found["shape"] = make(files, ratings)
        for stage in STAGES:
            told = in_own_process(stage, files, max_users, Path(folder) / "home")
            found["stages"] += told.pop("stages")
            found |= told
    return found


def in_own_process(stage: str, files: Path, max_users: int, home: Path) -> dict[str, Any]:
    """What a stage tells, which runs in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--stage", stage, "--files", str(files)]
    done = subprocess.run(
        [*command, "--max-users", str(max_users)],
        env={**os.environ, "CINEGRAPH_HOME": str(home)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def make(folder: Path, ratings: int) -> dict[str, int]:
    """The files of a data set in the layout of MovieLens, and how many users, movies and ratings it has."""
    part = ratings / SHAPE[2]
    likes = generated.interactions(max(200, int(SHAPE[0] * part)), max(100, int(SHAPE[1] * part**0.5)), ratings)
    folder.mkdir(parents=True)
    numbers = range(1, likes.n_movies + 1)
    titles = "".join(f"{n},Film {n} ({1930 + n % 85}),{'Drama|Crime' if n % 3 else 'Comedy'}\n" for n in numbers)
    (folder / "movies.csv").write_text("movieId,title,genres\n" + titles)
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\n" + "".join(f"{n},{n:07},{n}\n" for n in numbers))
    columns = {
        "userId": likes.user_index + 1,
        "movieId": likes.movie_index + 1,
        "rating": likes.rating,
        "timestamp": np.random.default_rng(1).integers(FROM, TO, len(likes)),
    }
    pl.DataFrame(columns).sort("userId", "timestamp").write_csv(folder / "ratings.csv")
    return {"users": likes.n_users, "movies": likes.n_movies, "ratings": len(likes)}


# -- stages ------------------------------------------------------------------------------------------------------------


async def ingest(files: Path, max_users: int) -> dict[str, Any]:
    settings, stages = load_settings(), list[dict[str, Any]]()
    with told(stages, "ingest"):
        await ingest_bulk(local_server(settings), settings.graph, BulkSources(files))
    return {"stages": stages}


async def training(files: Path, max_users: int) -> dict[str, Any]:
    settings, stages = load_settings(), list[dict[str, Any]]()
    async with open_graph(settings) as client:
        with told(stages, "export"):
            ratings, facts = await read_data(client, settings, MODELS, lambda *_: None)
        costs = Costing()
        options = TrainingOptions(
            protocol=load_protocol("global_time"),
            configs=CONFIGS,
            max_users=max_users,
            facts=facts,
            device="cpu",
            recorder=costs,
            because="to see it published at this size",
        )
        with told(stages, "train"):
            run = await apart(lambda: train(ratings, MODELS, options))
        with told(stages, "publish"):
            version = await publish_run(client.writer, artifacts_of(settings), run, settings.gate)
    rows = [
        {
            "model": one.name,
            "config": dict(one.config),
            "ndcg_at_10": [one.test.ndcg_at_10.mean, one.test.ndcg_at_10.low, one.test.ndcg_at_10.high],
            "recall_at_20": one.test.recall_at_20.mean,
            **cost,
        }
        for one, cost in zip(run.results, costs.rows, strict=True)
    ]
    return {"stages": stages, "models": rows, "published": version, "testUsers": run.test_users}


STAGES = {"ingest": ingest, "training": training}


class Costing(Unrecorded):
    """Keeps what each model's training costs, in the order of the trainings that came to their end."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    @contextmanager
    def training(self, subject: Subject) -> Iterator[Record]:
        found = list[dict[str, Any]]()
        with told(found, subject.model), super().training(subject) as record:
            yield record
        self.rows.append({name: value for name, value in found[0].items() if name != "stage"})


@contextmanager
def told(stages: list[dict[str, Any]], name: str) -> Iterator[None]:
    """Adds what was spent inside, by all processes of this one, and says so on stderr."""
    over, peak = threading.Event(), [0.0]
    watch = threading.Thread(target=_watch, args=(peak, over), daemon=True)
    watch.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        spent = {"wallSeconds": time.perf_counter() - wall, "ownCpuSeconds": time.process_time() - cpu}
        over.set()
        watch.join()
    row = {"stage": name, **{key: round(value, 1) for key, value in spent.items()}, "peakMegabytes": round(peak[0])}
    print(f"  {row}", file=sys.stderr, flush=True)
    stages.append(row)


def _watch(peak: list[float], over: threading.Event) -> None:
    last = False
    while not last:
        last = over.wait(EVERY)
        peak[0] = max(peak[0], resident() / MEGABYTE)


def resident() -> int:
    """Bytes in memory of this process and of all below it."""
    total, own = 0, psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return total


# -- what is shown -----------------------------------------------------------------------------------------------------


def show(found: dict[str, Any]) -> None:
    counts = ", ".join(f"{value:,} {name}" for name, value in found["shape"].items())
    table = Table("stage", "seconds", "own CPU s", "memory, MB", "NDCG@10", title=counts)
    for row in found["stages"]:
        table.add_row(row["stage"], *spent(row), "")
    for row in found["models"]:
        table.add_row(f"  {row['model']}", *spent(row), f"{row['ndcg_at_10'][0]:.4f}")
    Console(width=120).print(table)


def spent(row: dict[str, Any]) -> Sequence[str]:
    return f"{row['wallSeconds']:,.0f}", f"{row['ownCpuSeconds']:,.0f}", f"{row['peakMegabytes']:,}"


if __name__ == "__main__":
    main()
