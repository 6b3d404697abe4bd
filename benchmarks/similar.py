"""How good each basis of `Movie.similarMovies` is, by what people like together and by what they call alike.

    python -m benchmarks.similar

Likes: on the graph of CINEGRAPH_HOME (`cinegraph ingest movielens`, then `cinegraph ingest tmdb`), each user's ratings
cut by time (`user_time`), EASE as the model, fitted on what comes before. `each` looks at the list of one movie: for
each of a user's last `EARLIER` likes, whether one of the first 10 similar movies is liked later (hit@10), and the part
of the later likes that is among the first 20 (recall@20); means over the movies, then over the users. `together` adds
up the scores of all those lists, as a shelf under a profile would. What a user has rated before is left out. Weights
and ways to blend are compared on the validation part, figures are of the test part.

Pairs: on the sample catalogue, in a graph of its own with its simulated users and EASE: how often a pair of
`graph/sample/pairs.txt` that people call alike scores above one that they do not (AUC), by the mean of both directions.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from cinegraph.home import open_graph
from cinegraph.settings import Settings, load_settings
from cinegraph.types import Label, NodeRef
from graph.ingest.sample import ingest_sample
from graph.sample.pairs import Pair, load_pairs
from graph.snapshot import Snapshot, load_snapshot
from recommenders import registry
from recommenders.arrays import DoubleArray, IntArray
from recommenders.bootstrap import mean_of
from recommenders.interactions import Interactions
from recommenders.metrics import auc
from recommenders.publishing import load_interactions
from recommenders.similarity import BLENDED, Similarity, SimilarityBasis
from recommenders.splits import TEST, VALIDATION, Question, asked_users, user_time
from recommenders.told import told_of

RESULT = Path(__file__).parent / "results" / "similar.json"
EARLIER, HITS, RECALLED, SEED = 20, 10, 20, 0
WEIGHTS = (1, 2, 4, 8, 16)
"""Of behaviour in a blend, beside 1 for content and 1 for graph."""
RANKS = (10, 60)
"""The constants of reciprocal-rank fusion (Cormack, Clarke and Büttcher 2009)."""

Scores = Mapping[SimilarityBasis, DoubleArray]
"""Of some movies, by basis, how like them all are (n, movies)."""
Way = Callable[[Scores], DoubleArray]
"""How scores are made into one."""
BASES = tuple(BLENDED)


def main() -> None:
    result = asyncio.run(measure(load_settings()))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    show(result)


async def measure(settings: Settings) -> dict[str, Any]:
    async with open_graph(settings) as client:
        snapshot, ratings = await load_snapshot(client.reader, 0, ""), await load_interactions(client.reader)
    likes = of_likes(snapshot, ratings)
    with tempfile.TemporaryDirectory() as home:
        own = settings.model_copy(update={"home": Path(home), "cache": settings.cache_dir})
        async with open_graph(own) as client:
            await ingest_sample(client.writer)
            sample, simulated = await load_snapshot(client.reader, 0, ""), await load_interactions(client.reader)
    pairs = of_pairs(similarity_of(sample, simulated))
    data = {"movies": snapshot.movies, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    return {"machine": machine(), "data": data, "likes": likes, "pairs": pairs}


def similarity_of(snapshot: Snapshot, ratings: Interactions) -> Similarity:
    """What is like what, with EASE of these ratings as the model."""
    columns = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in ratings.movies.tolist()], np.int32)
    return Similarity.of(snapshot, told_of(snapshot), registry.create("ease").fit(ratings).scorer(), columns)


# -- likes -----------------------------------------------------------------------------------------------------------


def of_likes(snapshot: Snapshot, ratings: Interactions) -> dict[str, Any]:
    """The figures of each basis on test, and of every way to blend on validation."""
    split, blend = user_time(ratings), int(BLENDED[SimilarityBasis.BEHAVIOUR])
    singles: dict[str, Way] = {basis.value: itemgetter(basis) for basis in BASES}
    sums: dict[str, Way] = {f"sum {weight}:1:1": summed(weight) for weight in WEIGHTS}
    fused: dict[str, Way] = {
        f"rank fusion {k}, {weight}:1:1": by_rank(k, weight) for k in RANKS for weight in (1, blend)
    }
    on_test = {**singles, SimilarityBasis.BLEND.value: summed(blend)}
    tested, tried = split.question(TEST), split.question(VALIDATION)
    return {
        "users": len(users_of(tested)),
        "test": figures(similarity_of(snapshot, tested.known), tested, on_test),
        "validation": figures(similarity_of(snapshot, tried.known), tried, {**singles, **sums, **fused}),
    }


def summed(weight: float) -> Way:
    """The mean of all in parts of their best, as `similarity.blended` makes it, with another weight of behaviour."""
    weights = dict(BLENDED) | {SimilarityBasis.BEHAVIOUR: float(weight)}

    def way(scores: Scores) -> DoubleArray:
        best = {basis: values.max(axis=1, keepdims=True) for basis, values in scores.items()}
        total = sum(weights[basis] * (best[basis] > 0) for basis in scores)
        parts = [weights[basis] * values / np.maximum(best[basis], 1e-12) for basis, values in scores.items()]
        return np.asarray(np.sum(parts, axis=0) / np.maximum(total, 1e-12))

    return way


def by_rank(k: int, weight: float) -> Way:
    """Reciprocal-rank fusion."""
    weights = dict(BLENDED) | {SimilarityBasis.BEHAVIOUR: float(weight)}

    def way(scores: Scores) -> DoubleArray:
        return np.asarray(np.sum([weights[basis] * reciprocal(values, k) for basis, values in scores.items()], axis=0))

    return way


def reciprocal(scores: DoubleArray, k: int) -> DoubleArray:
    """1 / (k + place), 0 for a score of 0."""
    order = np.argsort(-scores, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, scores.shape[1] + 1)[None, :], axis=1)
    return np.where(scores > 0, 1 / (k + places), 0.0)


def users_of(question: Question) -> IntArray:
    """Those who liked something before and something later."""
    return asked_users(question.known.positives(), question.target)


def figures(similarity: Similarity, question: Question, ways: Mapping[str, Way]) -> dict[str, dict[str, Any]]:
    """Of each way the four figures, with their intervals."""
    known, target = question.known.positives(), question.target.positives()
    kept: dict[int, dict[SimilarityBasis, DoubleArray]] = {}
    rows: dict[str, list[list[float]]] = {name: [] for name in ways}
    for user in users_of(question).tolist():
        earlier = similarity.columns[known.movie_index[known.user_index == user][-EARLIER:]]
        later = similarity.columns[target.movie_index[target.user_index == user]]
        rated = similarity.columns[question.known.movie_index[question.known.user_index == user]]
        scores = compared(similarity, earlier.tolist(), kept)
        for name, way in ways.items():
            rows[name].append(found(way(scores), later, rated))
    return {name: described(np.array(values)) for name, values in rows.items()}


def compared(
    similarity: Similarity, movies: list[int], kept: dict[int, dict[SimilarityBasis, DoubleArray]]
) -> dict[SimilarityBasis, DoubleArray]:
    """By basis, how like some movies all are; kept as float32, since users like the same movies."""
    for movie in movies:
        if movie not in kept:
            nothing = np.zeros(similarity.snapshot.movies)
            each = {basis: similarity.compare(movie, basis).parts.get(basis, nothing) for basis in BASES}
            kept[movie] = {basis: values.astype(np.float32) for basis, values in each.items()}
    return {basis: np.array([kept[movie][basis] for movie in movies], np.float64) for basis in BASES}


def found(scores: DoubleArray, later: IntArray, rated: IntArray) -> list[float]:
    """hit@10 and recall@20 of each list, and of all lists together."""
    open_ = scores.copy()
    open_[:, rated] = 0.0
    each = hits(open_, later)
    together = hits(open_.sum(axis=0, keepdims=True), later)
    return [
        figure
        for one in (each, together)
        for figure in (float(one[:, :HITS].any(axis=1).mean()), float((one.sum(axis=1) / len(later)).mean()))
    ]


def hits(scores: DoubleArray, later: IntArray) -> Any:
    """At each of the first 20 places of each list, whether the movie there is liked later."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :RECALLED]
    return np.isin(top, later) & (np.take_along_axis(scores, top, axis=1) > 0)


