"""All that needs a GPU, in one go of less than nine minutes: seconds an epoch, and the time to quality.

python -m benchmarks.gpu [../shared/data/gowalla] [--small] [--out FILE]

Gowalla's likes (where the folder is given), then generated ones in the shape of ml-20m: 138,493 users, 26,744 movies,
20 million ratings, with a catalogue. A held-out tenth of each user's ratings is asked for after some epochs; the time
to quality is that of all epochs until recall@20 is within 1 % of the best one seen. `--small` is the same on little
data, as the tests run it, on any device.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import generated, gowalla
from recommenders import registry
from recommenders.cosine_scorer import CosineScorer
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions
from recommenders.models.graph_model import GraphModel, device_of, reproducible

RESULTS = Path(__file__).parent / "results" / "gpu.json"
K, SEED, AT_ONCE, USERS = 20, 0, 2048, 6000
SHAPE, SMALL_SHAPE = (138_493, 26_744, 20_000_000), (300, 120, 9_000)
"""Users, movies and ratings of the generated data."""


@dataclass(frozen=True)
class Case:
    """A model on a data set: how it is configured, and after which epochs it is asked."""

    model: str
    config: Mapping[str, Any]
    epochs: tuple[int, ...]


FAST = {"embedding_dim": 256, "layers": 2, "l2": 1e-5, "temperature": 0.1}
PAPER = {"loss": "bpr", "first_layer": 0, "layers": 3}
LARGE = {"batch_size": 131_072, "learning_rate": 0.01, "negatives": 4096, "embedding_dim": 64, "l2": 1e-5} | {
    "temperature": 0.1
}
ON_GOWALLA = (
    Case("lightgcn", {**FAST, "learning_rate": 0.003}, (2, 4, 6, 8, 10, 15, 20)),
    Case("xsimgcl", {**FAST, "learning_rate": 0.003, "noise": 0.05, "contrast": 0.05}, (2, 4, 6, 8, 10)),
    Case("lightgcn", {**PAPER, "learning_rate": 0.001, "batch_size": 2048}, (1, 2)),
)
ON_GENERATED = (
    Case("lightgcn", LARGE, (1, 2, 3, 5, 8)),
    Case("lightgcn", {**LARGE, "precision": "bfloat16"}, (1, 2, 3, 5, 8)),
    Case("xsimgcl", {**LARGE, "noise": 0.05, "contrast": 0.05}, (1, 2, 3, 5)),
    Case("kgnn", LARGE, (1, 2, 3, 5)),
)


@dataclass(frozen=True)
class Data:
    """Likes that a model learns from, what is asked for, and what the catalogue says."""

    name: str
    known: Interactions
    target: Interactions
    knowledge: Knowledge | None = None

    @classmethod
    def of(cls, name: str, whole: Interactions, knowledge: Knowledge | None = None) -> "Data":
        """With a tenth of each user's ratings held out."""
        held = gowalla.held_out(whole, SEED)
        return cls(name, whole.subset(~held), whole.subset(held), knowledge)


def measure(scorer: Any, known: Interactions, target: Interactions, device: torch.device) -> dict[str, float]:
    """As `gowalla.measure` does, on the device: recall@20 and ndcg@20 of some of the users with anything to find."""
    asked = np.random.default_rng(SEED).permutation(np.flatnonzero(np.diff(target.liked.indptr)))[:USERS]
    discount = 1 / torch.log2(torch.arange(2, K + 2, device=device))
    totals = torch.zeros(2, device=device)
    for start in range(0, len(asked), AT_ONCE):
        users = asked[start : start + AT_ONCE]
        scores = _scores(scorer, _dense(known.liked[users], device))
        for row, user in enumerate(users.tolist()):
            scores[row, torch.from_numpy(known.seen_by(user).astype(np.int64)).to(device)] = -torch.inf
        wanted = _dense(target.liked[users], device)
        hits, count = wanted.gather(1, scores.topk(K, dim=1).indices), wanted.sum(dim=1)
        best = discount.cumsum(0)[count.long().clamp(max=K) - 1]
        totals += torch.stack([(hits.sum(1) / count).sum(), ((hits * discount).sum(1) / best).sum()])
    recall, ndcg = (totals / len(asked)).tolist()
    return {"recall@20": round(recall, 5), "ndcg@20": round(ndcg, 5)}


