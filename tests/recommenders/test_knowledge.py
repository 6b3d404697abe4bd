"""What a network learns of the catalogue: each relationship's matrix, without what connects nothing."""

import numpy as np
import pytest

from cinegraph.errors import ModelError
from cinegraph.types import Label, Relation
from recommenders.knowledge import BILLED, Knowledge, knowledge_of
from tests.recommenders.test_reasons import GENRE, PERSON, SERIES, Edge, both, catalogue

MOVIES = np.array(["1", "0", "no such", "2"])


def known(*edges: Edge) -> Knowledge:
    """Of four movies, one of which the catalogue does not have."""
    return knowledge_of(catalogue(list(edges)), MOVIES)


def test_a_row_for_each_movie_in_the_order_asked_for() -> None:
    found = known(*both(GENRE, Relation.HAS_GENRE), *both(PERSON, Relation.DIRECTED, 2))
    genre, directed = found.links[Relation.HAS_GENRE], found.links[Relation.DIRECTED]
    assert (genre[0], directed[0]) == (Label.GENRE, Label.PERSON)
    assert genre[1].toarray().tolist() == [[1], [1], [0], [0]]
    assert directed[1].toarray().tolist() == [[1], [1], [0], [1]]
    assert found.entities == {Label.GENRE: 1, Label.PERSON: 1}


def test_an_entity_of_one_movie_is_left_out() -> None:
    assert Relation.PART_OF not in known((0, SERIES, Relation.PART_OF), *both(GENRE, Relation.HAS_GENRE)).links


def test_who_directed_one_and_wrote_another_connects_them() -> None:
    found = known((0, PERSON, Relation.DIRECTED), (1, PERSON, Relation.WROTE))
    assert found.links[Relation.DIRECTED][1].toarray().tolist() == [[0], [1], [0], [0]]
    assert found.links[Relation.WROTE][1].toarray().tolist() == [[1], [0], [0], [0]]


def test_two_roles_are_one_link_and_the_end_of_the_billing_is_none() -> None:
    roles: list[Edge] = [(0, PERSON, Relation.ACTED_IN, 0), (0, PERSON, Relation.ACTED_IN, 3)]
    late: list[Edge] = [(2, PERSON, Relation.ACTED_IN, BILLED)]
    found = known(*roles, (1, PERSON, Relation.ACTED_IN, BILLED - 1), *late)
    assert found.links[Relation.ACTED_IN][1].toarray().tolist() == [[1], [1], [0], [0]]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_vectors_of_texts_that_are_no_numbers_are_refused(wrong: float) -> None:
    texts = np.zeros((4, 3), dtype=np.float32)
    texts[2, 1] = wrong
    with pytest.raises(
        ModelError, match="^1 of 12 numbers in the vectors of what movies are about are NaN or inf.*remove"
    ):
        knowledge_of(catalogue([]), MOVIES, texts)
