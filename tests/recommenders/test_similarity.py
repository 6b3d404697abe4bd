"""Likeness by what is shared, by a model and by both: each score has parts, and the parts add up to it."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinegraph.types import Relation
from graph.snapshot import Ints
from recommenders.scorers import FactorScorer, PopularityScorer, Scorer
from recommenders.similarity import BLENDED, Similarity, SimilarityBasis, blended, page_of
from recommenders.told import told_of
from tests.recommenders.test_reasons import GENRE, KEYWORD, MOVIES, PERSON, SERIES, Edge, both, catalogue

BEHAVIOUR, CONTENT, GRAPH, BLEND = SimilarityBasis
EDGES: list[Edge] = [
    *both(PERSON, Relation.DIRECTED),
    *both(KEYWORD, Relation.HAS_KEYWORD, 2, 3),
    *both(GENRE, Relation.HAS_GENRE, *range(2, 30)),
]
FACTORS = np.array([[1, 0], [0.5, 0.5], [0, 1]], np.float32)
EVERY = np.ones(MOVIES, bool)


def similarity(edges: list[Edge] = EDGES, base: Scorer | None = None, columns: Ints | None = None) -> Similarity:
    snapshot = catalogue(edges)
    return Similarity.of(snapshot, told_of(snapshot), base, np.zeros(0, np.int32) if columns is None else columns)


def modelled() -> Similarity:
    """With a model of the movies 1, 2 and 0, in this order, and one that is gone."""
    factors = np.vstack([FACTORS, [[1, 0]]]).astype(np.float32)
    scorer = FactorScorer(factors, factors, np.ones(4, np.float32))
    return similarity(base=scorer, columns=np.array([1, 2, 0, -1], np.int32))


def test_who_did_two_things_is_one_way() -> None:
    twice = similarity([*both(PERSON, Relation.DIRECTED), (0, PERSON, Relation.WROTE)])
    assert twice.compare(0, GRAPH).scores[1] == 1.0


def test_a_way_over_a_hub_counts_less() -> None:
    edges = [*both(SERIES, Relation.PART_OF), (0, KEYWORD, Relation.HAS_KEYWORD), (2, KEYWORD, Relation.HAS_KEYWORD)]
    hub: list[Edge] = [(id_, KEYWORD, Relation.HAS_KEYWORD) for id_ in range(3, 9)]
    scores = similarity([*edges, *hub]).compare(0, GRAPH).scores
    rare, common = 1 / log2(4), 1 / log2(10)
    assert scores[1:3] == pytest.approx([rare / (rare + common), common / (rare + common)])


def test_a_genre_is_no_way_and_a_common_one_tells_nothing() -> None:
    common = similarity(both(GENRE, Relation.HAS_GENRE, *range(2, 30)))
    assert not common.compare(0, GRAPH).parts
    assert not common.compare(0, CONTENT).parts
    rare = similarity(both(GENRE, Relation.HAS_GENRE))
    assert rare.compare(0, CONTENT).scores[1] == pytest.approx(1.0)


def test_behaviour_is_in_parts_of_the_nearest_one_and_only_of_movies_that_are_there() -> None:
    scores = modelled().compare(1, BEHAVIOUR).scores
    assert np.flatnonzero(scores).tolist() == [2]
    assert scores[2] == 1.0
    scores = modelled().compare(2, BEHAVIOUR).scores
    assert scores[[0, 1]] == pytest.approx([1.0, 1.0])


def test_a_model_without_neighbours_says_nothing() -> None:
    silent = similarity(base=PopularityScorer(np.ones(3, np.float32)), columns=np.arange(3, dtype=np.int32))
    assert not silent.compare(0, BEHAVIOUR).parts
    assert list(silent.compare(0, BLEND).parts) == [CONTENT, GRAPH]


def test_a_blend_weighs_those_that_say_something() -> None:
    values = {BEHAVIOUR: np.array([0.0, 0.5, 1.0]), GRAPH: np.array([0.0, 0.25, 0.125])}
    total = BLENDED[BEHAVIOUR] + BLENDED[GRAPH]
    found = blended(values)
    assert found[BEHAVIOUR].tolist() == [0.0, 0.5 * BLENDED[BEHAVIOUR] / total, BLENDED[BEHAVIOUR] / total]
    assert found[GRAPH].tolist() == [0.0, BLENDED[GRAPH] / total, 0.5 * BLENDED[GRAPH] / total]
    assert blended({}) == {}


def test_pages_follow_each_other_and_equal_scores_go_by_number() -> None:
    compared = similarity().compare(0, GRAPH)
    assert compared.scores[:4].tolist() == pytest.approx([0.0, 1.0, 0.436, 0.436], abs=1e-3)
    one, more = page_of(compared, EVERY, 2)
    assert [(similar.rank, similar.movie) for similar in one] == [(1, 1), (2, 2)]
    assert more
    two, more = page_of(compared, EVERY, 2, (one[-1].score, one[-1].movie))
    assert [(similar.rank, similar.movie) for similar in two] == [(3, 3)]
    assert not more


def test_how_alike_two_movies_are_is_the_mean_of_both_directions() -> None:
    found = similarity()
    there, back = found.compare(0, GRAPH).scores[1], found.compare(1, GRAPH).scores[0]
    assert found.between(0, 1, GRAPH) == found.between(1, 0, GRAPH) == (there + back) / 2
    assert found.between(0, 39, GRAPH) == 0.0


PERSONS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from([PERSON, KEYWORD, SERIES, GENRE]),
        st.sampled_from([Relation.DIRECTED, Relation.HAS_KEYWORD, Relation.PART_OF, Relation.ACTED_IN]),
    ),
    max_size=40,
)


@given(PERSONS)
def test_scores_are_parts_of_one_and_shares_add_up(edges: list[Edge]) -> None:
    found = similarity(edges)
    for basis in (CONTENT, GRAPH, BLEND):
        compared = found.compare(0, basis)
        page, more = page_of(compared, EVERY, MOVIES)
        assert not more
        for similar in page:
            assert 0 < similar.score <= 1.0 + 1e-12
            assert similar.movie != 0
            shares = found.shares(compared, similar)
            assert sum(shares.values()) == pytest.approx(1.0)
            assert [*shares.values()] == sorted(shares.values(), reverse=True)
