"""Models on Gowalla, the split that LightGCN, BSPM and others publish figures of: every place ranked, train left out.

python -m benchmarks.gowalla ../shared/data/gowalla [--models popular,graphfilter]

Hyper-parameters are chosen on a tenth of each user's train, drawn by a seed; with them a model is fitted on all of
train, and test is read once. Each model has a process of its own, so that its peak of memory is its own. `ease` takes
part with the places that are visited by many only: over all 40,981 its matrices do not fit.

Test is no random part of the visits: every model but popularity finds more of validation than of test, though it has
learnt from more when it is tested (`val. recall@20` beside `recall@20`). What is best on validation may not be on test.
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
import polars as pl

from cinegraph.errors import ModelError
from recommenders import registry
from recommenders.arrays import BoolArray, IntArray
from recommenders.interactions import Interactions
from recommenders.metrics import ndcg_at, recall_at
from recommenders.model import FitOptions, Model
from recommenders.ranking import top_k
from recommenders.scorers import Scorer

RESULTS = Path(__file__).parent / "results" / "gowalla.json"
K, SEED, USERS_AT_ONCE = 20, 0, 256
VALIDATION_USERS = 6000
"""Users, drawn by the seed, that hyper-parameters are chosen with."""
MODELS = (
    *("popular", "itemknn", "ease", "sparse_ease", "ials", "graphfilter", "lightgcn"),
    *("blend", "blend with sparse_ease", "blend with lightgcn"),
)
"""The first word is the model."""
PUBLISHED = {
    "MF-BPR": (0.1627, 0.1378),
    "EASE": (0.1765, 0.1467),
    "LightGCN": (0.1830, 0.1554),
    "GF-CF": (0.1849, 0.1518),
    "UltraGCN": (0.1862, 0.1580),
    "SimpleX": (0.1872, 0.1557),
    "NESCL": (0.1917, 0.1617),
    "BSPM-EM": (0.1920, 0.1597),
}
"""recall@20 and ndcg@20 on the same files, as published."""
IALS: Mapping[str, Any] = {"unobserved": 0.02, "l2": 0.05, "embedding_dim": 256}
CONFIGS: Mapping[str, Any] = {
    "ials": IALS,
    "sparse_ease": {"l2": 50.0, "block": 5, "support": 300, "neighbours": 300},
    "lightgcn": {"temperature": 0.1, "epochs": 15},
}
"""As `ials` and `sparse_ease` alone are best on validation."""
SEARCH: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "itemknn": [{"neighbours": 50}, {"neighbours": 200}],
    "ease": [{"l2": 300.0, "min_likes": 30}, {"l2": 100.0, "min_likes": 30}],
    "sparse_ease": [{"l2": 50.0}, {}, CONFIGS["sparse_ease"]],
    "ials": [
        {"unobserved": 0.03, "l2": 0.03},
        IALS,
    ],
    "graphfilter": [{}, {"to_exponent": 0.4, "sharpen": 0.4}],
    "lightgcn": [CONFIGS["lightgcn"]],
    "blend": [{"configs": {"ials": IALS}}],
    "blend with sparse_ease": [{"members": ("graphfilter", "ials", "sparse_ease"), "configs": CONFIGS}],
    "blend with lightgcn": [{"members": ("graphfilter", "ials", "lightgcn"), "configs": CONFIGS}],
}
"""What is tried on validation; the defaults where a model is not here."""


def pairs(file: Path) -> pl.DataFrame:
    """The rows (user_id, movie_id) of a file with `user place place ...` a line."""
    rows = [line.split() for line in file.read_text().splitlines()]
    users = [row[0].zfill(6) for row in rows for _ in row[1:]]
    return pl.DataFrame({"user_id": users, "movie_id": [place.zfill(6) for row in rows for place in row[1:]]})


def load(folder: Path) -> tuple[Interactions, Interactions]:
    """Train and test over the same users and places: each visit counts as a rating of 5."""
    train, test = pairs(folder / "train.txt"), pairs(folder / "test.txt")
    both = pl.concat([train.with_columns(at=pl.lit(0)), test.with_columns(at=pl.lit(1))])
    whole = Interactions.from_frame(both.with_columns(rating=pl.lit(5.0)))
    if len(whole) != both.height:
        raise ModelError(f"{folder} holds a user and a place twice: {both.height - len(whole)} rows")
    return whole.subset(whole.at == 0), whole.subset(whole.at == 1)


def held_out(train: Interactions, seed: int) -> BoolArray:
    """Which rows of train (n,) are validation: a tenth of each user's, at least one."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(train)), train.user_index))
    counts = np.bincount(train.user_index, minlength=train.n_users)
    users = train.user_index[order]
    place = np.arange(len(train)) - (np.cumsum(counts) - counts)[users]
    held = np.zeros(len(train), dtype=np.bool_)
    held[order] = place < np.maximum(1, np.round(counts[users] / 10))
    return held


