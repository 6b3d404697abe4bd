"""What to ask a stranger: the most telling first, never twice, and something else after each answer."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.client import GraphClient
from recommenders.arrays import FloatArray
from recommenders.histories import Rated, UserHistory
from recommenders.questions import (
    NOISE,
    PERSONAL,
    Questions,
    Reactions,
    chance_to_like,
    gains,
    learn_questions,
    next_questions,
    popular_questions,
)
from recommenders.serving import Serving
from tests.published import serving_over
from tests.recommenders.planted import BLOCKBUSTERS, groups, planted

LIKELY = np.array([0.5, 0.5, 0.25, 0.5], np.float32)
LIKENESS = np.array([[1, 0.5, 0, 0.5], [0.5, 1, 0, 0], [0, 0, 1, 0], [0.5, 0, 0, 1]], np.float32)


NOTHING = Reactions()


def questions(liked: FloatArray = LIKELY, known: FloatArray | None = None) -> Questions:
    return Questions(np.array([7, 5, 3, 1], np.int32), liked if known is None else known, liked, LIKENESS)


def items(found: Questions, reactions: Reactions = NOTHING, count: int = 4) -> list[int]:
    return [one.item for one in next_questions(found, reactions, count)]


def test_the_gain_is_by_how_much_all_variances_shrink() -> None:
    covariance = LIKENESS.astype(np.float64)
    for place in range(4):
        row = covariance[place]
        after = covariance - np.outer(row, row) / (row[place] + NOISE)
        assert gains(covariance)[place] == pytest.approx(np.trace(covariance) - np.trace(after))


def test_the_most_telling_is_asked_first_with_what_it_tells() -> None:
    first = next_questions(questions(), Reactions(), 1)[0]
    assert (first.item, first.known, first.liked) == (7, 0.5, 0.5)  # it tells of two others
    assert first.information == pytest.approx((1 + 0.25 + 0.25) / (1 + NOISE) / 4)


def test_one_that_is_hardly_known_is_asked_later_though_it_tells_more() -> None:
    rare = LIKELY.copy()
    rare[0] = 0.01
    assert items(questions(rare))[-1] == 7


def test_after_an_answer_the_next_is_about_something_else() -> None:
    alike = np.full((3, 3), 0.9, np.float32)
    alike[2, :2] = alike[:2, 2] = 0.0
    np.fill_diagonal(alike, 1.0)
    share = np.array([0.5, 0.5, 0.4], np.float32)
    two_of_a_kind = Questions(np.arange(3, dtype=np.int32), np.ones(3, np.float32), share, alike)
    assert items(two_of_a_kind, count=3) == [0, 2, 1]
    assert items(two_of_a_kind, Reactions(answered=(0,)), 2) == [2, 1]
    assert items(two_of_a_kind, Reactions(skipped=(0,)), 2) == [1, 2]  # who does not know it said nothing of its kind


def test_what_the_model_says_of_somebody_moves_the_chances() -> None:
    scores = np.array([0.0, 2.0, 0.0, 4.0, 0.0, -1.0, 0.0, 0.0])
    found = chance_to_like(questions(), scores)
    expected = (1 - PERSONAL) * LIKELY + PERSONAL * 0.5 * np.array([0, 0, 1, 0.5])
    assert found == pytest.approx(expected)
    assert chance_to_like(questions(), None).tolist() == LIKELY.tolist()
    assert chance_to_like(questions(), np.zeros(8)).tolist() == LIKELY.tolist()


@given(st.lists(st.sampled_from([1, 3, 5, 7, 9]), max_size=5), st.lists(st.sampled_from([1, 3, 5, 7]), max_size=3))
def test_nobody_is_asked_twice(answered: list[int], skipped: list[int]) -> None:
    reactions = Reactions(answered, skipped)
    found = items(questions(), reactions, 10)
    assert sorted(found) == sorted({7, 5, 3, 1} - set(answered) - set(skipped))
    assert found == items(questions(), reactions, 10)


def test_what_is_not_there_is_not_asked() -> None:
    present = np.ones(8, np.bool_)
    present[7] = False
    assert 7 not in [one.item for one in next_questions(questions(), Reactions(), 10, present)]
    nothing = Questions(np.zeros(0, np.int32), *[np.zeros(0, np.float32)] * 2, np.zeros((0, 0), np.float32))
    assert next_questions(nothing, Reactions(), 5) == []


# -- learnt ----------------------------------------------------------------------------------------------------------


def test_what_is_learnt_is_shares_and_cosines_of_likes() -> None:
    ratings, found = planted(), learn_questions(planted(), 20)
    liked = ratings.liked.toarray()
    one, other = found.items[[0, 7]]
    assert found.known[0] == pytest.approx((ratings.movie_index == one).sum() / ratings.n_users)
    assert found.liked[0] == pytest.approx(liked[:, one].sum() / ratings.n_users)
    cosine = liked[:, one] @ liked[:, other] / np.sqrt(liked[:, one].sum() * liked[:, other].sum())
    assert found.likeness[0, 7] == pytest.approx(cosine)
    assert np.diag(found.likeness) == pytest.approx(1.0)
    assert (np.diff(np.bincount(ratings.movie_index)[found.items]) <= 0).all()


def test_the_first_questions_are_about_different_kinds_of_movies() -> None:
    found = learn_questions(planted())
    first = groups()[[one.item for one in next_questions(found, Reactions(), BLOCKBUSTERS + 4)]]
    assert len({int(group) % 4 for group in first if group >= 0}) == 4
    in_a_row = groups()[found.items]
    assert (in_a_row[:BLOCKBUSTERS] < 0).all()  # the most rated are those that everybody likes


def test_arrays_bring_the_same_questions_back_and_wrong_ones_are_refused() -> None:
    found = learn_questions(planted())
    again = Questions.from_arrays(found.arrays(), planted().n_movies)
    assert again is not None
    assert items(again, Reactions((3, 4)), 12) == items(found, Reactions((3, 4)), 12)
    assert Questions.from_arrays({}, 5) is None
    with pytest.raises(ValueError, match=r"questions.liked has shape \(1,\)"):
        Questions.from_arrays(found.arrays() | {"questions.liked": np.zeros(1, np.float32)}, 118)
    with pytest.raises(ValueError, match="no positions below 5"):
        Questions.from_arrays(found.arrays(), 5)


# -- served ----------------------------------------------------------------------------------------------------------


async def test_a_model_without_questions_asks_for_popular_movies(graph: GraphClient, tmp_path: Path) -> None:
    serving: Serving = await serving_over(graph, tmp_path)

    def asked(history: UserHistory, *skipped: str) -> list[str]:
        state, found = serving.questions(history, 3, skipped)
        return [state.movie_ids[one.item] for one in found]

    assert asked(UserHistory(None, None)) == ["2", "1", "3"]
    history = UserHistory("u", 1, (Rated("2", 1.0, 1, "e"),), viewed=frozenset({"1"}))
    assert asked(history, "4") == ["3"]
    assert popular_questions(np.zeros(3, np.float32)).items.tolist() == []
