"""What it is worth to know what somebody prefers: stated genres and people, alone, and beside a few likes.

    python -m benchmarks.preferences

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`). Each fifth of the users is
held out in turn. Of each a random half of the likes says what they would state: the three genres, and up to two people,
that the most of them have in proportion to all movies (by log-likelihood); the likes of the other half are to be found.
What is ranked is what is served: preferences at weight 1 over popularity among the others, where nothing else is known,
and over EASE, fitted on the others, where five of the told likes are known too. `strength` is what a full preference
adds, as a part of the best movie's score. NDCG@10, with its difference from no preferences in pairs over the users, a
95 % bootstrap interval, and the same difference over each half of the users.
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
from benchmarks.machine import machine
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from cinegraph.types import LIKED, Label, NodeRef
from graph.snapshot import Snapshot, load_snapshot
from recommenders import registry, state
from recommenders.arrays import DoubleArray, IntArray
from recommenders.bootstrap import difference_of, mean_of
from recommenders.histories import Preference, UserHistory
from recommenders.interactions import Interactions
from recommenders.publishing import load_interactions
from recommenders.scorers import History
from recommenders.state import Scored, State, state_over

RESULT: Final = Path(__file__).parent / "results" / "preferences.json"
STRENGTHS: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 1.0)
GENRES, PEOPLE = 3, 2
LEAST: Final = 5
"""Likes that say what is preferred, and of which so many are known to a model."""
TWICE: Final = 2
"""Likes that a person must have made to be stated."""
MODELS: Final = {"popular": 0, "ease": LEAST}
"""What preferences stand beside, with the likes that are known of a user."""
ROWS: Final = ("genres", "genres and people")


@dataclass(frozen=True, slots=True, eq=False)
class Stranger:
    """What a user likes of what is told, by the catalogue's number, and what is known of that; what they like of what
    is not (w,); which movies are free (movies,)."""

    told: list[int]
    known: History
    wanted: IntArray
    free: Any


def main() -> None:
    result = asyncio.run(measure(load_settings()))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


async def measure(settings: Settings) -> dict[str, Any]:
    async with open_graph(settings) as client:
        snapshot, ratings = await load_snapshot(client.reader, 0, ""), await load_interactions(client.reader)
    rows, users = list[dict[str, Any]](), 0
    for model, known in MODELS.items():
        found = np.array(list(figures(snapshot, ratings, model, known)))  # (users, 1 + rows * strengths)
        users = len(found)
        rows += [{"model": model, "known": known, **row} for row in described(found)]
    data = {"movies": snapshot.movies, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    served = {"popular": state.STRANGER, "ease": state.PREFERENCE}
    return {"machine": machine(), "data": data, "users": users, "served": served, "rows": rows}


def figures(snapshot: Snapshot, ratings: Interactions, model: str, known: int) -> Iterator[list[float]]:
    """Of each user the figure without preferences, then of each kind of them at each strength."""
    rng = np.random.default_rng(SEED)
    fold = rng.permutation(ratings.n_users) % FOLDS
    for number in range(FOLDS):
        others = ratings.subset(fold[ratings.user_index] != number)
        scorer = registry.create(model).fit(others).scorer()
        served = state_over(snapshot, scorer, model, tuple(ratings.movies.tolist()))
        for user in np.flatnonzero(fold == number).tolist():
            one = stranger(served, ratings, user, known, rng)
            if len(one.told) >= LEAST and len(one.wanted):
                genres = typical(snapshot, one.told, Label.GENRE, GENRES)
                people = typical(snapshot, one.told, Label.PERSON, PEOPLE, TWICE)
                plain = quality(scored(served, (), one).scores, one.free, one.wanted)
                yield [plain, *asked(served, genres, one), *asked(served, [*genres, *people], one)]


def stranger(served: State, ratings: Interactions, user: int, known: int, rng: np.random.Generator) -> Stranger:
    """Their ratings in two halves."""
    mine = np.flatnonzero(ratings.user_index == user)
    told = rng.random(len(mine)) < 0.5
    likes = ratings.rating[mine] >= np.float32(LIKED)
    movies = ratings.movie_index[mine]
    free = served.present.copy()
    free[movies[told]] = False
    liked = movies[told & likes][:known]
    numbers = served.columns[movies[told & likes]]
    history = History.from_ratings(liked, np.full(len(liked), LIKED))
    return Stranger(numbers[numbers >= 0].tolist(), history, movies[~told & likes], free)


def scored(served: State, preferences: Sequence[Preference], one: Stranger) -> Scored:
    """All scores of somebody of whom this is known."""
    assert served.scorer is not None
    history = UserHistory(None, None, preferences=tuple(preferences))
    return Scored(served, served.scorer, history, one.known)


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
    found = scored(served, [Preference(node, 1.0, "") for node in stated], one)
    now = state.PREFERENCE if found.scorer.is_personal(one.known) else state.STRANGER
    added = (found.scores - found.model_scores) / now
    return [quality(found.model_scores + strength * added, one.free, one.wanted) for strength in STRENGTHS]


def described(found: DoubleArray) -> Iterator[dict[str, Any]]:
    """A row for no preferences, then for each kind at each strength, from the figures of all users."""
    half = np.random.default_rng(SEED).permutation(len(found)) < len(found) // 2
    for place, values in enumerate(found.T):
        kind, number = divmod(place - 1, len(STRENGTHS))
        mean, over = mean_of(values, SEED), difference_of(values, found[:, 0], SEED)
        yield {
            "stated": ROWS[kind] if place else "",
            "strength": STRENGTHS[number] if place else 0.0,
            "ndcg_at_10": [mean.mean, mean.low, mean.high],
            "over": [over.mean, over.low, over.high],
            "halves": [float((values - found[:, 0])[part].mean()) for part in (half, ~half)],
        }


def show(result: dict[str, Any]) -> None:
    table = Table("beside", "stated", "strength", "NDCG@10", "over that", "halves", title=f"{result['users']} users")
    for one in result["rows"]:
        (mean, low, high), (over, least, most) = one["ndcg_at_10"], one["over"]
        table.add_row(
            one["model"],
            one["stated"] or "nothing",
            f"{one['strength']:g}",
            f"{mean:.4f} [{low:.4f}, {high:.4f}]",
            f"{over:+.4f} [{least:+.4f}, {most:+.4f}]",
            " ".join(f"{part:+.4f}" for part in one["halves"]),
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
