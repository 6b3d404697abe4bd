"""Sources of candidates: what each finds, that none may break an answer, and that work is bounded by counts."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cinegraph.types import MAX_RATING, MovieFilter, Relation
from graph.client import GraphClient
from graph.snapshot import Snapshot
from recommenders import candidates
from recommenders.candidates import QUOTAS, SOURCES, Candidates, Gatherer, Place, Sought, Source, is_new
from recommenders.histories import Rated, UserHistory
from recommenders.likeness import by_graph
from recommenders.ranking import Ranked
from recommenders.scorers import ItemItemScorer, Neighbours
from recommenders.serving import Serving
from recommenders.slate import Tuning
from tests import published
from tests.published import FACTORS, ITEM_ITEM, serving_over
from tests.recommenders.test_reasons import KEYWORD, MOVIES, Edge, catalogue

ALL = MovieFilter()


@pytest.fixture
async def serving(graph: GraphClient, tmp_path: Path) -> Serving:
    return await serving_over(graph, tmp_path)


def liking(*movie_ids: str) -> UserHistory:
    return UserHistory(None, None).with_liked(movie_ids, MAX_RATING)


def found(serving: Serving, history: UserHistory, source: Source) -> list[str]:
    asked = Sought(serving.score(history), serving.allowed(serving.state, history, ALL))
    ranked = SOURCES[source](asked, QUOTAS[source])
    assert (np.diff(ranked.scores) <= 0).all()
    return [serving.state.movie_ids[item] for item in ranked.items.tolist()]


# -- what each finds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "movies"),
    [
        (Source.MODEL, ["2", "3", "4", "5"]),  # by score, a score of 0 too
        (Source.NEIGHBOURS, ["2", "3", "4"]),  # .5, .25, .125 from Alien
        (Source.GRAPH, ["2", "3"]),  # Ridley Scott made them; Blade Runner's other ways do not lead out of Alien
        (Source.CONTENT, []),  # in a catalogue of five movies nothing is rare enough to tell
        (Source.TRENDING, ["2", "3", "4"]),  # a like and a low rating, of which 2's is newer; a like
        (Source.FRESH, ["4", "5"]),  # the newest year, and what nobody has rated
        (Source.EXPLORATION, ["2", "3", "4", "5"]),
    ],
)
async def test_each_source_finds_its_own(serving: Serving, source: Source, movies: list[str]) -> None:
    assert found(serving, liking("1"), source) == movies


async def test_neighbours_of_several_movies_add_up_in_parts_of_the_nearest(serving: Serving) -> None:
    assert found(serving, liking("1", "4"), Source.NEIGHBOURS) == ["3", "2"]  # .5 + 1, 1 + 0


async def test_without_a_history_there_are_no_neighbours_and_popularity_leads(serving: Serving) -> None:
    nobody = UserHistory(None, None)
    assert [found(serving, nobody, source) for source in (Source.NEIGHBOURS, Source.GRAPH, Source.CONTENT)] == [[]] * 3
    assert found(serving, nobody, Source.MODEL) == ["2", "1", "3", "4", "5"]


async def test_only_the_latest_likes_are_looked_at(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "LATEST", 1)
    ratings = (Rated("1", 5.0, 1, "a"), Rated("4", 5.0, 2, "b"), Rated("2", 1.0, 3, "c"))
    assert found(serving, UserHistory("u", 1, ratings), Source.NEIGHBOURS) == ["3"]


async def test_a_movie_of_few_ratings_is_worth_more_to_try(serving: Serving) -> None:
    asked = Sought(serving.score(liking("1")), serving.allowed(serving.state, liking("1"), ALL))
    worth = candidates.worth_exploring(asked)
    ratings = np.array([4, 5, 3, 3, 0])
    relative = np.array([0, 1, 0.5, 0.25, 0])
    assert worth == pytest.approx((relative + candidates.FLOOR) / np.sqrt(1 + ratings))


def test_the_newest_part_of_the_catalogue_is_new_with_all_of_that_year() -> None:
    snapshot = catalogue([])
    year = np.full(MOVIES, 1990, np.int32)
    year[:5], year[5] = 2020, -1
    rated = replace(snapshot, year=year, popularity=np.ones(MOVIES))
    assert np.flatnonzero(is_new(rated)).tolist() == [0, 1, 2, 3, 4]
    popularity = np.ones(MOVIES)
    popularity[7] = 0.9  # TMDB's votes alone
    assert np.flatnonzero(is_new(replace(rated, popularity=popularity))).tolist() == [0, 1, 2, 3, 4, 7]
    nothing = replace(rated, year=np.full(MOVIES, -1, np.int32))
    assert not is_new(nothing).any()


# -- merged ----------------------------------------------------------------------------------------------------------


async def test_a_movie_knows_all_its_sources_and_places(serving: Serving) -> None:
    history = liking("1")
    gathered = serving.candidates(serving.score(history), ALL)
    assert gathered.failed == ()
    sources = gathered.sources(serving.state.index["4"])
    assert sources == [
        Place(Source.MODEL, 3),
        Place(Source.NEIGHBOURS, 3),
        Place(Source.TRENDING, 3),
        Place(Source.FRESH, 1),
        Place(Source.EXPLORATION, 3),
    ]
    assert gathered.items.tolist() == [1, 2, 3, 4]
    assert gathered.sources(serving.state.index["1"]) == ()


async def test_a_filter_holds_in_every_source(serving: Serving) -> None:
    wanted = MovieFilter(genres=("drama",))
    gathered = serving.candidates(serving.score(liking("1")), wanted)
    assert {serving.state.movie_ids[item] for item in gathered.items.tolist()} == {"2", "3", "5"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from(published.MOVIES.tolist()), max_size=4), st.sampled_from([2, 3, 5]))
async def test_no_source_could_change_the_first_places_of_the_model(
    serving: Serving, liked: set[str], quota: int
) -> None:
    history = liking(*sorted(liked))
    scored = serving.score(history)
    asked = Sought(scored, serving.allowed(serving.state, history, ALL))
    gathered = Gatherer().gather(asked, dict.fromkeys(Source, quota))
    order = gathered.items[np.lexsort((gathered.items, -scored.scores[gathered.items]))]
    first = gathered.found[Source.MODEL].items
    assert order[: len(first)].tolist() == first.tolist()
    assert serving.rank(history, ALL, quota).movie_ids == tuple(serving.state.movie_ids[i] for i in first.tolist())


async def test_at_most_five_thousand_are_gathered(serving: Serving) -> None:
    assert sum(QUOTAS.values()) == 5_000
    asked = Sought(serving.score(liking("1")), serving.allowed(serving.state, liking("1"), ALL))
    assert [len(one.items) for one in Gatherer().gather(asked, dict.fromkeys(Source, 1)).found.values()] == [
        1, 1, 0, 1, 1, 1, 1,
    ]  # fmt: skip


# -- a source that fails ---------------------------------------------------------------------------------------------


def broken(asked: Sought, count: int) -> Ranked:
    raise RuntimeError("no more")


async def test_a_source_that_raises_is_left_out_logged_and_counted(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    serving.gatherer = Gatherer({**SOURCES, Source.GRAPH: broken})
    with caplog.at_level(logging.ERROR, "recommenders.candidates"):
        gathered = serving.candidates(serving.score(liking("1")), ALL)
        serving.candidates(serving.score(liking("1")), ALL)
    assert gathered.failed == (Source.GRAPH,)
    assert set(gathered.found) == set(Source) - {Source.GRAPH}
    assert serving.gatherer.failures == {Source.GRAPH: 2}
    assert "the source GRAPH of candidates failed" in caplog.text
    assert Candidates({}).items.tolist() == []


# -- bounded ---------------------------------------------------------------------------------------------------------


class Counting(ItemItemScorer):
    """Counts how many movies it was asked about."""

    asked: list[int] = []

    def similar(self, movie_index: int, k: int) -> Neighbours:
        self.asked.append(k)
        return super().similar(movie_index, k)


async def test_the_model_is_asked_for_the_neighbours_of_no_more_than_the_latest(
    graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "LATEST", 2)
    serving = await serving_over(graph, tmp_path, FACTORS)
    counting = Counting(ITEM_ITEM.weights, ITEM_ITEM.items, ITEM_ITEM.popularity)
    Counting.asked = []
    serving._state = replace(serving.state, base=counting)
    found(serving, liking("1", "2", "3", "4"), Source.NEIGHBOURS)
    assert Counting.asked == [candidates.NEAR] * 2


def star(others: int) -> Snapshot:
    """A keyword of movie 0 and of as many others."""
    edges: list[Edge] = [(movie, KEYWORD, Relation.HAS_KEYWORD) for movie in range(others + 1)]
    return catalogue(edges)


def test_an_entity_of_more_movies_than_the_widest_leads_nowhere() -> None:
    shared = by_graph(star(5))
    zero = np.array([0], np.int32)
    assert np.flatnonzero(shared.together(zero, 10, widest=6)).tolist() == [0, 1, 2, 3, 4, 5]
    assert not shared.together(zero, 10, widest=5).any()


def test_likeness_to_several_is_the_sum_of_the_likenesses() -> None:
    shared = by_graph(star(5))
    together = shared.together(np.array([0, 3], np.int32), 10, widest=6)
    each = shared.scores(0) + shared.scores(3)
    assert together[[1, 2, 4, 5]] == pytest.approx(each[[1, 2, 4, 5]])


# -- kept places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tuning", [Tuning(exploration=0.5), Tuning(fresh=0.5, exploration=0.4), Tuning(fresh=1.0)])
async def test_t64_kept_places_are_the_same_all_day_and_for_anybody_who_serves(
    graph: GraphClient, serving: Serving, tmp_path: Path, tuning: Tuning
) -> None:
    other = Serving(graph.reader, tmp_path)
    await other.refresh()
    rankings = [one.rank(liking("1"), ALL, tuning=tuning, day=20_000) for one in (serving, serving, other)]
    assert len({(one.movie_ids, one.scores, tuple(one.slots.items())) for one in rankings}) == 1
    assert rankings[0].slots


async def test_exploration_is_drawn_anew_each_day_and_for_each_user(serving: Serving) -> None:
    def lists(history: UserHistory) -> set[tuple[str, ...]]:
        tuning = Tuning(exploration=0.5)
        return {serving.rank(history, ALL, tuning=tuning, day=day).movie_ids for day in range(50)}

    assert lists(UserHistory("1", 1)) > {max(lists(UserHistory("1", 1)))}
    days = [
        [serving.rank(UserHistory(user, 1), ALL, tuning=Tuning(exploration=0.5), day=day).movie_ids for day in range(9)]
        for user in "12"
    ]
    assert days[0] != days[1]


async def test_with_nothing_kept_the_list_is_what_it_was(serving: Serving) -> None:
    plain = serving.rank(liking("1"), ALL)
    assert (plain.movie_ids, plain.slots) == (("2", "3", "4", "5"), {})
    assert serving.rank(liking("1"), ALL, tuning=Tuning(), day=7).movie_ids == plain.movie_ids


async def test_kept_places_hold_what_may_be_recommended_alone(serving: Serving) -> None:
    history = replace(liking("1"), dismissed=frozenset({"5"}))
    for day in range(30):
        ranking = serving.rank(history, ALL, tuning=Tuning(fresh=0.4, exploration=0.5), day=day)
        assert sorted(ranking.movie_ids) == ["2", "3", "4"]
