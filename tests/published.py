"""Small models over the tiny graph, published as real ones are; every score can be worked out by hand."""

from pathlib import Path

import numpy as np

from graph.client import GraphClient
from graph.models import Published, Version, publish
from recommenders.artifacts import save_artifact
from recommenders.scorers import FactorScorer, ItemItemScorer, PopularityScorer, Scorer
from recommenders.serving import Serving
from tests import tiny

MOVIES = np.array([row["id"] for row in tiny.MOVIES])
POPULARITY = np.array([row["popularity"] for row in tiny.MOVIES], dtype=np.float32)
WEIGHTS = np.array(
    [
        [0.0, 0.5, 0.25, 0.125, 0.0],
        [0.5, 0.0, 0.375, 0.0, 0.0625],
        [0.25, 0.375, 0.0, 0.5, 0.125],
        [0.125, 0.0, 0.5, 0.0, 0.0],
        [0.0, 0.0625, 0.125, 0.0, 0.0],
    ],
    dtype=np.float32,
)
"""From row to column: what a liked movie adds to the score of another."""

ITEM_ITEM = ItemItemScorer(WEIGHTS, np.arange(5, dtype=np.int32), POPULARITY)
POPULAR = PopularityScorer(POPULARITY)
FACTORS = FactorScorer(
    np.array([[1, 0.5], [0.5, 1], [0.25, 0.75], [1, -1], [0.5, 0.5]], dtype=np.float32),
    np.array([[0.5, 0.25], [1, 0.5], [0.75, 1], [0.125, -0.5], [0.25, 0.25]], dtype=np.float32),
    POPULARITY,
)


async def publish_model(graph: GraphClient, root: Path, scorer: Scorer = ITEM_ITEM, name: str = "ease") -> str:
    """Save a scorer, write its SIMILAR relationships, make it the active model; its version."""
    version = save_artifact(
        root, name, scorer, MOVIES, config={"l2": 1.0}, metrics={}, fingerprint="f" * 64, created_at=1
    )
    similar = [
        (str(MOVIES[movie]), str(MOVIES[other]), float(score), rank)
        for movie in range(len(MOVIES))
        for rank, (other, score) in enumerate(_similar(scorer, movie), 1)
    ]
    await publish(graph.writer, Version(version, name, {}, "f" * 64, {}, version), Published(similar=similar))
    return version


def _similar(scorer: Scorer, movie: int) -> list[tuple[int, float]]:
    found = scorer.similar(movie, 20)
    return list(zip(found.items.tolist(), found.scores.tolist(), strict=True))


async def serving_over(graph: GraphClient, root: Path, scorer: Scorer = ITEM_ITEM) -> Serving:
    """The tiny graph with a published model, and what serves it."""
    await tiny.load(graph)
    await publish_model(graph, root, scorer)
    serving = Serving(graph.reader, root)
    await serving.refresh()
    return serving
