"""A model card: one HTML page about a run, with plots in it, that opens without a network.

It is computed from the figures, never written by hand: a model whose advantage over EASE is not significant says so.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from cinegraph.settings import GateSettings
from recommenders import plots
from recommenders.arrays import DoubleArray
from recommenders.beyond_accuracy import genre_shares, normalised
from recommenders.bootstrap import Estimate
from recommenders.evaluation import LISTED, Evaluation
from recommenders.facts import MovieFacts, taste_vectors
from recommenders.gate import Outcome, outcome_of
from recommenders.interactions import Interactions
from recommenders.results import ModelResult, TrainingRun
from recommenders.verdict import verdict

MAPPED = 1_500
"""Movies on the map of embeddings, the most liked ones."""

COLUMNS: Mapping[str, str] = {
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "R@10",
    "recall_at_20": "R@20",
    "mrr": "MRR",
    "map_at_10": "MAP@10",
    "hit_rate_at_10": "HR@10",
    "coverage_at_10": "coverage@10",
    "gini_at_10": "Gini@10",
    "novelty_at_10": "novelty (bits)",
    "popularity_lift_at_10": "popularity lift",
    "serendipity_at_10": "serendipity",
    "genre_distance_at_10": "ILD genres",
    "taste_distance_at_10": "ILD taste",
    "calibration_error_at_10": "calibration (bits)",
}


def card(run: TrainingRun, interactions: Interactions, facts: MovieFacts | None, outcome: Outcome | None = None) -> str:
    """The page; `facts` are by the positions of the interactions' movies, `outcome` is what the gate said, by the usual
    limits where that is not given."""
    environment = Environment(loader=PackageLoader("recommenders"), autoescape=True, undefined=StrictUndefined)
    filled = {name: label for name, label in COLUMNS.items() if getattr(run.results[0].test, name) is not None}
    return environment.get_template("card.html.j2").render(
        run=run,
        hidden=run.protocol.method == "cold_movies",
        verdict=verdict(run),
        gate=outcome or outcome_of(run, GateSettings()),
        columns=list(filled.values()),
        rows=[(one.name, _cells(one.test, filled)) for one in run.results],
        plots=list(_plots(run, interactions, facts)),
        config=json.dumps({one.name: dict(one.config) for one in run.results}, indent=2),
    )


def _cells(test: Evaluation, columns: Mapping[str, str]) -> list[str]:
    return [_cell(getattr(test, name)) for name in columns]


def _cell(figure: Estimate | float) -> str:
    return f"{figure:.3f}" if isinstance(figure, float) else str(figure)


def _plots(run: TrainingRun, interactions: Interactions, facts: MovieFacts | None) -> Iterator[tuple[str, str]]:
    by_model = {one.name: one.segments for one in run.results}
    yield "Quality by popularity of the movie that is to be found.", plots.bars(by_model, "popularity (R@20)")
    yield "Quality by the user's number of known likes.", plots.bars(by_model, "activity (NDCG@10)")
    curves = {one.name: [(known, figure.mean) for known, figure in one.curve.items()] for one in run.results}
    if all(curves.values()):
        yield "Newcomers: quality by the liked movies known.", plots.lines(curves, "liked movies known", "NDCG@10")
    learning = {one.name: one.learning for one in run.results if one.learning}
    if learning:
        yield "Learning: NDCG@10 on validation by epoch.", plots.lines(learning, "epoch", "NDCG@10 (validation)")
    if facts is not None:
        yield from _with_facts(run, interactions, facts)


def _with_facts(run: TrainingRun, interactions: Interactions, facts: MovieFacts) -> Iterator[tuple[str, str]]:
    traded = {one.name: (_mean(one.test.genre_distance_at_10), one.test.ndcg_at_10.mean) for one in run.results}
    yield "Accuracy against diversity.", plots.points(traded, "mean distance of genres in a list", "NDCG@10")
    kinds = genre_shares(facts.genres)
    liked = normalised((np.asarray(interactions.likes(), np.float64) @ kinds)[None])[0]
    shown = {one.name: _shown(one, kinds.toarray()) for one in run.results}
    yield "Calibration: genres liked and genres shown.", plots.shares(facts.genre_names, liked, shown)
    most = np.argsort(-interactions.likes(), kind="stable")[:MAPPED]
    vectors, words = _vectors(run, interactions)
    first = [_first_genre(facts, movie) for movie in most.tolist()]
    yield (
        f"The {len(most)} most liked movies by {words}, in two components.",
        plots.embedding_map(plots.plane(vectors[most]), first),
    )


def _vectors(run: TrainingRun, interactions: Interactions) -> tuple[DoubleArray, str]:
    """The movies' vectors (movies, d) and what they are: those of the model that is served, or of the best one as it
    was measured; of models without any those of the likes."""
    if run.final and run.final.embeddings:
        return run.final.embeddings.movies.astype(np.float64), f"the embeddings of {run.final.name}"
    best = run.result(run.best)
    if best.vectors is not None:
        return best.vectors.astype(np.float64), f"the embeddings of {best.name}, without the ratings of the test"
    return taste_vectors(interactions), "singular vectors of the likes, which are no model's"


def _mean(figure: Estimate | None) -> float:
    return 0.0 if figure is None else figure.mean


def _shown(one: ModelResult, shares: DoubleArray) -> DoubleArray:
    lists: Any = one.measured.lists[:, :LISTED]
    found: DoubleArray = normalised(shares[lists[lists >= 0]].sum(axis=0)[None])[0]
    return found


def _first_genre(facts: MovieFacts, movie: int) -> str:
    start, end = facts.genres.indptr[movie : movie + 2]
    return facts.genre_names[facts.genres.indices[start]] if end > start else "none"