def _scores(scorer: Any, histories: Tensor) -> Tensor:
    """What the scorer's `score_many` gives for histories of ones (users, movies)."""
    history, items, popularity = (
        torch.from_numpy(part).to(histories.device)
        for part in (scorer.history_factors, scorer.item_factors, scorer.popularity)
    )
    users = histories @ history
    if isinstance(scorer, CosineScorer):
        users = torch.nn.functional.normalize(users, dim=1)
        scores = users @ items.T + torch.from_numpy(scorer.biases).to(histories.device)
    else:
        scores = users @ items.T
    told = histories @ history.any(dim=1).float()
    return torch.where(told[:, None] > 0, scores, popularity)


def _dense(likes: Any, device: torch.device) -> Tensor:
    matrix = torch.zeros(likes.shape, device=device)
    rows, columns = (torch.from_numpy(part.astype(np.int64)).to(device) for part in likes.tocoo().coords)
    matrix[rows, columns] = 1.0
    return matrix


def run(case: Case, data: Data, device: torch.device) -> dict[str, Any]:
    """Train, ask after some epochs, and tell: seconds of training alone, the device's memory at most."""
    model = registry.create(case.model, case.config)
    assert isinstance(model, GraphModel)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    started, spent, curve = time.perf_counter(), 0.0, []
    with reproducible(model.config.threads, device):
        training = model._training(data.known, device, FitOptions(seed=SEED, knowledge=data.knowledge))
        prepared = time.perf_counter() - started
        for epoch in range(1, case.epochs[-1] + 1):
            started = time.perf_counter()
            training.epoch()
            spent += time.perf_counter() - started
            if epoch in case.epochs:
                figures = measure(training.scorer(), data.known, data.target, device)
                curve.append({"epoch": epoch, "seconds": round(spent, 2), **figures})
    best = max(one["recall@20"] for one in curve)
    return {
        "model": case.model,
        "data": data.name,
        "config": model.config.model_dump(),
        "likes": int(data.known.liked.nnz),
        "secondsAnEpoch": round(spent / case.epochs[-1], 3),
        "prepareSeconds": round(prepared, 2),
        "secondsToQuality": next(one["seconds"] for one in curve if one["recall@20"] >= 0.99 * best),
        "gpuMegabytes": round(torch.cuda.max_memory_allocated() / 1e6) if device.type == "cuda" else None,
        "curve": curve,
    }


def small(case: Case) -> Case:
    """The same for little data."""
    return Case(case.model, {**case.config, "embedding_dim": 16, "batch_size": 512, "negatives": 64}, (1, 2))


def main(folder: Path | None, shape: tuple[int, int, int], little: bool, out: Path) -> None:
    """Run all, print a line each, and write them after each, so that nothing is lost where time runs out."""
    device, rows = device_of("auto"), list[dict[str, Any]]()
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    cases = [(case, "generated") for case in ON_GENERATED]
    data = {"generated": lambda: Data.of("generated", generated.interactions(*shape), generated.knowledge(shape[1]))}
    if folder:
        cases = [(case, "gowalla") for case in ON_GOWALLA] + cases
        data["gowalla"] = lambda: Data.of("gowalla", gowalla.load(folder)[0])
    made: dict[str, Data] = {}
    for case, on in cases:
        made[on] = made.get(on) or data[on]()
        try:
            rows.append(run(small(case) if little else case, made[on], device))
            print(line(rows[-1]), flush=True)
        except RuntimeError as error:
            rows.append({"model": case.model, "data": on, "config": dict(case.config), "error": str(error)[:200]})
            print(rows[-1], flush=True)
        found = {"device": name, "torch": torch.__version__, "shape": shape, "seed": SEED, "runs": rows}
        out.write_text(json.dumps(found, indent=1) + "\n")


def line(row: Mapping[str, Any]) -> str:
    """One run as a row of a table."""
    best = max(row["curve"], key=lambda one: one["recall@20"])
    return (
        f"| {row['model']} | {row['data']} | {row['config']['precision']} | {row['likes']:,} | {row['secondsAnEpoch']} "
        f"| {row['secondsToQuality']} | {best['recall@20']:.4f} | {best['ndcg@20']:.4f} | {row['gpuMegabytes']} |"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="what needs a GPU")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    main(given.folder, SMALL_SHAPE if given.small else SHAPE, given.small, given.out)
