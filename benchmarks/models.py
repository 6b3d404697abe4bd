"""Every model under several protocols: the table of figures with intervals, the curve of cold users, the seconds.

    python -m benchmarks.models [--protocol user_time …] [--sequences FILE] [MODEL …]

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`), as `cinegraph evaluate`
measures. `--sequences` takes a file of lines `user item` in the order of time (ML-1M as the authors of SASRec have it)
instead of the graph: each user's last one is to be found, the one before it is for validation, and every one is a like.
What is measured replaces the rows of the same protocol and model in `benchmarks/results/models.json`; others stay. Each
row says of what data and code it is, and how it stands to EASE by a randomisation test, with Holm's correction for all
pairs of models that were measured with it.
"""

import argparse
import asyncio
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from cinegraph.cli.reading import read_data
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from recommenders.facts import MovieFacts
from recommenders.interactions import Interactions
from recommenders.protocol import load_protocol
from recommenders.results import ModelResult, TrainingRun
from recommenders.runs.environment import code_fingerprint
from recommenders.training import TrainingOptions, train

RESULT = Path(__file__).parent / "results" / "models.json"
PROTOCOLS = ("user_time", "cold_movies", "cold_users")
COLD = ("popular", "itemknn", "ease", "sparse_ease", "ials", "graphfilter", "content", "ensemble", "kgnn", "blend")
"""Those that rank movies without ratings."""
MODELS = (*COLD, "lightgcn", "xsimgcl")
SEQUENCES = ("popular", "itemknn", "ease", "sparse_ease", "ials", "graphfilter", "blend", "ensemble")
LAST = "leave_last_out"
SECOND = 1_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("models", nargs="*")
    arguments.add_argument("--protocol", action="append")
    arguments.add_argument("--sequences", type=Path)
    given = arguments.parse_args()
    if given.sequences:
        runs = [("ml-1m sequences", trained(sequences(given.sequences), None, LAST, given.models or SEQUENCES))]
    else:
        runs = asyncio.run(measured(load_settings(), given.protocol or PROTOCOLS, given.models))
    for data, run in runs:
        write(data, run)
        show(run)


async def measured(
    settings: Settings, protocols: Sequence[str], models: Sequence[str]
) -> list[tuple[str, TrainingRun]]:
    async with open_graph(settings) as client:
        ratings, facts = await read_data(client, settings, models or MODELS, lambda *_: None)
    return [("graph", trained(ratings, facts, protocol, models or usual(protocol))) for protocol in protocols]


def usual(protocol: str) -> Sequence[str]:
    """The models of a protocol's table."""
    return COLD if protocol == "cold_movies" else MODELS


def trained(ratings: Interactions, facts: MovieFacts | None, protocol: str, models: Sequence[str]) -> TrainingRun:
    options = TrainingOptions(protocol=load_protocol(protocol), facts=facts, final=False, device="cpu")
    return train(ratings, models, options)


def sequences(path: Path) -> Interactions:
    """Every line as a like, a second after the one before it."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        pairs = [line.split() for line in file if line.strip()]
    at = [number * SECOND for number in range(len(pairs))]
    columns = {"user_id": [user for user, _ in pairs], "movie_id": [movie for _, movie in pairs]}
    return Interactions.from_frame(pl.DataFrame(columns).with_columns(rating=pl.lit(5.0), at=pl.Series(at)))


def write(data: str, run: TrainingRun) -> None:
    """What was measured, in the place of what stands there of the same protocol and models."""
    found: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"protocols": {}}
    place = found["protocols"].setdefault(run.protocol.name, {"models": {}})
    place |= {"data": data, "users": run.test_users, "fingerprint": run.fingerprint[:12], "machine": machine()}
    place["models"] |= {one.name: row(one, run) for one in run.results}
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


def row(one: ModelResult, run: TrainingRun) -> dict[str, Any]:
    """The figures of one model, on test but where they say otherwise; what they are of."""
    test, tested = one.test, run.against_ease(one.name)
    beyond = {
        "genre_distance": test.genre_distance_at_10,
        "calibration_error": test.calibration_error_at_10,
        "novelty_bits": test.novelty_at_10,
    }
    return {
        "validation_ndcg_at_10": one.validation.ndcg_at_10.mean,
        "ndcg_at_10": figure(test.ndcg_at_10),
        "recall_at_10": test.recall_at_10.mean,
        "recall_at_20": test.recall_at_20.mean,
        "mrr": test.mrr.mean,
        "coverage": test.coverage_at_10,
        **{name: value.mean for name, value in beyond.items() if value is not None},
        "over": {beside.baseline: figure(beside.difference) for beside in one.against},
        "against_ease": tested and {"model": run.ease, "holm_p": tested.p, "pairs": len(run.verdicts)},
        "curve": {str(known): figure(value) for known, value in one.curve.items()},
        "seconds": one.seconds,
        "fingerprint": run.fingerprint[:12],
        "code": code_fingerprint(),
    }


def figure(estimate: Any) -> list[float]:
    """Mean and interval."""
    return [estimate.mean, estimate.low, estimate.high]


def show(run: TrainingRun) -> None:
    table = Table("model", "NDCG@10", "over ease", "p", "R@10", "R@20", "coverage", "s", title=run.protocol.name)
    for one in run.results:
        over = next((str(beside.difference) for beside in one.against if beside.baseline == "ease"), "")
        tested = run.against_ease(one.name)
        p = f"{tested.p:.4f}" if tested else ""
        recall = f"{one.test.recall_at_10.mean:.4f}", f"{one.test.recall_at_20.mean:.4f}"
        table.add_row(
            one.name, str(one.test.ndcg_at_10), over, p, *recall, f"{one.test.coverage_at_10:.3f}", f"{one.seconds:.0f}"
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
