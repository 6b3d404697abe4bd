"""A candidate in the shadow: compared with what is answered, never in the way of an answer."""

import asyncio
import logging
import threading
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from cinegraph.types import IntRange, MovieFilter
from graph.client import GraphClient
from graph.models import Version, describe
from graph.shadows import read_figures, read_shadowed, write_shadowed
from recommenders.artifacts import save_artifact
from recommenders.context import Context
from recommenders.histories import Rated, UserHistory
from recommenders.publishing import promote
from recommenders.scorers import ItemItemScorer, Scorer
from recommenders.serving import Serving
from recommenders.shadow import WAITING, Shadow
from recommenders.shadow_figures import summed
from recommenders.slate import Tuning
from tests.published import FACTORS, ITEM_ITEM, MOVIES, POPULAR, POPULARITY, WEIGHTS, publish_model, serving_over

ALL = MovieFilter()
ANNA = UserHistory("1", 1, (Rated("1", 5.0, 1, "e"),))
TURNED = ItemItemScorer(-WEIGHTS, np.arange(5, dtype=np.int32), POPULARITY)
"""What is best for ITEM_ITEM is worst for it."""


async def staged(graph: GraphClient, root: Path, scorer: Scorer, name: str) -> str:
    """A version that is kept and not served."""
    about: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": "f" * 64}
    version = save_artifact(root, name, scorer, MOVIES, created_at=1, **about)
    await describe(graph.writer, Version(version, name, {}, "f" * 64, {}, version, status="staged"))
    return version


@pytest.fixture
async def live(graph: GraphClient, tmp_path: Path) -> Serving:
    return await serving_over(graph, tmp_path)


async def shadowing(graph: GraphClient, root: Path, live: Serving, version: str, share: float = 1.0) -> Shadow:
    """A server that has seen that the version is in the shadow."""
    await write_shadowed(graph.writer, version, share)
    shadow = Shadow(graph.writer, root, live, seconds=0.01)
    live.observer = shadow
    await shadow.refresh()
    return shadow


async def test_a_candidate_is_compared_with_what_is_answered(graph: GraphClient, tmp_path: Path, live: Serving) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    before = live.rank(ANNA, ALL)
    shadow = await shadowing(graph, tmp_path, live, version)
    after = [live.rank(ANNA, ALL) for _ in range(3)]
    shadow.drain()
    await shadow.close()
    assert [(one.movie_ids, one.scores) for one in after] == 3 * [(before.movie_ids, before.scores)]
    (noted,) = await read_figures(graph.reader)
    found = summed([noted.figures])
    assert (noted.version, found.requests, found.dropped, found.failed) == (version, 3, 0, 0)
    assert before.movie_ids == ("2", "3", "4", "5")
    assert (found.same_first, found.jaccard) == (0.0, 1.0), "the same four movies, the other way round"
    assert found.candidate_p50_ms
    assert found.live_p99_ms


async def test_the_same_model_agrees_with_itself(graph: GraphClient, tmp_path: Path, live: Serving) -> None:
    version = await staged(graph, tmp_path, ITEM_ITEM, "itemknn")
    shadow = await shadowing(graph, tmp_path, live, version)
    live.rank(ANNA, ALL)
    live.rank(UserHistory(None, None), MovieFilter(genres=("drama",)))
    live.rank(UserHistory(None, None), ALL, context=Context(years=IntRange(2000, 2001)))
    live.rank(ANNA, ALL, tuning=Tuning(fresh=0.5, exploration=0.5), day=3)
    shadow.drain()
    assert shadow.figures is not None
    found = summed([shadow.figures.as_json()])
    assert (found.requests, found.same_first, found.jaccard) == (4, 1.0, 1.0)
    assert found.overlap == pytest.approx(1)
    await shadow.close()


async def test_a_version_that_is_promoted_leaves_the_shadow(graph: GraphClient, tmp_path: Path, live: Serving) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadow = await shadowing(graph, tmp_path, live, version)
    live.rank(ANNA, ALL)
    shadow.drain()
    await promote(graph.writer, tmp_path, version)
    await live.refresh()
    assert live.model_version == version
    live.rank(ANNA, ALL)
    shadow.drain()
    assert shadow.figures is not None
    assert shadow.figures.requests == 1, "an answer of another model than it was begun beside is compared with nothing"
    assert await read_shadowed(graph.reader) is None
    await shadow.refresh()
    assert shadow.figures is None
    await shadow.close()


async def test_a_share_of_the_requests_is_scored(graph: GraphClient, tmp_path: Path, live: Serving) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadow = await shadowing(graph, tmp_path, live, version, 0.25)
    shadow._drawn = Random("a server")
    for _ in range(200):
        live.rank(ANNA, ALL)
        shadow.drain()
    assert shadow.figures is not None
    assert shadow.figures.requests == 37
    await shadow.close()


