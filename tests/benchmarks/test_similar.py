"""What is measured of similar movies is what is served, and each basis is above its bar on the list of pairs."""

import numpy as np
import pytest

from benchmarks.similar import by_rank, found, of_pairs, reciprocal, similarity_of, summed
from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.sample.simulator import SimulatorConfig
from graph.snapshot import load_snapshot
from recommenders.publishing import load_interactions
from recommenders.similarity import BLENDED, SimilarityBasis, blended

BARS = {SimilarityBasis.CONTENT: 0.70, SimilarityBasis.GRAPH: 0.88, SimilarityBasis.BLEND: 0.77}
"""Least AUC on the pairs of the sample: how often people's alike pairs score above the others."""
SCORES = {
    SimilarityBasis.BEHAVIOUR: np.array([[0.0, 1.0, 0.5, 0.0]]),
    SimilarityBasis.CONTENT: np.array([[0.0, 0.1, 0.2, 0.4]]),
    SimilarityBasis.GRAPH: np.zeros((1, 4)),
}


@pytest.mark.slow
async def test_each_basis_tells_alike_from_unlike_above_its_bar(graph: GraphClient) -> None:
    await ingest_sample(graph.writer, SimulatorConfig(users=200))
    snapshot, ratings = await load_snapshot(graph.reader, 0, ""), await load_interactions(graph.reader)
    measured = of_pairs(similarity_of(snapshot, ratings))
    assert {basis: measured[basis] for basis, bar in BARS.items() if measured[basis] < bar} == {}


def test_the_blend_that_is_measured_is_the_one_that_is_served() -> None:
    saying = {basis: values[0] for basis, values in SCORES.items() if values.any()}
    served = np.sum([*blended(saying).values()], axis=0)
    assert summed(BLENDED[SimilarityBasis.BEHAVIOUR])(SCORES)[0] == pytest.approx(served)


def test_rank_fusion_by_hand() -> None:
    assert reciprocal(SCORES[SimilarityBasis.BEHAVIOUR], 60).tolist() == [[0.0, 1 / 61, 1 / 62, 0.0]]
    fused = by_rank(10, 2)(SCORES)[0]
    assert fused == pytest.approx([0, 2 / 11 + 1 / 13, 2 / 12 + 1 / 12, 1 / 11])


def test_the_figures_by_hand() -> None:
    lists = np.array([[0.0, 0.9, 0.8, 0.7, 0.0], [0.0, 0.0, 0.0, 0.1, 0.0]])
    later, rated = np.array([3, 4], np.int32), np.array([1], np.int32)
    assert found(lists, later, rated) == [1.0, 0.5, 1.0, 0.5]
    assert found(lists, np.array([2, 4], np.int32), rated) == [0.5, 0.25, 1.0, 0.5]
