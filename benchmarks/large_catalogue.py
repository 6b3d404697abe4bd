"""Models that need no GPU on a catalogue of 80,000 movies: how long they take to fit and to score, and in what memory.

python -m benchmarks.large_catalogue [--models ease,sparse_ease] [--small] [--out FILE]

The likes are generated (`generated.py`): 40,000 users, 80,000 movies, some 4 million ratings of which half are likes.
Each model has a process of its own, and so has a process that only makes the data, so that peaks of memory are their
own. A tenth of each user's ratings is held out; recall@20 of 2,000 users says that what was fitted is of use. EASE
refuses; what it would take stands in its row. `--small` is the same on little data, as the tests run it.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import generated, gowalla
from benchmarks.machine import machine
from cinegraph.errors import ModelTooLarge
from recommenders import registry
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.scorers import Scorer

RESULTS = Path(__file__).parent / "results" / "large_catalogue.json"
SHAPE, SMALL_SHAPE = (40_000, 80_000, 4_000_000), (300, 400, 9_000)
"""Users, movies and ratings."""
MODELS = ("popular", "itemknn", "graphfilter", "ease", "sparse_ease", "ials")
CONFIGS: Mapping[str, Mapping[str, Any]] = {"itemknn": {"neighbours": 200}, "graphfilter": {"factors": 128}}
"""Where they are not the defaults."""
SEED, ASKED, TIMED = 0, 2000, 100
DATA_ALONE = "data"
"""The row of the process that only makes the data."""


def data(shape: Sequence[int]) -> tuple[Interactions, Interactions]:
    """What models learn from, and a tenth of each user's ratings beside it."""
    users, movies, ratings = shape
    whole = generated.interactions(users, movies, ratings, SEED)
    held = gowalla.held_out(whole, SEED)
    return whole.subset(~held), whole.subset(held)


def row(name: str, shape: Sequence[int]) -> dict[str, Any]:
    """All figures of one model."""
    known, target = data(shape)
    found: dict[str, Any] = {"model": name}
    if name == DATA_ALONE:
        found["likes"] = int(known.liked.nnz)
    else:
        found |= figures(name, known, target)
    return {**found, "peakMegabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)}


def figures(name: str, known: Interactions, target: Interactions) -> dict[str, Any]:
    """Seconds of fitting, milliseconds of scoring all movies for one user, the artefact's size, and recall."""
    started = time.perf_counter(), time.process_time()
    model = registry.create(name, CONFIGS.get(name))
    try:
        model.fit(known, FitOptions(seed=SEED, device="cpu"))
    except ModelTooLarge as error:
        return {"config": model.config.model_dump(), "refused": str(error)}
    fitted = time.perf_counter(), time.process_time()
    scorer = model.scorer()
    return {
        "config": model.config.model_dump(),
        "fit": {"wallSeconds": round(fitted[0] - started[0], 1), "cpuSeconds": round(fitted[1] - started[1], 1)},
        "scoreMilliseconds": round(score_milliseconds(scorer, known), 2),
        "artifactMegabytes": round(sum(array.nbytes for array in scorer.arrays().values()) / 1e6, 1),
        "heldOut": gowalla.measure(scorer, known, target, ASKED),
    }


def score_milliseconds(scorer: Scorer, known: Interactions) -> float:
    """The median time to score every movie for one user, over users drawn by the seed."""
    users = np.random.default_rng(SEED).permutation(np.flatnonzero(np.diff(known.liked.indptr)))[: TIMED + 1]
    spent = list[float]()
    for user in users.tolist():
        history, started = known.history(user), time.perf_counter()
        scorer.score(history)
        spent.append(1000 * (time.perf_counter() - started))
    return float(np.median(spent[1:]))


def in_own_process(name: str, shape: Sequence[int]) -> dict[str, Any]:
    """The row of a model, made by a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large_catalogue", "--one", name, "--shape", *map(str, shape)]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def line(one: Mapping[str, Any]) -> str:
    """One row of the table."""
    if "fit" not in one:
        return f"| {one['model']} | | | | | {one['peakMegabytes']} | {one.get('refused', '')} |"
    return (
        f"| {one['model']} | {one['fit']['wallSeconds']} | {one['fit']['cpuSeconds']} | {one['scoreMilliseconds']} "
        f"| {one['artifactMegabytes']} | {one['peakMegabytes']} | {one['heldOut']['recall@20']:.4f} |"
    )


def main(names: Sequence[str], shape: Sequence[int], out: Path) -> None:
    """Measure, print a line each, and write them after each; rows of other models that were measured before stay."""
    before = json.loads(out.read_text())["models"] if out.exists() else []
    rows = {one["model"]: one for one in before}
    print(
        "| model | fit s | fit CPU s | ms a score | artefact MB | peak MB | recall@20 |\n|---|---|---|---|---|---|---|"
    )
    for name in (DATA_ALONE, *names):
        rows[name] = in_own_process(name, shape)
        print(line(rows[name]), flush=True)
        found = {"machine": machine(), "shape": list(shape), "seed": SEED, "models": list(rows.values())}
        out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a catalogue of 80,000 movies")
    parser.add_argument("--models", default=",".join(MODELS), help="names, with commas between")
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE, help="users, movies and ratings")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", help="print the row of this model as JSON, and write nothing")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(row(given.one, given.shape)))
    else:
        main(given.models.split(","), SMALL_SHAPE if given.small else given.shape, given.out)
