"""What folding in costs: users whom a model never saw, beside the same users in a training that has them.

python -m benchmarks.folding ../shared/data/ml-latest-small

The users are dealt out to five parts; for each part a model is trained on all others, and asked about the part's
users, whose ratings it is given when it is asked. NDCG@10 over all users, time-split within each (80 % known, the next
10 % asked for), is compared with that of one training on everybody's known ratings, in pairs.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.machine import machine
from benchmarks.shilling import movielens
from recommenders import registry
from recommenders.arrays import DoubleArray
from recommenders.bootstrap import difference_of
from recommenders.evaluation import ask
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.protocol import divide, load_protocol
from recommenders.scorers import Scorer
from recommenders.splits import VALIDATION, Question, Split

RESULT = Path(__file__).parent / "results" / "folding.json"
PARTS, SEED, PROTOCOL = 5, 0, "user_time"
MODELS: Mapping[str, Mapping[str, Any]] = {
    "itemknn": {},
    "ease": {},
    "graphfilter": {},
    "lightgcn": {"epochs": 12},
    "lightgcn as in the paper": {"loss": "bpr", "first_layer": 0, "layers": 3, "epochs": 100},
}
"""The first word is the model; epochs are those at which a training of everybody is best on what is asked."""


def fitted(name: str, known: Interactions) -> Scorer:
    """The scorer of a model that is trained on these ratings."""
    return registry.create(name.partition(" ")[0], MODELS[name]).fit(known, FitOptions(SEED, device="cpu")).scorer()


def asked(scorer: Scorer, split: Split, users: Sequence[int]) -> DoubleArray:
    """The NDCG@10 of each of these users (users,)."""
    return ask(scorer, Question(split.train, split.validation, np.array(users, np.int32))).ndcg_at_10


def measured(name: str, split: Split) -> dict[str, Any]:
    """Both figures of a model, and by how much the one is below the other."""
    users = np.random.default_rng(SEED).permutation(split.question(VALIDATION).users)
    whole = fitted(name, split.train)
    full, folded = list[DoubleArray](), list[DoubleArray]()
    for part in np.array_split(users, PARTS):
        others = fitted(name, split.train.subset(~np.isin(split.train.user_index, part)))
        full.append(asked(whole, split, part))
        folded.append(asked(others, split, part))
    trained, given = np.concatenate(full), np.concatenate(folded)
    over = difference_of(given, trained, SEED)
    return {
        "config": registry.create(name.partition(" ")[0], MODELS[name]).config.model_dump(),
        "trained": float(trained.mean()),
        "folded": float(given.mean()),
        "difference": [over.mean, over.low, over.high],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="ml-latest-small")
    split, _ = divide(movielens(parser.parse_args().folder).interactions, load_protocol(PROTOCOL))
    rows = dict[str, Any]()
    for name in MODELS:
        rows[name] = row = measured(name, split)
        Console().print(name, row["trained"], row["folded"], row["difference"])
    found = {"data": "ml-latest-small", "users": split.validation_users, "models": rows, "machine": machine()}
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
