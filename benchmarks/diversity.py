"""What each dial of a slate does to a list of ten, and what it costs in accuracy.

    python -m benchmarks.diversity

On the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`), ratings cut by time within
users, the ensemble fitted on what comes before the test part. One dial is turned at a time, diversity by both of its
measures, then all three together. NDCG@10 with its difference from the list without a dial, in pairs over the users,
with a 95 % bootstrap interval; distance of the genres within a list, distance of the taste vectors, bits of novelty,
error of calibration, and coverage.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from cinegraph.cli.reading import read_data
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from cinegraph.types import Label, NodeRef
from graph.snapshot import Snapshot, load_snapshot
from recommenders import registry
from recommenders.arrays import Csr, DoubleArray, IntArray
from recommenders.beyond_accuracy import calibration_error_at, intra_list_distance_at
from recommenders.bootstrap import difference_of
from recommenders.content import slate_facts
from recommenders.facts import MovieFacts, taste_vectors
from recommenders.interactions import Interactions
from recommenders.metrics import coverage_at, ndcg_at, novelty_at
from recommenders.model import FitOptions
from recommenders.newcomers import with_newcomers
from recommenders.ranking import allowed, top_k
from recommenders.scorers import Scorer
from recommenders.slate import POOL, SlateFacts, Spread, Tuning, compose
from recommenders.splits import TEST, Question, user_time
from recommenders.told import told_of

RESULT = Path(__file__).parent / "results" / "diversity.json"
MODEL, LISTED, SEED = "ensemble", 10, 0
SETTINGS = (0.1, 0.25, 0.5, 0.75, 1.0)
NONE = "none"


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """One user's ranking before it is composed: what of it is liked, what the user's taste is."""

    items: IntArray
    scores: DoubleArray
    wanted: IntArray
    taste: DoubleArray | None


def main() -> None:
    result = asyncio.run(measure(load_settings()))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result["rows"])


async def measure(settings: Settings) -> dict[str, Any]:
    async with open_graph(settings) as client:
        snapshot = await load_snapshot(client.reader, 0, "")
        ratings, facts = await read_data(client, settings, [MODEL], lambda *_: None, snapshot)
    question = user_time(ratings).question(TEST)
    options = FitOptions(seed=SEED, device="cpu", knowledge=facts.knowledge)
    scorer = with_newcomers(registry.create(MODEL).fit(question.known, options).scorer(), facts.content)
    known = known_of(snapshot, ratings)
    ranked = [ranking(scorer, question, known, user) for user in question.users.tolist()]
    rows = list(table(ranked, known, facts, question))
    data = {"movies": snapshot.movies, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    return {"machine": machine(), "data": data, "model": MODEL, "users": len(ranked), "rows": rows}


def known_of(snapshot: Snapshot, ratings: Interactions) -> SlateFacts:
    """What a slate needs to know of the ratings' movies."""
    columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in ratings.movies.tolist()], np.int32)
    return slate_facts(snapshot, told_of(snapshot), columns)


def ranking(scorer: Scorer, question: Question, known: SlateFacts, user: int) -> Ranked:
    history = question.known.history(user)
    scores = scorer.score(history)
    best = top_k(scores, allowed(len(scores), history, question.known.seen_by(user), None), POOL)
    total = history.weights.astype(np.float64) @ known.genres[history.items]
    taste = total / total.sum() if total.any() else None
    return Ranked(best.items, best.scores.astype(np.float64), question.target.history(user).items, taste)


def dials() -> Iterator[tuple[str, float, Tuning]]:
    yield NONE, 0.0, Tuning()
    for value in SETTINGS:
        yield "diversity (MMR)", value, Tuning(diversity=value)
    for value in SETTINGS:
        yield "diversity (DPP)", value, Tuning(diversity=value, spread=Spread.DPP)
    for value in SETTINGS:
        yield "novelty", value, Tuning(novelty=value)
    for value in SETTINGS:
        yield "calibration", value, Tuning(calibration=value)
    for value in (0.1, 0.25, 0.5):
        yield "all three", value, Tuning(diversity=value, novelty=value, calibration=value)


def table(ranked: list[Ranked], known: SlateFacts, facts: MovieFacts, question: Question) -> Iterator[dict[str, Any]]:
    tastes, plain = taste_vectors(question.known), np.zeros(len(ranked))
    for dial, value, tuning in dials():
        lists = np.full((len(ranked), LISTED), -1, dtype=np.int32)
        for row, one in enumerate(ranked):
            shown = compose(one.items, one.scores, known, tuning, one.taste, LISTED)[:LISTED]
            lists[row, : len(shown)] = shown
        hits = np.array([np.isin(shown, one.wanted) for shown, one in zip(lists, ranked, strict=True)])
        relevant = np.array([len(one.wanted) for one in ranked], dtype=np.int32)
        ndcg = ndcg_at(hits, relevant, LISTED)
        plain = ndcg if dial == NONE else plain
        yield {"dial": dial, "value": value, **figures(lists, ndcg, plain, tastes, facts, question)}


def figures(
    lists: IntArray, ndcg: DoubleArray, plain: DoubleArray, tastes: DoubleArray, facts: MovieFacts, question: Question
) -> dict[str, float]:
    known, users = question.known, question.users
    price, likes = difference_of(ndcg, plain, SEED), known.likes()
    return {
        "ndcg_at_10": float(ndcg.mean()),
        "difference": price.mean,
        "low": price.low,
        "high": price.high,
        "genre_distance": float(intra_list_distance_at(lists, facts.genres.toarray(), LISTED).mean()),
        "taste_distance": float(intra_list_distance_at(lists, tastes, LISTED).mean()),
        "novelty_bits": float(novelty_at(lists, likes, known.n_users, LISTED).mean()),
        "calibration_error": float(calibration_error_at(lists, Csr(known.liked[users]), facts.genres, LISTED).mean()),
        "coverage": coverage_at(lists, known.n_movies, LISTED),
    }


def show(rows: list[dict[str, Any]]) -> None:
    shown = Table(
        "dial", "at", "NDCG@10", "difference", "genres apart", "taste apart", "bits", "calibration", "coverage"
    )
    for row in rows:
        shown.add_row(
            row["dial"],
            f"{row['value']:g}",
            f"{row['ndcg_at_10']:.4f}",
            f"{row['difference']:.4f} [{row['low']:.4f}, {row['high']:.4f}]",
            *(f"{row[name]:.3f}" for name in ("genre_distance", "taste_distance")),
            f"{row['novelty_bits']:.2f}",
            *(f"{row[name]:.3f}" for name in ("calibration_error", "coverage")),
        )
    Console(width=140).print(shown)


if __name__ == "__main__":
    main()
