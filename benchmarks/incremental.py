"""What going on from last night's version costs in quality beside a training in full, and what it saves.

    python -m benchmarks.incremental ../shared/data/ml-latest-small

A base of ratings, and then nights of `SHARE` of them each. On each night three models are asked about the ratings of
the next one: the base as it was fitted (stale), the one of the night before with `night_epochs` more on all ratings up
to now (incremental), and a training in full on the same ratings. Differences in NDCG@10 are in pairs over the same
users, those of all nights together; seconds are CPU time of fitting, on one thread.

Few of MovieLens's users come back on another day, so that a cut at moments leaves some 20 to ask: the moment of a
rating is its place in its user's own history here, in both data sets, and everybody rates something each night.
Generated ratings have no tastes that change.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from benchmarks import generated
from benchmarks.machine import machine
from benchmarks.shilling import movielens
from recommenders import registry
from recommenders.arrays import DoubleArray
from recommenders.bootstrap import difference_of
from recommenders.evaluation import measure
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions, Model
from recommenders.start import Start

RESULT = Path(__file__).parent / "results" / "incremental.json"
NIGHTS, SHARE = 3, 0.05
FAST: Final = {"embedding_dim": 32}
MODELS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "ml-latest-small": {
        "lightgcn": FAST | {"layers": 3, "temperature": 0.1, "epochs": 15},
        "xsimgcl": FAST | {"layers": 3, "temperature": 0.1, "epochs": 10},
    },
    "generated": {
        "lightgcn": FAST | {"loss": "bpr", "first_layer": 0, "layers": 3, "epochs": 60},
        "kgnn": FAST | {"epochs": 12},
    },
}
"""Epochs are about those at which a training in full is best on what comes next."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Ratings in the order of their places in histories, `at` from 0 to 1,000,000, and a catalogue."""

    ratings: Interactions
    knowledge: Knowledge | None = None

    @classmethod
    def of(cls, ratings: Interactions, knowledge: Knowledge | None = None) -> "Data":
        """From ratings with moments of their own."""
        users = ratings.user_index
        by_user = np.lexsort((ratings.movie_index, ratings.at, users))
        counts = np.bincount(users, minlength=ratings.n_users)
        place = np.empty(len(users))
        place[by_user] = np.arange(len(users)) - (np.cumsum(counts) - counts)[users[by_user]]
        at = (1_000_000 * place / counts[users]).astype(np.int64)
        order = np.lexsort((ratings.movie_index, users, at))
        parts = {name: getattr(ratings, name)[order] for name in ("user_index", "movie_index", "rating")}
        return cls(replace(ratings, at=at[order], **parts), knowledge)

    def before(self, part: float) -> Interactions:
        """The first part of each history."""
        return self.ratings.subset(self.ratings.at < round(1_000_000 * part))

    def asked(self, model: Model[Any], part: float) -> DoubleArray:
        """The NDCG@10 of each user on the night after that part of each history (users,)."""
        start, end = round(1_000_000 * part), round(1_000_000 * (part + SHARE))
        at = self.ratings.at
        target = self.ratings.subset((at >= start) & ((at < end) | (end >= 1_000_000)))
        return measure(model.scorer(), self.before(part), target).ndcg_at_10


def shuffled(ratings: Interactions, seed: int = 0) -> Interactions:
    """Generated ratings come user by user: the same at moments that are dealt out."""
    return replace(ratings, at=np.random.default_rng(seed).permutation(ratings.at))


def fitted(name: str, config: Mapping[str, Any], known: Interactions, options: FitOptions) -> tuple[Model[Any], float]:
    """A model, and the seconds of CPU time in which it was fitted."""
    began = time.thread_time()
    model = registry.create(name, config).fit(known, options)
    return model, time.thread_time() - began


def start_of(name: str, model: Model[Any], known: Interactions) -> Start:
    """What the next night goes on from."""
    return Start(
        "last night's",
        name,
        model.config.model_dump(),
        int(known.at.max()),
        model.learnt(),
        model.scorer(),
        known.movies,
    )


def nights(data: Data, name: str, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """For each night the figures by user of the three models, and the seconds of two."""
    first = 1 - (NIGHTS + 1) * SHARE
    options = FitOptions(device="cpu", knowledge=data.knowledge)
    base, _ = fitted(name, config, data.before(first), options)
    last = start_of(name, base, data.before(first))
    for night in range(1, NIGHTS + 1):
        part = first + night * SHARE
        known = data.before(part)
        full, full_s = fitted(name, config, known, options)
        model, own_s = fitted(name, config, known, replace(options, start=last))
        last = start_of(name, model, known)
        yield {
            "stale": data.asked(base, part),
            "incremental": data.asked(model, part),
            "full": data.asked(full, part),
            "full_s": full_s,
            "incremental_s": own_s,
        }


def measured(data: Data, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Each night, and all together."""
    found = list(nights(data, name, config))
    together = {kind: np.concatenate([night[kind] for night in found]) for kind in ("stale", "incremental", "full")}
    return {
        "config": registry.create(name, config).config.model_dump(),
        "nights": [figures(night) | {kind: night[kind] for kind in ("full_s", "incremental_s")} for night in found],
        "together": figures(together),
        "full_s": float(np.mean([night["full_s"] for night in found])),
        "incremental_s": float(np.mean([night["incremental_s"] for night in found])),
    }


def figures(by_user: Mapping[str, DoubleArray]) -> dict[str, Any]:
    """Means, and differences from a training in full with their intervals."""
    full, found = by_user["full"], dict[str, Any]()
    for kind in ("stale", "incremental"):
        over = difference_of(by_user[kind], full, 0)
        found[kind] = {"ndcg_at_10": float(by_user[kind].mean()), "over_full": [over.mean, over.low, over.high]}
    return found | {"full": {"ndcg_at_10": float(full.mean())}, "asked": len(full)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="ml-latest-small")
    given = parser.parse_args(arguments)
    made = shuffled(generated.interactions(1_000, 800, 50_000))
    sets = {
        "ml-latest-small": Data.of(movielens(given.folder).interactions),
        "generated": Data.of(made, generated.knowledge(800)),
    }
    result: dict[str, Any] = {"data": {}}
    for data, models in MODELS.items():
        result["data"][data] = {}
        for name, config in models.items():
            result["data"][data][name] = row = measured(sets[data], name, config)
            Console().print(data, name, row["together"], f"{row['incremental_s']:.1f} s of {row['full_s']:.1f}")
    result["machine"] = machine()
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
