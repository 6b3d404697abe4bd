"""What drawing some neighbours of each node costs and saves, beside products with the whole graph, on one core.

python -m benchmarks.neighbours [--small] [--out FILE]

Two generated data sets (`generated.py`): of the small one the time of an epoch, and recall@20 and NDCG@20 of a held-out
tenth after some epochs; of the large one the time of a step alone, from which that of an epoch is reckoned. Each row
has a process of its own, so that peaks of memory are their own; what it reads was made by another one. `--small` is the
same on little data, as the tests run it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import generated, gowalla
from benchmarks.machine import machine
from recommenders import registry
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.models.graph_model import GraphModel, reproducible
from recommenders.models.propagation import Training

RESULTS = Path(__file__).parent / "results" / "neighbours.json"
SEED, ASKED, STEPS = 0, 1000, 7
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Data:
    """Users, movies and ratings that are generated; epochs to train, 0 where steps alone are measured."""

    shape: tuple[int, int, int]
    epochs: int


DATA = {"small": Data((6_000, 3_000, 400_000), 2), "large": Data((100_000, 3_000, 6_000_000), 0)}
LITTLE = {"small": Data((200, 120, 6_000), 1), "large": Data((1_000, 200, 60_000), 0)}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "kgnn": {"batch_size": 2048, "negatives": 512},
    "lightgcn": {"batch_size": 2048, "negatives": 512, "temperature": 0.1},
}
ROWS: Sequence[tuple[str, int | None]] = (("kgnn", None), ("kgnn", 10), ("lightgcn", None), ("lightgcn", 10))


def made(shape: tuple[int, int, int], folder: Path) -> None:
    """Generate ratings, and write what is learnt from and what is asked for."""
    whole = generated.interactions(*shape, SEED)
    held = gowalla.held_out(whole, SEED)
    for name, part in (("known", whole.subset(~held)), ("target", whole.subset(held))):
        arrays = {field: getattr(part, field) for field in Interactions.__dataclass_fields__}
        np.savez(folder / f"{name}.npz", **arrays)


def read(folder: Path, name: str) -> Interactions:
    """What `made` wrote."""
    with np.load(folder / f"{name}.npz") as file:
        return Interactions(**dict(file))


def row(model: str, neighbours: int | None, data: Data, folder: Path) -> dict[str, Any]:
    """All figures of one row."""
    known = read(folder, "known")
    network = registry.create(model, {**CONFIGS[model], "neighbours": neighbours})
    assert isinstance(network, GraphModel)
    options = FitOptions(seed=SEED, device="cpu", knowledge=generated.knowledge(data.shape[1], SEED))
    with reproducible(1, CPU):
        training = network._training(known, CPU, options)
        before = peak()
        spent = epochs(training, data.epochs) if data.epochs else steps(training)
        found = {"secondsAnEpoch": round(spent, 2), "stepMilliseconds": round(1000 * spent / per_epoch(training))}
        found |= {"peakMegabytes": peak(), "beforeMegabytes": before, "likes": int(known.liked.nnz)}
        if data.epochs:
            found |= gowalla.measure(training.scorer(), known, read(folder, "target"), ASKED)
    return {"model": model, "neighbours": neighbours, "config": network.config.model_dump(), **found}


def epochs(training: Training[Any], count: int) -> float:
    """CPU seconds of an epoch, the mean of so many."""
    started = time.process_time()
    for _ in range(count):
        training.epoch()
    return (time.process_time() - started) / count


def steps(training: Training[Any]) -> float:
    """CPU seconds that an epoch would take, by the median of some steps after the first."""
    spent = list[float]()
    for pairs in islice(training.graph.batches(training.config.batch_size), STEPS + 1):
        started = time.process_time()
        loss = training.loss(pairs)
        training.optimiser.zero_grad()
        torch.autograd.backward(loss)
        training.optimiser.step()
        spent.append(time.process_time() - started)
    return float(np.median(spent[1:])) * per_epoch(training)


def per_epoch(training: Training[Any]) -> int:
    """Steps of an epoch."""
    return -(-len(training.graph.pairs) // training.config.batch_size)


def peak() -> int:
    """Megabytes of this process at most so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def in_own_process(*given: str) -> str:
    """What a process of its own says."""
    command = [sys.executable, "-m", "benchmarks.neighbours", *given]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def line(one: Mapping[str, Any]) -> str:
    """One row of the table."""
    quality = [f"{one[metric]:.4f}" if metric in one else "" for metric in ("recall@20", "ndcg@20")]
    cells = (one["data"], one["model"], one["neighbours"] or "all", one["secondsAnEpoch"], one["stepMilliseconds"])
    return f"| {' | '.join(map(str, (*cells, one['peakMegabytes'], *quality)))} |"


def main(little: bool, out: Path) -> None:
    """Measure, print a line each, and write them after each."""
    rows, given = list[dict[str, Any]](), ("--small",) if little else ()
    print(
        "| data | model | neighbours | s an epoch | ms a step | peak MB | recall@20 | ndcg@20 |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for name, data in (LITTLE if little else DATA).items():
        with tempfile.TemporaryDirectory() as folder:
            in_own_process("--make", name, "--folder", folder, *given)
            for model, neighbours in ROWS:
                asked = ("--one", name, model, str(neighbours or 0), "--folder", folder, *given)
                rows.append({"data": name, "shape": list(data.shape), **json.loads(in_own_process(*asked))})
                print(line(rows[-1]), flush=True)
                found = {"machine": machine(), "seed": SEED, "rows": rows}
                out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="neighbours drawn, and the whole graph")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--folder", type=Path, help="where data are written to, and read from")
    parser.add_argument("--make", help="write these data, and nothing else")
    parser.add_argument("--one", nargs=3, help="print the row of these data, model and neighbours (0: all) as JSON")
    given = parser.parse_args()
    sets = LITTLE if given.small else DATA
    if given.make:
        made(sets[given.make].shape, given.folder)
    elif given.one:
        print(json.dumps(row(given.one[1], int(given.one[2]) or None, sets[given.one[0]], given.folder)))
    else:
        main(given.small, given.out)
