"""What it is worth to know of a stranger which decade they like: popularity alone, and with that decade as context.

    python -m benchmarks.context

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`). Each fifth of the users is
held out in turn; of each a random half of the ratings says which decade most of their likes are of, the likes of the
other half are to be found by popularity among the others, which counts `away` of itself for movies of other decades: 1
is popularity alone. NDCG@10, with its difference from that in pairs over the users, and a 95 % bootstrap interval.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.first_questions import FOLDS, LISTED, SEED
from benchmarks.machine import machine
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from cinegraph.types import LIKED, IntRange, Label, NodeRef
from graph.snapshot import Snapshot, load_snapshot
from recommenders.arrays import DoubleArray, IntArray
from recommenders.bootstrap import difference_of, mean_of
from recommenders.context import Context, in_context
from recommenders.interactions import Interactions
from recommenders.metrics import ndcg_at
from recommenders.publishing import load_interactions
from recommenders.ranking import top_k

RESULT: Final = Path(__file__).parent / "results" / "context.json"
AWAY: Final = (1.0, 0.7, 0.5, 0.35, 0.25, 0.1)
LEAST: Final = 3
"""Likes that say which decade."""


def main() -> None:
    result = asyncio.run(measure(load_settings()))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


async def measure(settings: Settings) -> dict[str, Any]:
    async with open_graph(settings) as client:
        snapshot, ratings = await load_snapshot(client.reader, 0, ""), await load_interactions(client.reader)
    rows = np.array(list(figures(snapshot, ratings)))
    found = [described(float(away), rows[:, place], rows[:, 0]) for place, away in enumerate(AWAY)]
    data = {"movies": snapshot.movies, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    return {"machine": machine(), "data": data, "users": len(rows), "rows": found}


def figures(snapshot: Snapshot, ratings: Interactions) -> Iterator[list[float]]:
    """Of each user the figures of each `AWAY`."""
    rng = np.random.default_rng(SEED)
    fold, half = rng.permutation(ratings.n_users) % FOLDS, rng.random(len(ratings)) < 0.5
    columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in ratings.movies.tolist()], np.int32)
    decades = np.where(columns >= 0, snapshot.year[columns] // 10, -1)
    likes = ratings.rating >= np.float32(LIKED)
    for number in range(FOLDS):
        popularity = ratings.subset(fold[ratings.user_index] != number).likes().astype(np.float64)
        for user in np.flatnonzero(fold == number).tolist():
            mine = ratings.user_index == user
            told = decades[ratings.movie_index[mine & half & likes]]
            wanted = ratings.movie_index[mine & ~half & likes]
            if np.count_nonzero(told > 0) < LEAST or not len(wanted):
                continue
            decade = int(np.bincount(told[told > 0]).argmax())
            context = Context(years=IntRange(10 * decade, 10 * decade + 9))
            free = np.ones(ratings.n_movies, np.bool_)
            free[ratings.movie_index[mine & half]] = False
            heat = np.zeros(snapshot.movies)
            scores = (in_context(popularity, snapshot, columns, heat, context, away) for away in AWAY)
            yield [quality(one, free, wanted) for one in scores]


def quality(scores: DoubleArray, free: Any, wanted: IntArray) -> float:
    hits = np.isin(top_k(scores, free, LISTED).items, wanted)
    return float(ndcg_at(hits[None, :], np.array([len(wanted)], np.int32), LISTED)[0])


def described(away: float, values: DoubleArray, plain: DoubleArray) -> dict[str, Any]:
    mean, over = mean_of(values, SEED), difference_of(values, plain, SEED)
    return {"away": away, "ndcg_at_10": [mean.mean, mean.low, mean.high], "over": [over.mean, over.low, over.high]}


def show(result: dict[str, Any]) -> None:
    table = Table("away", "NDCG@10", "over popularity", title=f"{result['users']} users")
    for one in result["rows"]:
        (mean, low, high), (over, least, most) = one["ndcg_at_10"], one["over"]
        table.add_row(
            f"{one['away']:g}", f"{mean:.4f} [{low:.4f}, {high:.4f}]", f"{over:+.4f} [{least:+.4f}, {most:+.4f}]"
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