async def test_a_candidate_that_takes_long_delays_no_answer_and_what_it_cannot_take_is_dropped(
    graph: GraphClient, tmp_path: Path, live: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs at its first request until all answers are made."""
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadow = await shadowing(graph, tmp_path, live, version)
    began, go_on = threading.Event(), threading.Event()
    assert shadow._candidate is not None
    assert shadow._candidate.serving is not None
    rank = shadow._candidate.serving.rank

    def hanging(*given: Any, **named: Any) -> Any:
        began.set()
        assert go_on.wait(60)
        return rank(*given, **named)

    monkeypatch.setattr(shadow._candidate.serving, "rank", hanging)
    live.rank(ANNA, ALL)
    assert await asyncio.to_thread(began.wait, 60)
    answers = [live.rank(ANNA, ALL) for _ in range(WAITING + 36)]
    assert len({one.movie_ids for one in answers}) == 1
    go_on.set()
    shadow.drain()
    assert shadow.figures is not None
    assert (shadow.figures.requests, shadow.figures.dropped) == (1 + WAITING, 36)
    await shadow.close()


async def test_a_candidate_that_fails_while_it_scores_harms_no_answer(
    graph: GraphClient, tmp_path: Path, live: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadow = await shadowing(graph, tmp_path, live, version)
    assert shadow._candidate is not None

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("no such row")

    monkeypatch.setattr(shadow._candidate.serving, "rank", broken)
    with caplog.at_level(logging.WARNING):
        answers = [live.rank(ANNA, ALL).movie_ids for _ in range(3)]
        shadow.drain()
    assert answers == 3 * [("2", "3", "4", "5")]
    await shadow.close()
    (noted,) = await read_figures(graph.reader)
    found = summed([noted.figures])
    assert (found.requests, found.failed, found.error) == (0, 3, "ZeroDivisionError: no such row")
    assert len(caplog.records) == 1, "it is told of once"


async def test_a_candidate_that_cannot_be_loaded_harms_no_answer_and_says_why(
    graph: GraphClient, tmp_path: Path, live: Serving
) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    (tmp_path / version / "weights.npy").write_bytes(b"")
    shadow = await shadowing(graph, tmp_path, live, version)
    assert live.rank(ANNA, ALL).movie_ids == ("2", "3", "4", "5")
    shadow.drain()
    await shadow.close()
    (noted,) = await read_figures(graph.reader)
    assert noted.figures["failed"] == 1
    assert "weights.npy is truncated" in noted.figures["error"]


async def test_what_the_graph_says_is_picked_up_and_what_was_counted_stays(
    graph: GraphClient, tmp_path: Path, live: Serving
) -> None:
    first = await staged(graph, tmp_path, TURNED, "itemknn")
    second = await staged(graph, tmp_path, FACTORS, "lightgcn")
    shadow = await shadowing(graph, tmp_path, live, first)
    live.rank(ANNA, ALL)
    shadow.drain()
    await write_shadowed(graph.writer, second)
    await shadow.refresh()
    live.rank(ANNA, ALL)
    live.rank(ANNA, ALL)
    shadow.drain()
    await write_shadowed(graph.writer, None)
    await shadow.refresh()
    live.rank(ANNA, ALL)
    assert shadow.figures is None
    found = {one.version: one.figures["requests"] for one in await read_figures(graph.reader)}
    assert found == {first: 1, second: 2}
    await write_shadowed(graph.writer, first)
    found = {one.version: one.figures["requests"] for one in await read_figures(graph.reader)}
    assert found == {second: 2}, "it is counted anew"
    await shadow.close()


async def test_a_candidate_follows_the_catalogue_and_the_live_model(
    graph: GraphClient, tmp_path: Path, live: Serving
) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadow = await shadowing(graph, tmp_path, live, version)
    await publish_model(graph, tmp_path, POPULAR, "popular")
    await live.refresh()
    await shadow.refresh()
    assert shadow._candidate is not None
    assert shadow._candidate.serving is not None
    assert shadow._candidate.serving.state.snapshot is live.state.snapshot
    assert (shadow._candidate.serving.model_version, live.model_version) == (version, live.state.version)
    await shadow.close()


async def test_several_servers_write_under_their_own_keys(graph: GraphClient, tmp_path: Path, live: Serving) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadows = []
    for _ in range(2):
        serving = Serving(graph.reader, tmp_path)
        await serving.refresh()
        shadow = Shadow(graph.writer, tmp_path, serving)
        serving.observer = shadow
        if not shadows:
            await write_shadowed(graph.writer, version)
        await shadow.refresh()
        serving.rank(ANNA, ALL)
        shadow.drain()
        shadows.append(shadow)
    for shadow in shadows:
        await shadow.close()
    noted = await read_figures(graph.reader)
    assert len({one.server for one in noted}) == 2
    assert summed([one.figures for one in noted]).requests == 2


async def test_no_fault_ends_the_looks_for_a_version_in_the_shadow(
    graph: GraphClient, tmp_path: Path, live: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = await staged(graph, tmp_path, TURNED, "itemknn")
    shadow = Shadow(graph.writer, tmp_path, live, seconds=0.01)
    refresh, faults = shadow.refresh, [ValueError("a fault"), KeyError("another")]

    async def failing() -> None:
        if faults:
            raise faults.pop()
        await refresh()

    monkeypatch.setattr(shadow, "refresh", failing)
    watching = asyncio.create_task(shadow.watch())
    await write_shadowed(graph.writer, version)
    async with asyncio.timeout(30):
        while shadow.figures is None:
            await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.wait([watching])
    assert faults == []
    assert await read_shadowed(graph.reader) is not None
