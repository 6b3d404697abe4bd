"""Slates: by hand, against plain references, and dials that do what they say, the more the higher they are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.beyond_accuracy import SMOOTHING, divergence, intra_list_distance_at, normalised, unit
from recommenders.slate import JITTER, PLACES, POOL, STRENGTH, SlateFacts, Spread, Tuning, _Balance, compose


def facts(vectors: np.ndarray, genres: np.ndarray | None = None, **numbers: list[int]) -> SlateFacts:
    n = len(vectors)
    none = np.full(n, -1, dtype=np.int32)
    return SlateFacts(
        vectors=unit(np.asarray(vectors, dtype=np.float64)),
        genres=np.zeros((n, 1)) if genres is None else genres,
        information=np.linspace(0, 1, n),
        collections=np.array(numbers.get("collections", none), dtype=np.int32),
        directors=np.array(numbers.get("directors", none), dtype=np.int32),
    )


TWO_KINDS = facts(np.array([[1, 0], [1, 0], [1, 0], [0, 1]]))
SCORES = np.array([4.0, 3.5, 3.0, 1.0])
ITEMS = np.arange(4, dtype=np.int32)


def order(tuning: Tuning, known: SlateFacts = TWO_KINDS, taste: np.ndarray | None = None) -> list[int]:
    return compose(ITEMS, SCORES, known, tuning, taste).tolist()


def test_the_first_places_are_the_same_however_many_are_composed() -> None:
    rng = np.random.default_rng(4)
    n, taste = 150, np.array([0.5, 0.3, 0.2, 0.0])
    genres = rng.dirichlet(np.ones(4), n)
    known = SlateFacts(unit(rng.normal(size=(n, 8))), genres, rng.random(n), *rng.integers(-1, 9, (2, n)))
    tuning = Tuning(diversity=0.4, novelty=0.2, calibration=0.5, per_director=3)
    items, scores = np.arange(n, dtype=np.int32), np.sort(rng.normal(size=n))[::-1]
    whole = compose(items, scores, known, tuning, taste)
    for places in (1, 7, 20):
        assert compose(items, scores, known, tuning, taste, places)[:places].tolist() == whole[:places].tolist()


def test_nothing_asked_changes_nothing() -> None:
    assert order(Tuning()) == [0, 1, 2, 3]
    assert not Tuning().changes
    assert Tuning(per_director=2).changes


def test_diversity_brings_another_kind_up_by_hand() -> None:
    """Relevance is 1, 5/6, 2/3, 0; at .5 the likes of the first cost 1 each, so that 3 (0) comes before 1 (-1/6)."""
    assert order(Tuning(diversity=0.5)) == [0, 3, 1, 2]
    assert order(Tuning(diversity=0.4)) == [0, 1, 3, 2]
    assert order(Tuning(diversity=0.3)) == [0, 1, 2, 3]


@given(st.integers(0, 10_000))
def test_the_volume_is_that_of_the_determinants(seed: int) -> None:
    """Each place of a point process is the one that adds most to log det, by NumPy's own determinant."""
    rng = np.random.default_rng(seed)
    vectors, worth = unit(rng.normal(size=(8, 3))), np.sort(rng.random(8))[::-1]
    known, scores = facts(vectors), worth.copy()
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    likeness, chosen = vectors @ vectors.T + JITTER * np.eye(8), list[int]()
    for _ in range(3):
        added = []
        for one in range(8):
            inside = np.linalg.det(likeness[np.ix_(chosen, chosen)]) if chosen else 1.0
            whole = np.linalg.det(likeness[np.ix_([*chosen, one], [*chosen, one])])
            added.append(min(max(whole / inside, JITTER), 1.0))
        value = relevance - STRENGTH * 0.6 * np.log(added) / math.log(JITTER)
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
    found = compose(np.arange(8, dtype=np.int32), scores, known, Tuning(diversity=0.6, spread=Spread.DPP))
    assert found[:3].tolist() == chosen


def test_novelty_brings_up_what_few_know() -> None:
    assert order(Tuning(novelty=1.0)) == [2, 1, 0, 3]
    assert order(Tuning(novelty=0.2)) == [0, 1, 2, 3]


def test_calibration_brings_up_the_genre_that_is_missing() -> None:
    genres = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    known = facts(np.zeros((4, 2)), genres)
    half = np.array([0.5, 0.5])
    assert order(Tuning(calibration=1.0), known, half) == [0, 3, 1, 2]
    assert order(Tuning(calibration=1.0), known) == [0, 1, 2, 3]


def test_no_more_of_a_series_or_a_director_than_asked_for() -> None:
    known = facts(np.zeros((4, 2)), collections=[7, 7, 7, -1], directors=[1, 2, 2, 3])
    assert order(Tuning(per_collection=2), known) == [0, 1, 3, 2]
    assert order(Tuning(per_collection=1), known) == [0, 3, 1, 2]
    assert order(Tuning(per_director=1), known) == [0, 1, 3, 2]
    assert order(Tuning(per_collection=1, per_director=1), known) == [0, 3, 1, 2]


def test_movies_without_a_series_have_no_limit() -> None:
    assert order(Tuning(per_collection=1), facts(np.zeros((4, 2)))) == [0, 1, 2, 3]


