"""Histories: read once, forgotten when told, and what a visitor says to like beside them."""

import pytest

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph import actions
from graph.client import GraphClient
from graph.snapshot import UNKNOWN
from recommenders.histories import Histories, Preference, Rated, UserHistory
from tests import tiny


@pytest.fixture
async def tiny_graph(graph: GraphClient) -> GraphClient:
    await tiny.load(graph)
    return graph


async def test_a_history_holds_all_that_the_user_did(tiny_graph: GraphClient) -> None:
    writer, drama = tiny_graph.writer, NodeRef(Label.GENRE, "drama")
    await actions.view(writer, "1", "4", 60, 3_000)
    await actions.dismiss(writer, "1", "5", 3_000)
    await actions.prefer(writer, "1", [actions.Stated(drama, 0.5)], 3_000)
    history = await Histories(tiny_graph.reader, 10).get("1")
    assert [(one.movie_id, one.rating, one.at) for one in history.ratings] == [("1", 5.0, 1_000), ("3", 2.0, 2_000)]
    assert (history.viewed, history.dismissed, history.version) == ({"4"}, {"5"}, 3)
    assert [(one.node, one.weight) for one in history.preferences] == [(drama, 0.5)]
    assert history.known == {"1", "3", "4", "5"}


async def test_a_user_that_nobody_has_seen_has_an_empty_history(tiny_graph: GraphClient) -> None:
    assert await Histories(tiny_graph.reader, 10).get("new") == UserHistory("new", None)


async def test_a_history_is_read_once_until_it_is_forgotten(tiny_graph: GraphClient) -> None:
    histories = Histories(tiny_graph.reader, 10)
    first = await histories.get("1")
    sent = tiny_graph.session.statements
    assert await histories.get("1") is first
    assert tiny_graph.session.statements == sent
    histories.forget("1")
    assert await histories.get("1") is not first
    assert tiny_graph.session.statements == sent + 1


async def test_the_user_seen_longest_ago_is_dropped(tiny_graph: GraphClient) -> None:
    histories = Histories(tiny_graph.reader, 2)
    for user in ("1", "2", "1", "3"):
        await histories.get(user)
    sent = tiny_graph.session.statements
    await histories.get("1")
    await histories.get("3")
    assert tiny_graph.session.statements == sent
    await histories.get("2")
    assert tiny_graph.session.statements == sent + 1


def test_what_is_said_to_be_liked_stands_beside_ratings_and_does_not_replace_them() -> None:
    history = UserHistory("u", 7, (Rated("1", 2.0, 5, "e"),), frozenset({"9"}), frozenset({"8"}))
    found = history.with_liked(["1", "2", "2"], 5.0)
    assert found.ratings == (Rated("1", 2.0, 5, "e"), Rated("2", 5.0, 0, ""))
    assert (found.user_id, found.version, found.viewed, found.dismissed) == ("u", 7, {"9"}, {"8"})
    assert found.known == {"1", "2", "8", "9"}


def test_only_a_rating_in_the_graph_has_a_relationship() -> None:
    history = UserHistory(
        "u", 1, (Rated("1", 5.0, 5, "e"),), preferences=(Preference(NodeRef(Label.GENRE, "g"), 1, "p"),)
    )
    rated, liked = history.with_liked(["2"], 5.0).ratings
    edge = EdgeRef(Relation.RATED, NodeRef(Label.USER, "u"), NodeRef(Label.MOVIE, "1"), "e")
    assert history.rating_edge(rated) == edge
    assert history.rating_edge(liked) is None
    assert UserHistory(None, None).rating_edge(rated) is None


async def test_histories_hold_no_more_than_so_many_entries_and_always_the_last_user(tiny_graph: GraphClient) -> None:
    histories = Histories(tiny_graph.reader, 10, entries=4)
    for user, held in (("1", ["1"]), ("2", ["1", "2"]), ("3", ["3"])):  # with 2, 2 and 3 ratings
        await histories.get(user)
        assert list(histories._histories) == held
        assert histories.entries == sum(one.entries for one in histories._histories.values())
    histories.forget("3")
    assert histories.entries == 0
    small = Histories(tiny_graph.reader, 10, entries=1)
    assert len((await small.get("3")).ratings) == 3
    assert list(small._histories) == ["3"]
    small.clear()
    assert small.entries == 0


async def test_an_outdated_history_stands_in_without_what_was_written_until_it_is_read_anew(
    tiny_graph: GraphClient,
) -> None:
    histories = Histories(tiny_graph.reader, 10)
    whole = await histories.get("1")
    histories.outdate("1", ["3", "5"])
    histories.outdate("1")
    found = histories.remembered("1")
    assert found == UserHistory("1", UNKNOWN, (whole.ratings[0],), dismissed=frozenset({"3", "5"}))
    assert (found.is_stand_in, found.known, histories.entries) == (True, {"1", "3", "5"}, 3)
    assert await histories.get("1") == histories.remembered("1") == whole
    assert histories.entries == 2


async def test_stand_ins_count_as_histories_do(tiny_graph: GraphClient) -> None:
    histories = Histories(tiny_graph.reader, 2, entries=4)
    histories.outdate("nobody")
    assert (histories.remembered("nobody"), histories.entries) == (None, 0)
    for number in range(5):
        histories.outdate(f"u{number}", ["1"])
    assert (list(histories._histories), histories.entries) == (["u3", "u4"], 2)
    histories.outdate("u4", ["1", "2", "3", "4"])
    assert (list(histories._histories), histories.entries) == (["u4"], 4)