def measure(
    scorer: Scorer, known: Interactions, target: Interactions, max_users: int | None = None
) -> dict[str, float]:
    """Means over the users with anything in `target`, whose history is `known`: recall@20 and ndcg@20."""
    users = np.random.default_rng(SEED).permutation(np.flatnonzero(np.diff(target.liked.indptr)))[:max_users]
    hits = np.concatenate([hits_of(scorer, known, target, part) for part in blocks(users)])
    relevant = np.diff(target.liked.indptr)[users]
    return {
        "recall@20": round(float(recall_at(hits, relevant, K).mean()), 5),
        "ndcg@20": round(float(ndcg_at(hits, relevant, K).mean()), 5),
    }


def blocks(users: IntArray) -> list[IntArray]:
    """The users in parts that are scored at once."""
    return [users[start : start + USERS_AT_ONCE] for start in range(0, len(users), USERS_AT_ONCE)]


def hits_of(scorer: Scorer, known: Interactions, target: Interactions, users: IntArray) -> BoolArray:
    """At each place of the users' lists (users, 20), whether what stands there is in `target`."""
    hits = np.zeros((len(users), K), dtype=np.bool_)
    for row, scores in enumerate(scorer.score_many(known.liked[users])):
        free = np.ones(len(scores), dtype=np.bool_)
        free[known.seen_by(int(users[row]))] = False
        hits[row] = np.isin(top_k(scores, free, K).items, target.history(int(users[row])).items)
    return hits


def chosen(name: str, train: Interactions) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The hyper-parameters with the best recall@20 + ndcg@20 on validation, and all that was tried."""
    held = held_out(train, SEED)
    known, validation = train.subset(~held), train.subset(held)
    tried = []
    for config in SEARCH.get(name, [{}]):
        figures = measure(fit(name, config, known).scorer(), known, validation, VALIDATION_USERS)
        tried.append({"config": dict(config), **figures})
        print(f"  {name} {dict(config)}: {figures}", file=sys.stderr, flush=True)
    return max(tried, key=lambda one: one["recall@20"] + one["ndcg@20"]), tried


def fit(name: str, config: Mapping[str, Any], known: Interactions) -> Model[Any]:
    """The fitted model, on the CPU."""
    return registry.create(name.partition(" ")[0], config).fit(known, FitOptions(seed=SEED, device="cpu"))


def row(name: str, folder: Path) -> dict[str, Any]:
    """All figures of one model; seconds are those of the last fit, and of scoring all test users after it."""
    train, test = load(folder)
    best, tried = chosen(name, train)
    started = time.perf_counter(), time.process_time()
    model = fit(name, best["config"], train)
    fitted = time.perf_counter(), time.process_time()
    figures = measure(model.scorer(), train, test)
    return {
        "model": name,
        "config": model.config.model_dump(),
        "validation": {metric: best[metric] for metric in figures},
        "test": figures,
        "fit": {"wallSeconds": round(fitted[0] - started[0], 1), "cpuSeconds": round(fitted[1] - started[1], 1)},
        "evaluationCpuSeconds": round(time.process_time() - fitted[1], 1),
        "artifactMegabytes": round(sum(array.nbytes for array in model.scorer().arrays().values()) / 1e6, 1),
        "peakMegabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        "tried": tried,
    }


def in_own_process(name: str, folder: Path) -> dict[str, Any]:
    """The row of a model, made by a process of its own."""
    command = [sys.executable, "-m", "benchmarks.gowalla", str(folder), "--one", name]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def line(one: Mapping[str, Any]) -> str:
    """One row of the table."""
    validation, test, seconds = one["validation"], one["test"], one["fit"]
    return (
        f"| {one['model']} | {validation['recall@20']:.4f} | {validation['ndcg@20']:.4f} | {test['recall@20']:.4f} "
        f"| {test['ndcg@20']:.4f} | {seconds['wallSeconds']} | {seconds['cpuSeconds']} | {one['peakMegabytes']} |"
    )


def main(folder: Path, names: Sequence[str]) -> None:
    """Measure the models, print the table, and write it; rows of other models that were measured before stay."""
    measured = {name: in_own_process(name, folder) for name in names}
    before = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else []
    rows = {one["model"]: one for one in before} | measured
    published = {name: {"recall@20": recall, "ndcg@20": ndcg} for name, (recall, ndcg) in PUBLISHED.items()}
    found = {"dataset": "gowalla", "seed": SEED, "models": list(rows.values()), "published": published}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print("| model | val. recall@20 | val. ndcg@20 | recall@20 | ndcg@20 | fit s | fit CPU s | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(line(one) for one in rows.values()))
    print("\n".join(f"| {name} (published) | | | {r:.4f} | {n:.4f} | | | |" for name, (r, n) in PUBLISHED.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="models on Gowalla")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default=",".join(MODELS), help="names, with commas between")
    parser.add_argument("--one", help="print the row of this model as JSON, and write nothing")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(row(given.one, given.folder)))
    else:
        main(given.folder, given.models.split(","))
