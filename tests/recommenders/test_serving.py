"""Serving: what is never recommended, what adds up, and how a new model takes the place of the old one."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cinegraph.errors import ModelError
from cinegraph.types import IntRange, Label, MovieFilter, NodeRef
from graph import actions
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.models import activate
from recommenders.histories import Preference, Rated, UserHistory
from recommenders.scorers import Scorer
from recommenders.serving import Ranking, Serving
from tests import published, tiny
from tests.conftest import GRAPH_SETTINGS
from tests.published import FACTORS, ITEM_ITEM, POPULAR, publish_model, serving_over

ALL = MovieFilter()
DRAMA = NodeRef(Label.GENRE, "drama")
SCORERS = {"item_item": ITEM_ITEM, "factors": FACTORS, "popularity": POPULAR}
FORGET = WriteStatement("forget", "MATCH (m:Movie {id: $id}) DETACH DELETE m", frozenset({"id"}))
CHANGED = WriteStatement("changed", "MATCH (m:Meta {id: 'graph'}) SET m.version = m.version + 1", frozenset())
WITHOUT_MODEL = WriteStatement("without", "MATCH (m:Meta {id: 'graph'}) SET m.activeModel = null", frozenset())


@pytest.fixture
async def serving(graph: GraphClient, tmp_path: Path) -> Serving:
    return await serving_over(graph, tmp_path)


def rated(**ratings: float) -> UserHistory:
    """A history with ratings `m1=5.0`."""
    found = tuple(Rated(name[1:], rating, 1, f"e{name}") for name, rating in ratings.items())
    return UserHistory("u", 1, found)


def listed(ranking: Ranking) -> list[tuple[str, float]]:
    return list(zip(ranking.movie_ids, ranking.scores, strict=True))


# -- what is ranked, and how -----------------------------------------------------------------------------------------


async def test_movies_come_by_score_and_equal_ones_by_place(serving: Serving) -> None:
    assert listed(serving.rank(rated(m1=5.0), ALL)) == [("2", 0.5), ("3", 0.25), ("4", 0.125), ("5", 0.0)]
    assert listed(serving.rank(rated(m4=5.0), ALL)) == [("3", 0.5), ("1", 0.125), ("2", 0.0), ("5", 0.0)]


async def test_without_a_history_popularity_ranks(serving: Serving) -> None:
    ranking = serving.rank(UserHistory(None, None), ALL)
    assert listed(ranking) == [("2", 5.0), ("1", 4.0), ("3", 3.0), ("4", 3.0), ("5", 0.0)]
    assert not ranking.scored.personal


async def test_a_low_rating_keeps_a_movie_out_and_says_nothing_else(serving: Serving) -> None:
    assert listed(serving.rank(rated(m1=5.0, m2=3.5), ALL)) == [("3", 0.25), ("4", 0.125), ("5", 0.0)]


async def test_n07_a_rating_changes_the_ranking_with_no_training(serving: Serving) -> None:
    before, after = serving.rank(rated(m1=5.0), ALL), serving.rank(rated(m1=5.0, m4=4.0), ALL)
    assert before.movie_ids == ("2", "3", "4", "5")
    assert listed(after) == [("3", 0.75), ("2", 0.5), ("5", 0.0)]


async def test_a_preference_adds_a_part_of_the_best_score(serving: Serving) -> None:
    likes = replace(rated(m1=5.0), preferences=(Preference(DRAMA, 1.0, "p"),))
    avoids = replace(rated(m1=5.0), preferences=(Preference(DRAMA, -1.0, "p"),))
    assert listed(serving.rank(likes, ALL)) == [("2", 0.55), ("3", 0.3), ("4", 0.125), ("5", 0.05)]
    assert listed(serving.rank(avoids, ALL)) == [("4", 0.125), ("2", 0.0), ("3", -0.25), ("5", -0.5)]


async def test_a_preference_for_what_is_not_in_the_catalogue_adds_nothing(serving: Serving) -> None:
    gone = replace(rated(m1=5.0), preferences=(Preference(NodeRef(Label.PERSON, "nobody"), 1.0, "p"),))
    assert listed(serving.rank(gone, ALL)) == listed(serving.rank(rated(m1=5.0), ALL))


async def test_before_the_first_model_it_is_said_how_to_make_one(graph: GraphClient, tmp_path: Path) -> None:
    serving = Serving(graph.reader, tmp_path)
    await serving.refresh()
    assert serving.model_version == ""
    with pytest.raises(ModelError, match="cinegraph train"):
        serving.rank(rated(m1=5.0), ALL)


# -- never what is known or filtered (T63) ---------------------------------------------------------------------------


MOVIES = st.sampled_from([*published.MOVIES.tolist(), "unknown"])
HISTORIES = st.builds(
    lambda ratings, viewed, dismissed, liked, weight: UserHistory(
        "u",
        1,
        tuple(Rated(id_, rating, 1, "e") for id_, rating in ratings.items()),
        frozenset(viewed),
        frozenset(dismissed),
        (Preference(DRAMA, weight, "p"),) if weight else (),
    ).with_liked(liked, 5.0),
    st.dictionaries(MOVIES, st.sampled_from([0.5, 3.5, 4.0, 5.0]), max_size=4),
    st.sets(MOVIES, max_size=2),
    st.sets(MOVIES, max_size=2),
    st.lists(MOVIES, max_size=2),
    st.sampled_from([0.0, 0.0, 1.0, -0.5]),
)
FILTERS = st.builds(
    MovieFilter,
    genres=st.none() | st.lists(st.sampled_from(["drama", "horror", "comedy"]), max_size=2).map(tuple),
    year=st.none() | st.builds(IntRange, st.none() | st.sampled_from([1980, 2000]), st.none() | st.just(2000)),
)


def unwanted(serving: Serving, history: UserHistory, wanted: MovieFilter) -> set[str]:
    """What stands in a ranking and must not."""
    snapshot = serving.state.snapshot
    passing = {snapshot.ids[place] for place in np.flatnonzero(snapshot.mask(wanted))}
    known = {one.movie_id for one in history.ratings} | history.viewed | history.dismissed
    return {id_ for id_ in serving.rank(history, wanted).movie_ids if id_ in known or id_ not in passing}


@pytest.mark.parametrize("kind", SCORERS)
async def test_t63_nothing_known_or_filtered_is_ever_recommended(
    graph: GraphClient, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = await serving_over(graph, tmp_path, SCORERS[kind])

    @settings(max_examples=400, deadline=None)
    @given(HISTORIES, FILTERS)
    def check(history: UserHistory, wanted: MovieFilter) -> None:
        assert unwanted(serving, history, wanted) == set()
        everything = set(published.MOVIES.tolist())
        left = everything - set(serving.rank(history, wanted).movie_ids)
        hidden = {id_ for id_ in everything if id_ in history.known}
        filtered = {id_ for id_, passes in zip("12345", serving.state.snapshot.mask(wanted), strict=True) if not passes}
        assert left == hidden | filtered

    check()
    monkeypatch.setattr(Serving, "allowed", lambda self, state, history, wanted: state.present)
    assert unwanted(serving, rated(m1=5.0), ALL) == {"1"}


async def test_t63_a_movie_that_left_the_catalogue_is_not_recommended(graph: GraphClient, serving: Serving) -> None:
    await graph.writer.write(FORGET, id="2")
    await graph.writer.write(CHANGED)
    assert await serving.refresh()
    assert serving.rank(rated(m1=5.0), ALL).movie_ids == ("3", "4", "5")


# -- what adds up (N03) ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
@pytest.mark.parametrize("kind", SCORERS)
async def test_n03_contributions_add_up_to_the_score(
    loaded: dict[str, Serving], kind: str, history: UserHistory
) -> None:
    scored = loaded[kind].score(history)
    for place, movie_id in enumerate(scored.state.movie_ids):
        parts = scored.contributions(movie_id)
        assert abs(sum(one.value for one in parts) - scored.scores[place]) < 1e-5
        assert len({one.node for one in parts}) == len(parts)


@pytest.fixture
async def loaded(graph: GraphClient, tmp_path: Path) -> dict[str, Serving]:
    """A `Serving` for each kind of scorer."""
    return {kind: await serving_over(graph, tmp_path, scorer) for kind, scorer in SCORERS.items()}


async def test_n03_contributions_are_by_movie_and_preference(serving: Serving) -> None:
    history = replace(rated(m1=5.0, m4=4.0), preferences=(Preference(DRAMA, 0.5, "p"),))
    found = {str(one.node): one.value for one in serving.score(history).contributions("3")}
    assert found == {"Movie:1": 0.25, "Movie:4": 0.5, "Genre:drama": pytest.approx(0.0375)}


async def test_n03_popularity_is_a_contribution_of_the_movie_itself(serving: Serving) -> None:
    history = UserHistory("u", 1, preferences=(Preference(DRAMA, 1.0, "p"),))
    found = {str(one.node): one.value for one in serving.score(history).contributions("3")}
    assert found == {"Movie:3": 3.0, "Genre:drama": 0.75}


# -- same input, same bytes (T64) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCORERS)
async def test_t64_the_same_input_gives_the_same_bytes_also_elsewhere(
    graph: GraphClient, tmp_path: Path, kind: str
) -> None:
    first = await serving_over(graph, tmp_path, SCORERS[kind])
    other = Serving(graph.reader, tmp_path)
    await other.refresh()
    for history in (rated(m1=5.0, m3=4.0), UserHistory(None, None), rated(m2=4.5)):
        rankings = [one.rank(history, ALL) for one in (first, first, other)]
        assert len({(one.movie_ids, np.array(one.scores).tobytes()) for one in rankings}) == 1


# -- models that come and go -----------------------------------------------------------------------------------------


async def test_a_model_that_another_client_published_is_picked_up(
    graph: GraphClient, serving: Serving, tmp_path: Path
) -> None:
    before = serving.model_version
    assert not await serving.refresh()
    async with GraphClient(graph.address, GRAPH_SETTINGS) as other:
        version = await publish_model(other, tmp_path, FACTORS, "lightgcn")
    assert await serving.refresh()
    assert (before != version, serving.model_version) == (True, version)
    assert serving.state.snapshot.model == version
    assert not await serving.refresh()


async def corrupt(graph: GraphClient, root: Path, scorer: Scorer) -> str:
    """A published model whose artefact was damaged on the disk."""
    version = await publish_model(graph, root, scorer, "lightgcn")
    file = root / version / "popularity.npy"
    file.write_bytes(file.read_bytes()[:-1])
    return version


async def test_of_several_who_look_at_once_one_loads(graph: GraphClient, tmp_path: Path, serving: Serving) -> None:
    other, before = Serving(graph.reader, tmp_path), graph.session.statements
    assert await asyncio.gather(*(other.refresh() for _ in range(5))) == [True, False, False, False, False]
    assert graph.session.statements - before == 5 + 5  # each looks at the version; one reads the five parts


async def test_t25_a_corrupt_model_leaves_the_old_one_serving(
    graph: GraphClient, serving: Serving, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = serving.model_version, listed(serving.rank(rated(m1=5.0), ALL))
    broken = await corrupt(graph, tmp_path, FACTORS)
    with caplog.at_level(logging.ERROR, "recommenders.serving"):
        await serving.refresh()
    assert f"model {broken} cannot be served, {before[0]} goes on" in caplog.text
    assert (serving.model_version, listed(serving.rank(rated(m1=5.0), ALL))) == before
    caplog.clear()
    assert not await serving.refresh()
    assert caplog.text == ""
    good = await publish_model(graph, tmp_path, POPULAR, "popular")
    assert await serving.refresh()
    assert serving.model_version == good


async def test_a_corrupt_model_is_served_once_it_was_trained_anew(
    graph: GraphClient, serving: Serving, tmp_path: Path
) -> None:
    broken = await corrupt(graph, tmp_path, FACTORS)
    await serving.refresh()
    assert not await serving.refresh()
    assert await publish_model(graph, tmp_path, FACTORS, "lightgcn") == broken
    assert await serving.refresh()
    assert serving.model_version == broken


async def test_a_model_without_an_artefact_leaves_the_old_one_serving(
    graph: GraphClient, serving: Serving, tmp_path: Path
) -> None:
    before = serving.model_version
    await publish_model(graph, tmp_path / "elsewhere", FACTORS, "lightgcn")
    await serving.refresh()
    assert serving.model_version == before


async def test_a_graph_that_lost_its_model_serves_none_and_is_read_once(graph: GraphClient, serving: Serving) -> None:
    await graph.writer.write(WITHOUT_MODEL)
    assert await serving.refresh()
    assert serving.model_version == ""
    assert not await serving.refresh()


async def test_a_new_version_of_the_catalogue_is_read_again(graph: GraphClient, serving: Serving) -> None:
    await serving.histories.get("1")
    old = serving.state
    await graph.writer.write(CHANGED)
    assert await serving.refresh()
    assert serving.state.snapshot.version == old.snapshot.version + 1
    assert serving.state.base is old.base
    assert serving.histories._histories == {}


async def test_an_answer_is_made_from_one_state(graph: GraphClient, serving: Serving, tmp_path: Path) -> None:
    ranking = serving.rank(rated(m1=5.0), ALL)
    await publish_model(graph, tmp_path, POPULAR, "popular")
    await serving.refresh()
    assert ranking.scored.contributions("2")[0].value == 0.5
    assert ranking.scored.state is not serving.state


async def test_own_writes_reach_the_next_history(graph: GraphClient, serving: Serving) -> None:
    assert [one.movie_id for one in (await serving.histories.get("1")).ratings] == ["1", "3"]
    await actions.rate(graph.writer, "1", "4", 4.0, 3_000)
    serving.histories.forget("1")
    assert [one.movie_id for one in (await serving.histories.get("1")).ratings] == ["1", "3", "4"]


def test_the_tiny_graph_has_the_movies_of_the_models() -> None:
    assert published.MOVIES.tolist() == [row["id"] for row in tiny.MOVIES] == list("12345")


# -- the way back ----------------------------------------------------------------------------------------------------


async def test_t24_a_rollback_is_served_from_memory_with_one_statement(
    graph: GraphClient, serving: Serving, tmp_path: Path
) -> None:
    first, before = serving.model_version, serving.state
    second = await publish_model(graph, tmp_path, POPULAR, "popular")
    await serving.refresh()
    for version, scorer in ((first, ITEM_ITEM), (second, POPULAR), (first, ITEM_ITEM)):
        await activate(graph.writer, version)
        statements = graph.session.statements
        assert await serving.refresh()
        assert graph.session.statements - statements == 1
        fresh = Serving(graph.reader, tmp_path)
        await fresh.refresh()
        assert (serving.model_version, serving.state.snapshot.version) == (version, fresh.state.snapshot.version)
        for history in (rated(m1=5.0, m3=4.0), UserHistory(None, None)):
            assert listed(serving.rank(history, ALL)) == listed(fresh.rank(history, ALL))
        assert type(serving.state.base) is type(scorer)
    assert serving.state.slate is before.slate
    assert before.snapshot.version == serving.state.snapshot.version - 4


async def test_a_rollback_after_a_change_of_the_catalogue_reads_it_again(
    graph: GraphClient, serving: Serving, tmp_path: Path
) -> None:
    first = serving.model_version
    await publish_model(graph, tmp_path, POPULAR, "popular")
    await serving.refresh()
    await graph.writer.write(FORGET, id="5")
    await graph.writer.write(CHANGED)
    await activate(graph.writer, first)
    assert await serving.refresh()
    assert serving.model_version == first
    assert [id_ for id_, _ in listed(serving.rank(UserHistory(None, None), ALL))] == ["2", "1", "3", "4"]
