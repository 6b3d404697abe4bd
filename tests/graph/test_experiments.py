"""Experiments in the graph: one at a time, exposures once, windows to the millisecond, sums by hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random

import pytest
import pytest_asyncio

from cinegraph.errors import InvalidInput, NotFound
from graph import experiments
from graph.catalog import WriteStatement, read_statement, write_statement
from graph.client import GraphClient, Row
from graph.experiments import OUTCOMES, count, expose, find_experiment, list_experiments, start, stop, stop_arm, sums
from tests import tiny
from tests.api.test_flat import total_hits
from tests.conftest import GRAPH_SETTINGS
from tests.experimenting import GUARDED, begun, crowd, did, experiment, exposed, exposure, pinned, recounted

AT = 10_000
"""When users are exposed; their windows are from 9,000 on before, and to 11,000 after."""


@pytest.fixture
async def tiny_graph(graph: GraphClient) -> GraphClient:
    await tiny.load(graph)
    return graph


@pytest_asyncio.fixture(loop_scope="session")
async def other(graph: GraphClient) -> AsyncIterator[GraphClient]:
    """Another server's client."""
    async with GraphClient(graph.address, GRAPH_SETTINGS) as client:
        yield client


async def counts(graph: GraphClient, user: str) -> Row:
    text = (
        "MATCH (:User {id: $user})-[r:EXPOSED]->() RETURN r.likedBefore AS before, r.liked AS liked, "
        "r.dismissedBefore AS dismissed_before, r.dismissed AS dismissed, r.viewedBefore AS viewed_before, "
        "r.viewed AS viewed"
    )
    (row,) = await graph.session.read(text, {"user": user})
    return row


# -- one at a time ---------------------------------------------------------------------------------------------------


async def test_what_was_started_is_read_back(tiny_graph: GraphClient) -> None:
    await tiny_graph.session.write("CREATE (:ModelVersion {id: 'ease-1'})", {})
    made = await begun(tiny_graph, arms=pinned("ease-1", diversity=0.25), guardrails=GUARDED)
    assert await list_experiments(tiny_graph.reader) == [made]
    assert await find_experiment(tiny_graph.reader) == made
    assert made.running


async def test_one_experiment_at_a_time_is_running_and_stopped_ones_stay(graph: GraphClient) -> None:
    await begun(graph, "one")
    with pytest.raises(InvalidInput, match="the experiment 'one' is running, and one at a time can be"):
        await start(graph.writer, experiment("two"))
    assert await stop(graph.writer, "one", "seen enough", 6_000)
    await begun(graph, "two", started_at=7_000)
    with pytest.raises(InvalidInput, match="there is an experiment 'one' already; give this one another id"):
        await start(graph.writer, experiment("one"))
    assert [(one.id, one.running, one.because) for one in await list_experiments(graph.reader)] == [
        ("two", True, ""),
        ("one", False, "seen enough"),
    ]
    with pytest.raises(NotFound, match="there is no experiment 'three'; there are: two, one"):
        await find_experiment(graph.reader, "three")


async def test_of_several_started_at_once_one_is_running(graph: GraphClient, other: GraphClient) -> None:
    made = [experiment(f"e{n}") for n in range(6)]
    clients = [graph, other] * 3
    starting = (start(client.writer, one) for client, one in zip(clients, made, strict=True))
    refused = [one for one in await asyncio.gather(*starting, return_exceptions=True) if one is not None]
    assert [type(one) for one in refused] == [InvalidInput] * 5
    assert len(await list_experiments(graph.reader)) == 1


async def test_of_several_who_stop_it_one_says_why(graph: GraphClient, other: GraphClient) -> None:
    await begun(graph)
    clients = [graph, other] * 4
    stopping = (stop(client.writer, "one", f"reason {n}", 6_000 + n) for n, client in enumerate(clients))
    stopped = await asyncio.gather(*stopping)
    assert sum(stopped) == 1
    one = await find_experiment(graph.reader)
    assert one.because == f"reason {stopped.index(True)}"
    assert [arm.stopped_at for arm in one.arms] == [one.stopped_at] * 2
    arms = (stop_arm(client.writer, "one", "new", "late", 9_000) for client in clients)
    assert not any(await asyncio.gather(*arms))


