"""Experiments as they are run: what cannot begin, what is said of numbers by hand, what stops them."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cinegraph.errors import ArtifactCorrupt, GraphUnavailable, InvalidInput, ModelError, NotFound
from graph.client import GraphClient, Reader
from graph.experiments import Limit, RecordedArm, find_experiment, note_faults
from recommenders import conduct
from recommenders.arms import Arms
from recommenders.conduct import end, look, settle, start
from recommenders.experiments import Decision
from recommenders.sequential import Sums, difference
from recommenders.standing import Standing, standings
from tests import tiny
from tests.conftest import GRAPH_SETTINGS
from tests.experimenting import GUARDED, begun, crowd, experiment, pinned
from tests.published import FACTORS, publish_model, serving_over

EVEN = [0, 1, 2, 3]
"""Movies liked by one user after the other: a mean of 1.5."""


def users(arm: str, count: int) -> list[str]:
    return [f"{arm}-{n}" for n in range(count)]


async def halves(
    graph: GraphClient, control: int = 400, new: int = 400, more: Sequence[int] = EVEN, bad: int = 0
) -> None:
    """Control with a mean of 1.5, the other arm with these likes and so many dismissals each."""
    await crowd(graph, "control", users("control", control), EVEN)
    await crowd(graph, "new", users("new", new), more, bad)


async def standing(graph: GraphClient) -> Standing:
    (found,) = await standings(graph.reader, ["one"])
    return found


# -- beginning -------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_served_does_not_begin(graph: GraphClient, tmp_path: Path) -> None:
    await tiny.load(graph)
    with pytest.raises(ModelError, match="no model is active yet"):
        await start(graph.writer, tmp_path, experiment())
    active = (await serving_over(graph, tmp_path)).model_version
    for arms in (pinned(""), pinned(active)):
        with pytest.raises(InvalidInput, match=f"all arms of one have the model {active} and the same dials"):
            await start(graph.writer, tmp_path, experiment(arms=arms))
    with pytest.raises(NotFound, match=f"there is no model version 'nosuch-1'; there are: {active}"):
        await start(graph.writer, tmp_path, experiment(arms=pinned("nosuch-1")))
    version = await publish_model(graph, tmp_path, FACTORS, "lightgcn")
    (tmp_path / version / "popularity.npy").unlink()
    with pytest.raises(ArtifactCorrupt, match=r"popularity\.npy cannot be read"):
        await start(graph.writer, tmp_path, experiment(arms=pinned(version, active)))
    with pytest.raises(NotFound, match="there is no experiment yet"):
        await find_experiment(graph.reader)
    again = experiment(arms=pinned(active, active, novelty=0.5))
    await start(graph.writer, tmp_path, again)
    assert (await find_experiment(graph.reader)).running
    await end(graph.writer, "one", "seen enough")
    with pytest.raises(InvalidInput, match="the salt 'one' is that of the experiment 'one': each user would be in the"):
        await start(graph.writer, tmp_path, replace(again, id="two"))
    await start(graph.writer, tmp_path, replace(again, id="two", salt="two"))


async def test_an_experiment_ends_once(graph: GraphClient) -> None:
    await begun(graph)
    await end(graph.writer, "one", "seen enough")
    with pytest.raises(InvalidInput, match="the experiment 'one' was stopped already: seen enough"):
        await end(graph.writer, "one", "again")
    with pytest.raises(NotFound, match="there is no experiment 'two'; there are: one"):
        await end(graph.writer, "two", "")


# -- what is said ----------------------------------------------------------------------------------------------------


async def test_before_anybody_was_shown_anything_nothing_is_said(graph: GraphClient) -> None:
    await begun(graph, guardrails=GUARDED)
    found = await standing(graph)
    assert [(one.arm.name, one.exposed, one.users, one.mean) for one in found.arms] == [
        ("control", 0, 0, None),
        ("new", 0, 0, None),
    ]
    verdict = found.arms[1].verdict
    assert verdict is not None
    assert (verdict.decision, verdict.reason) == (
        Decision.UNDECIDED,
        "fewer than 100 users of new or of control are counted so far",
    )
    assert found.as_json()["arms"][1] | {"low": None, "high": None, "difference": 0.0} == found.as_json()["arms"][1]


async def test_what_is_said_is_what_the_statistics_say_of_the_numbers(graph: GraphClient) -> None:
    await begun(graph, guardrails=GUARDED)
    await halves(graph, more=[2, 3, 4, 5])
    found = await standing(graph)
    control, new = found.arms
    assert (control.users, control.mean, control.verdict) == (400, 1.5, None)
    assert (new.users, new.mean) == (400, 3.5)
    expected = difference(Sums.of([0, 1, 2, 3] * 100), Sums.of([2, 3, 4, 5] * 100), 0.05, 10_000)
    assert new.verdict is not None
    assert (new.verdict.decision, str(new.verdict.difference)) == (Decision.BETTER, str(expected))
    assert [(one.outcome, one.at_most) for one in new.guardrails] == [("dismissed", 0.2)]
    assert (found.mismatch, found.mismatch_p) == (False, 1.0)


# -- what stops it ---------------------------------------------------------------------------------------------------


async def test_a_difference_alone_stops_nothing(graph: GraphClient) -> None:
    await begun(graph, guardrails=GUARDED)
    await halves(graph, more=[0, 0, 0, 1])
    found, done = await settle(graph.writer, "one")
    assert (found.experiment.running, done) == (True, ())
    assert found.arms[1].verdict is not None
    assert found.arms[1].verdict.decision is Decision.WORSE


async def test_a_broken_guardrail_stops_the_arm_and_the_last_one_the_experiment(graph: GraphClient) -> None:
    await begun(graph, guardrails=GUARDED)
    await halves(graph, bad=1)
    found, done = await settle(graph.writer, "one")
    reason = "dismissed: the difference 1.0000 [1.0000, 1.0000] is surely above 0.2"
    assert done == (
        f"arm new of one was stopped: {reason}",
        "experiment one was stopped: no arm is left beside control",
    )
    assert (found.experiment.running, found.experiment.because) == (False, "no arm is left beside control")
    assert [arm.because for arm in found.experiment.arms] == ["", reason]
    assert found.arms[1].verdict is not None
    assert (found.arms[1].verdict.decision, found.arms[1].verdict.reason) == (Decision.STOPPED, reason)
    again, done = await settle(graph.writer, "one")
    assert (again.experiment, done) == (found.experiment, ())


async def test_the_other_arms_go_on_when_one_is_stopped(graph: GraphClient) -> None:
    arms = [RecordedArm("control", 0.5), RecordedArm("new", 0.25), RecordedArm("other", 0.25)]
    await begun(graph, arms=arms, guardrails=GUARDED)
    await halves(graph, new=200, bad=1)
    await crowd(graph, "other", users("other", 200), [1, 2, 3, 4])
    _, done = await settle(graph.writer, "one")
    assert len(done) == 1
    await crowd(graph, "control", users("later-control", 2_000), EVEN)
    await crowd(graph, "other", users("later-other", 1_000), [1, 2, 3, 4])
    found, done = await settle(graph.writer, "one")
    assert (found.experiment.running, done, found.mismatch) == (True, (), False)
    decisions = [one.verdict.decision if one.verdict else None for one in found.arms]
    assert decisions == [None, Decision.STOPPED, Decision.BETTER]


async def test_a_guardrail_that_holds_stops_nothing(graph: GraphClient) -> None:
    await begun(graph, guardrails=(Limit("dismissed", at_most=1.0), Limit("viewed", at_least=-0.1)))
    await halves(graph, bad=1)
    assert (await settle(graph.writer, "one"))[1] == ()


async def test_users_that_do_not_fit_the_shares_stop_everything(graph: GraphClient) -> None:
    await begun(graph)
    await halves(graph, control=500, new=300, more=[9, 9, 9, 8])
    found, done = await settle(graph.writer, "one")
    assert found.mismatch
    assert len(done) == 1
    assert "experiment one was stopped: users do not fit the shares (p = 9e-07: control 500, new 300)" in done[0]
    assert [arm.because for arm in found.experiment.arms] == ["", ""]


async def test_of_several_servers_one_stops_it_and_says_so(graph: GraphClient, tmp_path: Path) -> None:
    await begun(graph, guardrails=GUARDED)
    await halves(graph, bad=1)
    async with GraphClient(graph.address, GRAPH_SETTINGS) as other:
        done = await asyncio.gather(*(settle(client.writer, "one") for client in (graph, other) * 3))
    said = sorted(words for _, one in done for words in one)
    assert [words.split(":")[0] for words in said] == ["arm new of one was stopped", "experiment one was stopped"]


# -- the watch of a server -------------------------------------------------------------------------------------------


async def test_a_server_stops_what_breaks_and_tells_its_log(
    graph: GraphClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    serving = await serving_over(graph, tmp_path)
    await begun(graph, arms=pinned("", novelty=0.5), guardrails=GUARDED)
    await halves(graph, bad=1)
    before = graph.session.statements
    await look(graph.writer, serving.arms)
    assert graph.session.statements == before, "there is no experiment as far as this server knows"
    await serving.refresh()
    with caplog.at_level(logging.WARNING, "recommenders.conduct"):
        await look(graph.writer, serving.arms)
    assert len(caplog.records) == 2
    assert "arm new of one was stopped: dismissed" in caplog.text
    await serving.refresh()
    assert serving.served("anybody").arm == ""


async def test_what_a_server_cannot_serve_stands_in_the_graph(graph: GraphClient, tmp_path: Path) -> None:
    serving = await serving_over(graph, tmp_path)
    version = await publish_model(graph, tmp_path / "elsewhere", FACTORS, "lightgcn")
    await graph.session.write("MATCH (m:Meta) SET m.activeModel = $id", {"id": serving.model_version})
    await begun(graph, arms=pinned(version))
    await serving.refresh()
    await look(graph.writer, serving.arms)
    fault = (await find_experiment(graph.reader)).arms[1]
    assert f"there is no model {version!r}" in fault.fault
    assert fault.fault_at is not None
    assert not await serving.refresh(), "what a server says of itself is nothing new to it"
    await note_faults(graph.writer, "one", {"new": "later"}, 9)
    assert (await find_experiment(graph.reader)).arms[1].fault == "later"


async def test_no_fault_ends_the_looks(
    graph: GraphClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failures: list[Exception] = [GraphUnavailable("away"), GraphUnavailable("away"), KeyError("a fault")]
    ended = asyncio.Event()

    async def failing(writer: Reader, arms: Arms) -> None:
        if failures:
            raise failures.pop(0)
        ended.set()

    monkeypatch.setattr(conduct, "look", failing)
    with caplog.at_level(logging.WARNING):
        watcher = asyncio.create_task(conduct.watch(graph.writer, Arms(tmp_path), 0.001))
        await asyncio.wait_for(ended.wait(), 10)
        watcher.cancel()
    assert caplog.messages == [
        "could not judge the running experiment, which is tried on: away",
        "a fault while judging the running experiment; it goes on",
    ]