@given(st.integers(0, 10_000), st.integers(0, POOL + 50), st.sampled_from(Spread), st.floats(0, 1), st.floats(0, 1))
def test_every_movie_stays_and_the_places_after_the_composed_ones_keep_their_order(
    seed: int, n: int, spread: Spread, diversity: float, novelty: float
) -> None:
    rng = np.random.default_rng(seed)
    items = rng.permutation(n).astype(np.int32)
    known = facts(rng.normal(size=(max(n, 1), 4)))
    tuning = Tuning(diversity=diversity, novelty=novelty, spread=spread, per_collection=3)
    found = compose(items, np.sort(rng.normal(size=n))[::-1], known, tuning)
    assert sorted(found.tolist()) == sorted(items.tolist())
    place = {item: i for i, item in enumerate(items.tolist())}
    rest = [place[item] for item in found[PLACES:].tolist()]
    assert rest == sorted(rest)


@pytest.mark.parametrize("spread", Spread)
def test_the_more_diversity_the_further_apart(spread: Spread) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(300, 8)) + 2 * rng.normal(size=(6, 8))[rng.integers(0, 6, 300)]
    known, apart = facts(vectors), []
    for dial in (0.0, 0.25, 0.5, 0.75, 1.0):
        lists = []
        for user in range(30):
            scores = vectors @ vectors[user]
            ranked = np.argsort(-scores).astype(np.int32)
            lists.append(compose(ranked, scores[ranked], known, Tuning(diversity=dial, spread=spread))[:10])
        apart.append(float(intra_list_distance_at(np.array(lists), vectors, 10).mean()))
    assert apart == sorted(apart)
    assert apart[-1] > apart[0] + 0.15


DIALS = (0.0, 0.25, 0.5, 0.75, 1.0)


@given(st.integers(0, 10_000), st.integers(1, 20), st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_the_more_novelty_the_less_known_is_every_list(seed: int, k: int, dials: list[float]) -> None:
    """The first k are those of the largest sum of relevance and novelty, so that this holds of each list alone."""
    rng = np.random.default_rng(seed)
    known, items = facts(np.zeros((100, 2))), rng.permutation(100).astype(np.int32)
    scores = np.sort(rng.normal(size=100))[::-1]
    novel = [
        known.information[compose(items, scores, known, Tuning(novelty=dial))[:k]].mean() for dial in sorted(dials)
    ]
    assert np.diff(novel).min() >= -1e-9


def test_novelty_brings_up_what_few_know_at_every_step_of_the_dial() -> None:
    """Among 100 movies whose order is drawn, so that a list of ten is of any novelty at first: .5 on average."""
    rng, known, novel = np.random.default_rng(6), facts(np.zeros((100, 2))), []
    lists = [(rng.permutation(100).astype(np.int32), np.sort(rng.normal(size=100))[::-1]) for _ in range(50)]
    for dial in DIALS:
        shown = [compose(items, scores, known, Tuning(novelty=dial))[:10] for items, scores in lists]
        novel.append(float(known.information[np.array(shown)].mean()))
    assert novel == sorted(novel)
    assert (novel[0] < 0.55, novel[-1] > 0.75) == (True, True)


def errors(seed: int, places: int) -> np.ndarray:
    """The calibration error in bits of the lists of 30 users at each of the dials (users, dials)."""
    rng = np.random.default_rng(seed)
    genres = rng.dirichlet(np.full(6, 0.2), 250)
    known, found = facts(np.zeros((250, 2)), genres), []
    for _ in range(30):
        taste, scores = rng.dirichlet(np.full(6, 0.5)), genres @ rng.dirichlet(np.full(6, 0.3)) + 0.3 * rng.random(250)
        ranked = np.argsort(-scores).astype(np.int32)
        lists = [
            compose(ranked, scores[ranked], known, Tuning(calibration=dial), taste, places)[:places] for dial in DIALS
        ]
        shown = normalised(np.array([genres[movies].sum(axis=0) for movies in lists]))
        found.append(divergence(np.tile(taste, (len(DIALS), 1)), shown))
    return np.array(found)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_more_calibration_the_nearer_is_every_first_place(seed: int) -> None:
    assert np.diff(errors(seed, places=1), axis=1).max() <= 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_the_more_calibration_the_nearer_are_lists_to_their_users_genres(seed: int) -> None:
    """On average at every step, since a list is made place by place; and every list at the end."""
    found = errors(seed, places=10)
    assert np.diff(found.mean(axis=0)).max() < 0
    assert (found[:, -1] <= found[:, 0]).all()
    assert found[:, -1].mean() < found[:, 0].mean() / 2


def test_a_movie_without_genres_wins_nothing_by_calibration() -> None:
    genres = np.array([[0, 0], [0, 1], [1, 0], [0, 0]], dtype=np.float64)
    known = facts(np.array([[1, 0], [1, 0], [1, 0], [0, 1]]), genres)
    assert order(Tuning(calibration=1.0), known, np.array([0.9, 0.1]))[0] == 2


def test_the_error_of_each_movie_is_the_divergence_of_the_list_with_it() -> None:
    """A list without any genre is as far as one of other genres alone."""
    rng = np.random.default_rng(5)
    genres = rng.random((30, 6)) * (rng.random((30, 6)) < 0.4)
    genres[::7] = 0
    genres = np.divide(
        genres, genres.sum(axis=1, keepdims=True), out=genres, where=genres.sum(axis=1, keepdims=True) > 0
    )
    taste = np.array([0.5, 0.3, 0.2, 0, 0, 0])
    balance, above = _Balance(genres, taste), np.zeros(6)
    for place in (3, 0, 8, 21):
        sums = above + genres
        shown = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-12)
        expected = np.where(shown.any(axis=1), divergence(np.tile(taste, (30, 1)), shown), -math.log2(SMOOTHING))
        assert balance.errors() == pytest.approx(expected, abs=1e-9)
        balance.take(place)
        above = above + genres[place]