# -- exposures -------------------------------------------------------------------------------------------------------


async def test_a_user_is_exposed_once_from_the_first_time_on_by_two_servers(
    graph: GraphClient, other: GraphClient
) -> None:
    await begun(graph)
    users = [f"u{n:02}" for n in range(40)]
    batches = [[exposure(user, AT + server) for user in users] for server in range(4)]
    clients = (graph, other, graph, other)
    writing = (expose(client.writer, "one", batch) for client, batch in zip(clients, batches, strict=True))
    await asyncio.gather(*writing)
    assert await exposed(graph) == [{"experiment": "one", "user": user, "arm": "control", "at": AT} for user in users]


async def test_an_exposure_that_is_made_anew_each_time_would_be_noticed(
    graph: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: a relationship for each write."""
    whole = write_statement("experiment/expose")
    text = whole.text.replace("MERGE (u)-[r:EXPOSED]->(e)", "CREATE (u)-[r:EXPOSED]->(e)")
    assert text != whole.text
    monkeypatch.setattr(experiments, "write_statement", lambda _: WriteStatement(whole.name, text, whole.parameters))
    await graph.session.write("CREATE (:Experiment {id: 'one', window: 9})-[:HAS_ARM]->(:Arm {name: 'control'})", {})
    for at in (AT, AT + 1):
        await expose(graph.writer, "one", [exposure("a", at)])
    assert len(await exposed(graph)) == 2


async def test_an_exposure_to_what_was_stopped_is_none(graph: GraphClient) -> None:
    await begun(graph)
    await stop_arm(graph.writer, "one", "new", "harm", AT)
    rows = [exposure("a", AT - 1, "new"), exposure("b", AT, "new"), exposure("c", AT), exposure("d", AT + 10)]
    assert await expose(graph.writer, "one", rows) == 3
    await stop(graph.writer, "one", "seen enough", AT + 20)
    assert await expose(graph.writer, "one", [exposure("e", AT + 19), exposure("f", AT + 20)]) == 1
    assert [row["user"] for row in await exposed(graph)] == ["a", "c", "d", "e"]


async def test_an_exposure_leaves_the_version_of_a_history_alone(tiny_graph: GraphClient) -> None:
    await begun(tiny_graph)
    await tiny_graph.session.write("MATCH (u:User {id: '1'}) SET u.version = 7", {})
    await expose(tiny_graph.writer, "one", [exposure("1", AT), exposure("new", AT)])
    rows = await tiny_graph.session.read("MATCH (u:User) WHERE u.id IN ['1', 'new'] RETURN u.version AS v", {})
    assert sorted(row["v"] for row in rows) == [0, 7]


# -- windows ---------------------------------------------------------------------------------------------------------

EVENTS = [
    ("a", "RATED", "1", 4.0, AT - 1_001),  # a millisecond too early
    ("a", "RATED", "2", 4.0, AT - 1_000),  # the first of before
    ("a", "RATED", "3", 5.0, AT - 1),  # the last of before
    ("b", "RATED", "1", 4.0, AT),  # the first of after
    ("b", "RATED", "2", 5.0, AT + 999),  # the last of after
    ("b", "RATED", "3", 5.0, AT + 1_000),  # a millisecond too late
    ("b", "RATED", "4", 3.5, AT + 10),  # not liked
    ("a", "DISMISSED", "4", 0.0, AT - 5),
    ("b", "DISMISSED", "4", 0.0, AT + 5),
    ("b", "VIEWED", "1", 0.0, AT + 5),
    ("b", "VIEWED", "2", 0.0, AT - 5),
    ("b", "VIEWED", "3", 0.0, AT - 6),
]
COUNTED_A = {"before": 2, "liked": 0, "dismissed_before": 1, "dismissed": 0, "viewed_before": 0, "viewed": 0}
COUNTED_B = {"before": 0, "liked": 2, "dismissed_before": 0, "dismissed": 1, "viewed_before": 2, "viewed": 1}


async def check_windows(graph: GraphClient) -> None:
    await begun(graph)
    await did(graph, EVENTS)
    assert await expose(graph.writer, "one", [exposure("a", AT), exposure("b", AT)]) == 2
    assert await count(graph.writer, "one", AT + 2_000) == 2
    assert (await counts(graph, "a"), await counts(graph, "b")) == (COUNTED_A, COUNTED_B)


async def test_windows_end_to_the_millisecond(tiny_graph: GraphClient) -> None:
    await check_windows(tiny_graph)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("experiment/count", "r.at <= d.at", "r.at - 1000 <= d.at"),  # from before the exposure on
        ("experiment/count", "d.at < r.due", "d.at <= r.due"),
        ("experiment/expose", "d.at < row.at", "d.at <= row.at"),
        ("experiment/expose", "row.at - e.window <= d.at", "row.at - e.window < d.at"),
        ("experiment/count", "d.rating >= $liked", "d.rating < 9 + $liked"),
    ],
)
async def test_another_window_would_be_noticed(
    tiny_graph: GraphClient, monkeypatch: pytest.MonkeyPatch, name: str, right: str, wrong: str
) -> None:
    """Mutants of the statements: each gives other counts for the events above."""
    whole = write_statement(name)
    assert right in whole.text
    mutant = WriteStatement(name, whole.text.replace(right, wrong), whole.parameters)
    kept = experiments.write_statement
    monkeypatch.setattr(experiments, "write_statement", lambda asked: mutant if asked == name else kept(asked))
    with pytest.raises(AssertionError):
        await check_windows(tiny_graph)


async def test_a_window_is_counted_when_it_has_ended_and_once(tiny_graph: GraphClient) -> None:
    await begun(tiny_graph)
    await expose(tiny_graph.writer, "one", [exposure("a", AT), exposure("b", AT + 1)])
    await did(tiny_graph, [("a", "RATED", "1", 5.0, AT + 1)])
    assert await count(tiny_graph.writer, "one", AT + 999) == 0
    assert await count(tiny_graph.writer, "one", AT + 1_000) == 1
    await did(tiny_graph, [("a", "RATED", "1", 1.0, AT + 1_500), ("a", "RATED", "2", 5.0, AT + 2)])
    assert await count(tiny_graph.writer, "one", AT + 1_001) == 1
    assert await count(tiny_graph.writer, "one", AT + 9_000) == 0
    assert (await counts(tiny_graph, "a"))["liked"] == 1


async def test_what_was_before_stays_as_it_was_though_the_user_rates_anew(tiny_graph: GraphClient) -> None:
    await begun(tiny_graph)
    await did(tiny_graph, [("a", "RATED", "1", 5.0, AT - 10)])
    await expose(tiny_graph.writer, "one", [exposure("a", AT)])
    await did(tiny_graph, [("a", "RATED", "1", 4.5, AT + 10)])
    await count(tiny_graph.writer, "one", AT + 1_000)
    found = await counts(tiny_graph, "a")
    assert (found["before"], found["liked"]) == (1, 1)


async def test_a_window_that_its_arm_did_not_live_to_see_is_never_counted(tiny_graph: GraphClient) -> None:
    await begun(tiny_graph)
    rows = [exposure("a", AT, "new"), exposure("b", AT + 1, "new"), exposure("c", AT + 1), exposure("d", AT + 500)]
    await expose(tiny_graph.writer, "one", rows)
    await stop_arm(tiny_graph.writer, "one", "new", "harm", AT + 1_000)
    await stop(tiny_graph.writer, "one", "seen enough", AT + 1_001)
    assert await count(tiny_graph.writer, "one", AT + 9_000) == 2
    text = "MATCH (u:User)-[r:EXPOSED]->() WHERE r.countedAt IS NOT NULL RETURN collect(u.id) AS ids"
    (row,) = await tiny_graph.session.read(text, {})
    assert sorted(row["ids"]) == ["a", "c"]


async def test_more_windows_than_one_transaction_counts(graph: GraphClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.experiments.COUNTED", 3)
    await begun(graph)
    await expose(graph.writer, "one", [exposure(f"u{n}", AT) for n in range(7)])
    assert await count(graph.writer, "one", AT + 1_000) == 7


# -- sums ------------------------------------------------------------------------------------------------------------


async def test_sums_are_those_worked_out_by_hand(tiny_graph: GraphClient) -> None:
    """Control: y = 2, 0, 1 and x = 1, 0, 2; new: y = 3 and x = 1; one user of each arm waits for the end of the
    window and adds to the exposed alone."""
    await begun(tiny_graph)
    after = [("a", "1"), ("a", "2"), ("c", "1"), ("n", "1"), ("n", "2"), ("n", "3"), ("w", "1"), ("v", "1")]
    before = [("a", "3"), ("c", "3"), ("c", "4"), ("n", "4"), ("w", "3")]
    rows = [(user, "RATED", movie, 4.5, AT + 10) for user, movie in after]
    rows += [(user, "RATED", movie, 4.0, AT - 10) for user, movie in before]
    await did(tiny_graph, rows)
    shown = [("a", "control"), ("b", "control"), ("c", "control"), ("n", "new")]
    await expose(tiny_graph.writer, "one", [exposure(user, AT, arm) for user, arm in shown])
    await expose(tiny_graph.writer, "one", [exposure("w", AT + 9, "control"), exposure("v", AT + 9, "new")])
    assert await count(tiny_graph.writer, "one", AT + 1_000) == 4
    found = {(row.pop("arm"), row.pop("outcome")): row for row in await sums(tiny_graph.reader, ["one"])}
    control = {"id": "one", "exposed": 4, "users": 3, "y": 3, "yy": 5, "x": 3, "xx": 5, "xy": 4}
    new = {"id": "one", "exposed": 2, "users": 1, "y": 3, "yy": 9, "x": 1, "xx": 1, "xy": 3}
    nothing = {"y": 0, "yy": 0, "x": 0, "xx": 0, "xy": 0}
    assert found == {
        ("control", "liked"): control,
        ("new", "liked"): new,
        ("control", "dismissed"): {**control, **nothing},
        ("new", "dismissed"): {**new, **nothing},
        ("control", "viewed"): {**control, **nothing},
        ("new", "viewed"): {**new, **nothing},
    }


async def all_sums(graph: GraphClient) -> list[Row]:
    rows = await sums(graph.reader, ["one", "two"])
    return sorted(rows, key=lambda row: (row["id"], row["arm"], row["outcome"]))


async def test_sums_that_grew_are_those_of_all_exposures_whatever_came_late_or_twice(
    tiny_graph: GraphClient, other: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graph.experiments.COUNTED", 7)
    rng = Random(3)
    await begun(tiny_graph)
    for turn in range(12):
        seen = [exposure(f"u{rng.randrange(60):02}", AT + 100 * turn + rng.randrange(-300, 300)) for _ in range(12)]
        shown = [replace(one, arm="new" if int(one.user_id[1:]) % 3 else "control") for one in seen]
        rows = [(one.user_id, relation) for one in shown for relation in ("RATED", "DISMISSED", "VIEWED")]
        await did(tiny_graph, [(*row, rng.choice("12345"), 4.5, AT + rng.randrange(-900, 2_000)) for row in rows])
        writing = (expose(client.writer, "one", shown) for client in (tiny_graph, other))
        counting = (count(client.writer, "one", AT + 150 * turn) for client in (other, tiny_graph))
        await asyncio.gather(*writing, *counting)
        if turn == 9:
            await stop_arm(tiny_graph.writer, "one", "new", "harm", AT + 900)
    found = await all_sums(tiny_graph)
    await recounted(tiny_graph)
    assert await all_sums(tiny_graph) == found
    assert min(row["users"] for row in found) > 5
    assert all(row["exposed"] > row["users"] for row in found)
    assert {row["outcome"] for row in found if row["xy"]} == {"liked", "dismissed", "viewed"}


async def looked(graph: GraphClient) -> int:
    """Database hits of a look at the sums."""
    given = {"ids": ["one"], "outcomes": list(OUTCOMES)}
    return total_hits((await graph.session.explain(read_statement("experiment/sums").text, given, "PROFILE")).profile)


async def test_a_look_costs_the_same_however_many_users_were_shown_an_arm(graph: GraphClient) -> None:
    await begun(graph)
    await crowd(graph, "control", ["c0"], [1])
    await crowd(graph, "new", ["n0"], [1])
    few = await looked(graph)
    await crowd(graph, "control", [f"more-{n}" for n in range(2_000)], [1])
    assert await looked(graph) == few
    assert (await all_sums(graph))[0]["users"] == 2_001