def described(rows: DoubleArray) -> dict[str, Any]:
    names = ("each_hit_at_10", "each_recall_at_20", "together_hit_at_10", "together_recall_at_20")
    estimates = {name: mean_of(rows[:, place], SEED) for place, name in enumerate(names)}
    return {name: {"mean": one.mean, "low": one.low, "high": one.high} for name, one in estimates.items()}


# -- pairs -----------------------------------------------------------------------------------------------------------


def of_pairs(similarity: Similarity) -> dict[str, float]:
    """The AUC of each basis."""
    pairs = load_pairs()
    return {
        basis.value: auc(alikeness(similarity, basis, pairs.alike), alikeness(similarity, basis, pairs.unlike))
        for basis in SimilarityBasis
    }


def alikeness(similarity: Similarity, basis: SimilarityBasis, pairs: tuple[Pair, ...]) -> DoubleArray:
    """How alike a basis holds the movies of each pair to be (n,)."""
    number = similarity.snapshot.index
    numbers = [(number[Label.MOVIE, one], number[Label.MOVIE, other]) for one, other in pairs]
    return np.array([similarity.between(one, other, basis) for one, other in numbers], np.float64)


# -- what is shown ---------------------------------------------------------------------------------------------------


def show(result: dict[str, Any]) -> None:
    console = Console(width=110)
    for part in ("test", "validation"):
        table = Table(part, "each hit@10", "each recall@20", "together hit@10", "together recall@20", "AUC of pairs")
        for name, row in result["likes"][part].items():
            cells = [f"{one['mean']:.4f} [{one['low']:.4f}, {one['high']:.4f}]" for one in row.values()]
            table.add_row(name, *cells, f"{result['pairs'][name]:.3f}" if name in result["pairs"] else "")
        console.print(table)


if __name__ == "__main__":
    main()
