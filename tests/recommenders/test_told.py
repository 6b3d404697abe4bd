"""What the catalogue says of each movie: each entity once, what tells most first."""

import numpy as np
import pytest

from cinegraph.types import Relation
from recommenders.told import BILLING, WEIGHTS, ranges, told_of
from tests.recommenders.test_reasons import GENRE, KEYWORD, PERSON, SERIES, Edge, both, catalogue


def told(edges: list[Edge], movie: int) -> list[tuple[str, float]]:
    """The entities of a movie by name, with their weights."""
    snapshot = catalogue(edges)
    found = told_of(snapshot)
    near = slice(int(found.indptr[movie]), int(found.indptr[movie + 1]))
    names = [snapshot.ids[entity] for entity in found.entity[near].tolist()]
    return list(zip(names, found.weight[near].tolist(), strict=True))


def test_the_rarest_entity_comes_first() -> None:
    edges = [
        *both(GENRE, Relation.HAS_GENRE, 2, 3, 4),
        *both(SERIES, Relation.PART_OF),
        *both(KEYWORD, Relation.HAS_KEYWORD, 2),
    ]
    assert told(edges, 0) == [
        (SERIES, WEIGHTS[Relation.PART_OF]),
        (KEYWORD, WEIGHTS[Relation.HAS_KEYWORD]),
        (GENRE, WEIGHTS[Relation.HAS_GENRE]),
    ]
    assert told(edges, 3) == [(GENRE, WEIGHTS[Relation.HAS_GENRE])]
    assert told(edges, 5) == []


def test_an_entity_stands_once_with_its_largest_weight() -> None:
    edges = [(0, PERSON, Relation.ACTED_IN, 9), (0, PERSON, Relation.DIRECTED), (0, PERSON, Relation.WROTE)]
    assert told(edges, 0) == [(PERSON, WEIGHTS[Relation.DIRECTED])]


@pytest.mark.parametrize(("place", "part"), [(0, 1.0), (2, 1.0), (3, 0.6), (5, 0.6), (6, 0.3), (5_000, 0.3)])
def test_an_actor_counts_by_the_place_in_the_billing(place: int, part: float) -> None:
    assert told([(0, PERSON, Relation.ACTED_IN, place)], 0) == [(PERSON, part * WEIGHTS[Relation.ACTED_IN])]
    assert part in dict(BILLING).values()


def test_what_a_model_holds_to_be_similar_is_nothing_that_the_catalogue_says() -> None:
    assert told([(0, 1, Relation.SIMILAR)], 0) == []


def test_ranges_are_joined() -> None:
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert ranges(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
