"""What it is worth to know what a stranger prefers: popularity alone, and with stated genres and people beside it.

    python -m benchmarks.preferences

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`). Each fifth of the users is
held out in turn. Of each a random half of the likes says what they would state: the genres, and the people, that the
most of them have in proportion to all movies (by log-likelihood); the likes of the other half are to be found. What is
ranked is what is served: a history of preferences alone, each at weight 1, over a model of popularity among the others.
`strength` is what a full preference adds, as a part of the most popular movie's score. NDCG@10, with its difference
from popularity alone in pairs over the users, and a 95 % bootstrap interval; the strength is chosen on one half of the
users, and shown for the other too.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.context import quality
from benchmarks.first_questions import FOLDS, SEED
from benchmarks.ingest import machine
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from cinegraph.types import LIKED, Label, NodeRef
from graph.snapshot import Snapshot, load_snapshot
from recommenders import state
from recommenders.arrays import DoubleArray, IntArray
from recommenders.bootstrap import difference_of, mean_of
from recommenders.histories import Preference, UserHistory
from recommenders.interactions import Interactions
from recommenders.publishing import load_interactions
from recommenders.scorers import History, PopularityScorer
from recommenders.state import Scored, State, state_over

RESULT: Final = Path(__file__).parent / "results" / "preferences.json"
STRENGTHS: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 1.0)
GENRES, PEOPLE = 3, 2
LEAST: Final = 5
"""Likes that say what is preferred."""
TWICE: Final = 2
"""Likes that a person must have made to be stated."""
ROWS: Final = ("genres", "genres and people")


@dataclass(frozen=True, slots=True, eq=False)
class Stranger:
    """What a user likes of what is told, by the catalogue's number, and of what is not (w,); what is free (movies,)."""

    told: list[int]
    wanted: IntArray
    free: Any


def main() -> None:
    result = asyncio.run(measure(load_settings()))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


async def measure(settings: Settings) -> dict[str, Any]:
    async with open_graph(settings) as client:
        snapshot, ratings = await load_snapshot(client.reader, 0, ""), await load_interactions(client.reader)
    found = np.array(list(figures(snapshot, ratings)))  # (users, 1 + rows * strengths)
    half = np.random.default_rng(SEED).permutation(len(found)) < len(found) // 2
    rows = [described("", 0.0, found[:, 0], found[:, 0], half)]
    for place, name in enumerate(ROWS):
        for number, strength in enumerate(STRENGTHS):
            values = found[:, 1 + place * len(STRENGTHS) + number]
            rows.append(described(name, strength, values, found[:, 0], half))
    data = {"movies": snapshot.movies, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    return {"machine": machine(), "data": data, "users": len(found), "served": state.STRANGER, "rows": rows}


def figures(snapshot: Snapshot, ratings: Interactions) -> Iterator[list[float]]:
    """Of each user the figure of popularity alone, then of each kind of preferences at each strength."""
    rng = np.random.default_rng(SEED)
    fold = rng.permutation(ratings.n_users) % FOLDS
    for number in range(FOLDS):
        popularity = ratings.subset(fold[ratings.user_index] != number).likes()
        movie_ids = tuple(ratings.movies.tolist())
        served = state_over(snapshot, PopularityScorer(popularity), "popular", movie_ids)
        for user in np.flatnonzero(fold == number).tolist():
            one = stranger(served, ratings, user, rng)
            if len(one.told) >= LEAST and len(one.wanted):
                genres = typical(snapshot, one.told, Label.GENRE, GENRES)
                people = typical(snapshot, one.told, Label.PERSON, PEOPLE, TWICE)
                yield [
                    quality(
                        Scored(served, served.scorer, UserHistory(None, None), nothing()).scores, one.free, one.wanted
                    ),
                    *asked(served, genres, one),
                    *asked(served, [*genres, *people], one),
                ]


def stranger(served: State, ratings: Interactions, user: int, rng: np.random.Generator) -> Stranger:
    """Their ratings in two halves."""
    mine = np.flatnonzero(ratings.user_index == user)
    told = rng.random(len(mine)) < 0.5
    likes = ratings.rating[mine] >= np.float32(LIKED)
    movies = ratings.movie_index[mine]
    free = served.present.copy()
    free[movies[told]] = False
    numbers = served.columns[movies[told & likes]]
    return Stranger(numbers[numbers >= 0].tolist(), movies[~told & likes], free)


def nothing() -> History:
    """Of somebody who rated nothing."""
    return History.from_ratings([], [])


def typical(snapshot: Snapshot, movies: Sequence[int], label: Label, most: int, least: int = 1) -> list[NodeRef]:
    """The nodes that these movies have more often than all do, by the likelihood that it is chance."""
    counts = Counter(node for movie in movies for node in snapshot.ways(movie) if snapshot.labels[node] is label)
    worth = {
        node: count * np.log(count / len(movies) / (snapshot.around[node] / snapshot.movies))
        for node, count in counts.items()
        if count >= least
    }
    best = sorted(worth, key=lambda node: (-worth[node], node))[:most]
    return [snapshot.ref(node) for node in best if worth[node] > 0]


def asked(served: State, stated: Sequence[NodeRef], one: Stranger) -> list[float]:
    """The figure of these preferences at each strength: what they add is in proportion to it."""
    preferences = tuple(Preference(node, 1.0, "") for node in stated)
    assert served.scorer is not None
    scored = Scored(served, served.scorer, UserHistory(None, None, preferences=preferences), nothing())
    added = (scored.scores - scored.model_scores) / state.STRANGER
    return [quality(scored.model_scores + strength * added, one.free, one.wanted) for strength in STRENGTHS]


def described(name: str, strength: float, values: DoubleArray, plain: DoubleArray, half: Any) -> dict[str, Any]:
    """A row: over all users, and over each half of them."""
    mean, over = mean_of(values, SEED), difference_of(values, plain, SEED)
    halves = [float((values - plain)[part].mean()) for part in (half, ~half)]
    return {
        "stated": name,
        "strength": strength,
        "ndcg_at_10": [mean.mean, mean.low, mean.high],
        "over": [over.mean, over.low, over.high],
        "halves": halves,
    }


def show(result: dict[str, Any]) -> None:
    table = Table("stated", "strength", "NDCG@10", "over popularity", "halves", title=f"{result['users']} users")
    for one in result["rows"]:
        (mean, low, high), (over, least, most) = one["ndcg_at_10"], one["over"]
        table.add_row(
            one["stated"] or "nothing",
            f"{one['strength']:g}",
            f"{mean:.4f} [{low:.4f}, {high:.4f}]",
            f"{over:+.4f} [{least:+.4f}, {most:+.4f}]",
            " ".join(f"{part:+.4f}" for part in one["halves"]),
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
