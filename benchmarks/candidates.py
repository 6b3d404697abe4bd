"""How much of what users like later each source of candidates finds, and all of them together.

    python -m benchmarks.candidates

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`), each user's ratings cut by
time (`user_time`), the ensemble fitted on what comes before the test part; trends are of that part too, so that nothing
that is asked for is seen. For each user and source the part of the later likes among its first 200 and its first 1,000
candidates (recall@200, recall@1000), with 95 % bootstrap intervals over the users. `all` has the candidates of every
source together, each with its first 200 or 1,000; how many movies those are stands beside it. `beyond`
is the part that a source finds and the model's own first 200 or 1,000 do not have. The same on the sample catalogue, in
a graph of its own with its simulated users.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from cinegraph.cli.reading import read_data
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.snapshot import Snapshot, load_snapshot
from recommenders import registry
from recommenders.activity import EVENTS, Activity
from recommenders.arrays import DoubleArray, IntArray
from recommenders.bootstrap import mean_of
from recommenders.candidates import Gatherer, Sought, Source
from recommenders.histories import Rated, UserHistory
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions
from recommenders.scorers import History
from recommenders.splits import TEST, user_time
from recommenders.state import Scored, State, state_over

RESULT: Final = Path(__file__).parent / "results" / "candidates.json"
MODEL, SEED = "ensemble", 0
DEPTHS: Final = (200, 1_000)
TOGETHER: Final = "all"


def main() -> None:
    result = asyncio.run(measure(load_settings()))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


async def measure(settings: Settings) -> dict[str, Any]:
    async with open_graph(settings) as client:
        graph = measured(*await read(client, settings))
    with tempfile.TemporaryDirectory() as home:
        own = settings.model_copy(update={"home": Path(home), "cache": settings.cache_dir})
        async with open_graph(own) as client:
            await ingest_sample(client.writer)
            sample = measured(*await read(client, own))
    return {"machine": machine(), "model": MODEL, "data": {"graph": graph, "sample": sample}}


async def read(client: GraphClient, settings: Settings) -> tuple[Snapshot, Interactions, Knowledge]:
    snapshot = await load_snapshot(client.reader, 0, "")
    ratings, facts = await read_data(client, settings, [MODEL], lambda *_: None, snapshot)
    return snapshot, ratings, facts.knowledge


def measured(snapshot: Snapshot, ratings: Interactions, knowledge: Knowledge) -> dict[str, Any]:
    """The figures on one graph."""
    question = user_time(ratings).question(TEST)
    state, known = served(snapshot, question.known, knowledge), question.known
    rows = [found(state, known, user, question.target.history(user).items) for user in question.users.tolist()]
    counted = {
        "movies": snapshot.movies,
        "ratings": len(ratings),
        "fingerprint": ratings.fingerprint()[:12],
        "users": len(rows),
    }
    return counted | {"depths": {str(depth): at_depth(rows, depth) for depth in DEPTHS}}


def served(snapshot: Snapshot, known: Interactions, knowledge: Knowledge) -> State:
    """The model and the catalogue as they would be served, with the trends of what is known."""
    options = FitOptions(seed=SEED, device="cpu", knowledge=knowledge)
    scorer = registry.create(MODEL).fit(known, options).scorer()
    last = slice(max(0, len(known) - EVENTS), None)
    movies = tuple(known.movies[known.movie_index[last]].tolist())
    activity = Activity(movies, known.at[last], known.rating[last].astype(np.float64))
    return state_over(snapshot, scorer, MODEL, tuple(known.movies.tolist()), activity)


def found(state: State, known: Interactions, user: int, wanted: IntArray) -> dict[str, Any]:
    """At each depth and of each source how many candidates there are, which of the wanted movies are among them."""
    mine = known.user_index == user
    items, stars = known.movie_index[mine], known.rating[mine]
    rated = zip(items.tolist(), stars.tolist(), known.at[mine].tolist(), strict=True)
    ratings = tuple(Rated(state.movie_ids[item], rating, at, "") for item, rating, at in rated)
    assert state.scorer is not None
    likes = History.from_ratings(items, stars)
    scored = Scored(state, state.scorer, UserHistory("", 1, ratings), likes)
    free = state.present.copy()
    free[items] = False
    gathered = Gatherer().gather(Sought(scored, free), dict.fromkeys(Source, max(DEPTHS)))
    assert not gathered.failed
    row: dict[str, Any] = {}
    for depth in DEPTHS:
        first = {source.value: ranked.items[:depth] for source, ranked in gathered.found.items()}
        first[TOGETHER] = np.unique(np.concatenate(list(first.values())))
        row[str(depth)] = {name: (len(movies), np.isin(wanted, movies)) for name, movies in first.items()}
    return row


def at_depth(rows: list[dict[str, Any]], depth: int) -> dict[str, Any]:
    """Of each source recall with its interval, what it finds beyond the model, and how many candidates it has."""
    figures = {}
    for name in (*(source.value for source in Source), TOGETHER):
        cells = [row[str(depth)][name] for row in rows]
        models = [row[str(depth)][Source.MODEL.value][1] for row in rows]
        recall = np.array([hits.mean() for _, hits in cells])
        beyond = np.array([(hits & ~model).mean() for (_, hits), model in zip(cells, models, strict=True)])
        figures[name] = {
            "recall": estimate(recall),
            "beyond": estimate(beyond),
            "candidates": float(np.mean([count for count, _ in cells])),
        }
    return figures


def estimate(values: DoubleArray) -> list[float]:
    one = mean_of(values, SEED)
    return [one.mean, one.low, one.high]


def show(result: dict[str, Any]) -> None:
    for data, one in result["data"].items():
        table = Table("source", *(f"{what}@{depth}" for depth in DEPTHS for what in ("recall", "beyond", "candidates")))
        for name in one["depths"][str(DEPTHS[0])]:
            cells = []
            for depth in DEPTHS:
                row = one["depths"][str(depth)][name]
                cells += [f"{row['recall'][0]:.4f}", f"{row['beyond'][0]:.4f}", f"{row['candidates']:.0f}"]
            table.add_row(name, *cells)
        Console(width=120).print(f"{data}: {one['users']} users", table)


if __name__ == "__main__":
    main()
