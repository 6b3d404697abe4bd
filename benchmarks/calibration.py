"""Whether `match` is what it says: of the movies with a chance of .7, seven in ten are liked by those who watch them.

    python -m benchmarks.calibration [MODEL …]

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`), each user's ratings cut by
time (`user_time`). A curve is learnt as in training, from the ratings of the validation part and a model fitted on what
comes before it; then it is asked about the ratings of the test part, with the model fitted on all before those. Each
rating is one question: with which chance is it a like? The expected calibration error over ten bins of equally many
ratings, for scores and for popularity, beside the error of scores that are only brought to the scale of 0 to 1; the
AUC of the scores; and the part of the ratings that are likes.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from cinegraph.cli.reading import read_data
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from graph.snapshot import load_snapshot
from recommenders import registry
from recommenders.arrays import DoubleArray
from recommenders.calibration import calibrate, expected_error, foreseen
from recommenders.facts import MovieFacts
from recommenders.interactions import Interactions
from recommenders.metrics import auc
from recommenders.model import FitOptions
from recommenders.newcomers import with_newcomers
from recommenders.scorers import Scorer
from recommenders.splits import TEST, VALIDATION, Split, user_time

RESULT = Path(__file__).parent / "results" / "calibration.json"
MODELS = ("popular", "itemknn", "ease", "graphfilter", "ensemble")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("models", nargs="*")
    result = asyncio.run(measure(load_settings(), arguments.parse_args().models or MODELS))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result["rows"])


async def measure(settings: Settings, models: Sequence[str]) -> dict[str, Any]:
    async with open_graph(settings) as client:
        snapshot = await load_snapshot(client.reader, 0, "")
        ratings, facts = await read_data(client, settings, models, lambda *_: None, snapshot)
    split = user_time(ratings)
    rows = [row(name, split, facts) for name in models]
    data = {"movies": snapshot.movies, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    return {"machine": machine(), "data": data, "rows": rows}


def fitted(name: str, known: Interactions, facts: MovieFacts) -> Scorer:
    options = FitOptions(device="cpu", knowledge=facts.knowledge)
    return with_newcomers(registry.create(name).fit(known, options).scorer(), facts.content)


def row(name: str, split: Split, facts: MovieFacts) -> dict[str, Any]:
    """The figures of one model."""
    learnt = calibrate(foreseen(fitted(name, split.train, facts), split.question(VALIDATION)))
    judged = foreseen(fitted(name, split.before_test(), facts), split.question(TEST))
    own = judged.personal
    found: dict[str, Any] = {"model": name, "ratings": len(own), "liked": float(judged.liked.mean())}
    if learnt.popular:
        found["popularity_error"] = expected_error(learnt.popular.at(judged.popularity), judged.liked)
    if learnt.personal and own.any():
        scores, liked = judged.scores[own], judged.liked[own]
        found["error"] = expected_error(learnt.personal.at(scores), liked)
        found["raw_error"] = expected_error(scaled(scores), liked)
        found["auc"] = auc(scores[liked], scores[~liked])
    return found


def scaled(scores: DoubleArray) -> DoubleArray:
    """From 0 for the lowest to 1 for the highest."""
    return np.asarray((scores - scores.min()) / max(float(np.ptp(scores)), 1e-12))


def show(rows: list[dict[str, Any]]) -> None:
    names = ("error", "raw_error", "popularity_error", "auc", "liked")
    table = Table("model", *names)
    for one in rows:
        table.add_row(one["model"], *(f"{one[name]:.4f}" if name in one else "" for name in names))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
