"""What is rated and watched lately: newer counts more, by half-lives, and only the newest is read."""

from pathlib import Path

import numpy as np
import pytest

from cinegraph.types import DAY
from graph import actions
from graph.catalog import read_statement
from graph.client import GraphClient
from graph.snapshot import load_snapshot
from recommenders.activity import DISLIKED, HALF_LIFE, NO_ACTIVITY, load_activity
from recommenders.serving import Serving
from tests import tiny
from tests.published import serving_over

MONTH = int(HALF_LIFE * DAY)
NOW = 40 * MONTH


async def test_an_event_counts_half_after_each_half_life(graph: GraphClient) -> None:
    await tiny.load(graph)  # its ratings are 40 half-lives old
    await actions.rate(graph.writer, "1", "2", 4.0, NOW)
    await actions.rate(graph.writer, "2", "4", 5.0, NOW - MONTH)
    await actions.view(graph.writer, "1", "4", 60, NOW - 2 * MONTH)
    await actions.rate(graph.writer, "2", "3", 1.0, NOW - 2 * MONTH)
    snapshot = await load_snapshot(graph.reader, 0, "")
    heat = (await load_activity(graph.reader)).heat(snapshot)
    assert heat == pytest.approx([0, 1, DISLIKED / 4, 0.5 + 0.25, 0], abs=1e-9)


async def test_what_is_not_in_the_catalogue_is_passed_over(graph: GraphClient) -> None:
    await tiny.load(graph)
    activity = await load_activity(graph.reader)
    assert sorted(activity.movie_ids) == ["1", "1", "2", "2", "3", "3", "4"]
    await graph.session.write("MATCH (m:Movie {id: '4'}) DETACH DELETE m", {})
    snapshot = await load_snapshot(graph.reader, 0, "")
    assert len(activity.heat(snapshot)) == 4
    assert NO_ACTIVITY.heat(snapshot).tolist() == [0, 0, 0, 0]


async def test_the_newest_are_read_from_the_end_of_an_index(graph: GraphClient) -> None:
    await tiny.load(graph)
    await graph.session.command("CALL db.awaitIndexes()", {})  # of a graph that was made a moment ago
    statement = read_statement("snapshot/activity")
    found = (await graph.reader.read(statement, count=2))[0]
    assert (found["movie"], found["at"]) == (["3", "2"], [2000, 1500])
    plan = (await graph.session.explain(statement.text, {"count": 2})).plan
    operators = []
    stack = [plan]
    while stack:
        one = stack.pop()
        operators.append(one["operatorType"].partition("@")[0])
        stack += one.get("children", [])
    by_index = [one for one in operators if "IndexSeek" in one or "IndexScan" in one]  # in order
    assert len(by_index) == 2, " ".join(operators)
    others = [one for one in operators if one not in by_index]
    assert not any("Scan" in one or one in ("Sort", "Top") for one in others), " ".join(operators)


async def test_the_trend_comes_with_the_state(graph: GraphClient, tmp_path: Path) -> None:
    serving: Serving = await serving_over(graph, tmp_path)
    heat = serving.state.heat
    assert np.argsort(-heat, kind="stable").tolist()[-1] == 4  # nobody rated the last movie
    assert heat[4] == 0 < heat[:4].min()
