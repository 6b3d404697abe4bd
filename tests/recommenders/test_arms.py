"""Arms as they are served: sticky, each by its own model over one catalogue, and the active one again at the end."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cinegraph.types import MovieFilter
from graph.client import GraphClient
from graph.experiments import RecordedArm, stop, stop_arm
from recommenders import arms as arms_module
from recommenders.experiments import arm_of
from recommenders.histories import Rated, UserHistory
from recommenders.publishing import rollback
from recommenders.serving import Serving
from recommenders.slate import Tuning
from tests.conftest import GRAPH_SETTINGS
from tests.experimenting import begun, pinned, users_of
from tests.published import FACTORS, ITEM_ITEM, POPULAR, publish_model, serving_over

ALIEN = UserHistory("u", 1, (Rated("1", 5.0, 1, "e"),))
CONTROL, NEW = users_of("control", 5), users_of("new", 5)


@pytest.fixture
async def versions(graph: GraphClient, tmp_path: Path) -> dict[str, str]:
    """Three versions; the item-item one is active."""
    await serving_over(graph, tmp_path, FACTORS)
    found = {"factors": await publish_model(graph, tmp_path, FACTORS, "lightgcn")}
    found["popular"] = await publish_model(graph, tmp_path, POPULAR, "popular")
    return {**found, "active": await publish_model(graph, tmp_path, ITEM_ITEM)}


@pytest.fixture
async def serving(graph: GraphClient, versions: dict[str, str], tmp_path: Path) -> Serving:
    found = Serving(graph.reader, tmp_path)
    await found.refresh()
    return found


def made_by(serving: Serving, user: str | None) -> tuple[str, str]:
    """The arm of a user, and the version that made their list."""
    served = serving.served(user)
    ranking = serving.rank(ALIEN, MovieFilter(), state=served.state)
    return served.arm, ranking.scored.state.version


async def test_each_arm_is_served_by_its_version_over_one_catalogue(
    graph: GraphClient, serving: Serving, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    assert made_by(serving, NEW[0]) == ("", versions["active"])
    assert await serving.refresh()
    assert {made_by(serving, user) for user in CONTROL} == {("control", versions["active"])}
    assert {made_by(serving, user) for user in NEW} == {("new", versions["factors"])}
    assert made_by(serving, None) == ("", versions["active"])
    control, new = serving.served(CONTROL[0]).state, serving.served(NEW[0]).state
    assert control is serving.state
    assert new.snapshot is control.snapshot
    by_factors = serving.rank(ALIEN, MovieFilter(), state=new).movie_ids
    assert (by_factors, serving.rank(ALIEN, MovieFilter()).movie_ids) == (("2", "3", "5", "4"), ("2", "3", "4", "5"))
    assert not await serving.refresh()


async def test_two_servers_say_the_same_of_every_user(
    graph: GraphClient, serving: Serving, versions: dict[str, str], tmp_path: Path
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    async with GraphClient(graph.address, GRAPH_SETTINGS) as client:
        other = Serving(client.reader, tmp_path)
        await other.refresh()
        await serving.refresh()
        users = [f"user-{n}" for n in range(500)]
        mine, theirs = ([one.served(user).arm for user in users] for one in (serving, other))
    assert mine == theirs == [arm_of("one", user, {"control": 0.5, "new": 0.5}) for user in users]
    assert set(mine) == {"control", "new"}


async def test_the_end_restores_the_active_model_and_lets_go_of_the_others(
    graph: GraphClient, serving: Serving, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    await serving.refresh()
    await stop(graph.writer, "one", "seen enough", 9_000)
    assert await serving.refresh()
    assert {made_by(serving, user) for user in [*CONTROL, *NEW]} == {("", versions["active"])}
    assert (serving.arms.loaded.states, serving.arms.loaded.active) == ({}, None)
    assert not await serving.refresh()


async def test_an_arm_that_was_stopped_gets_what_everybody_gets(
    graph: GraphClient, serving: Serving, versions: dict[str, str]
) -> None:
    arms = (*pinned(versions["factors"])[:1], RecordedArm("one", 0.25, versions["factors"]), RecordedArm("two", 0.25))
    await begun(graph, arms=arms)
    await stop_arm(graph.writer, "one", "one", "harm", 9_000)
    await serving.refresh()
    shares = {"control": 0.5, "one": 0.25, "two": 0.25}
    assert {made_by(serving, user) for user in users_of("one", 3, shares=shares)} == {("", versions["active"])}
    assert serving.arms.loaded.states == {}


async def test_a_model_promoted_meanwhile_serves_the_arms_that_follow_it(
    graph: GraphClient, serving: Serving, versions: dict[str, str], tmp_path: Path
) -> None:
    """The arm that is pinned keeps its version, also the one that was the active one."""
    await begun(graph, arms=pinned(versions["active"], novelty=1.0))
    await serving.refresh()
    assert serving.arms.loaded.states == {}
    popular = await publish_model(graph, tmp_path, POPULAR, "popular")
    await serving.refresh()
    assert (made_by(serving, CONTROL[0]), made_by(serving, NEW[0])) == (
        ("control", popular),
        ("new", versions["active"]),
    )
    assert serving.served(NEW[0]).state.snapshot is serving.state.snapshot


async def test_a_new_catalogue_is_that_of_every_arm(
    graph: GraphClient, serving: Serving, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    await serving.refresh()
    before = serving.served(NEW[0]).state
    await graph.session.write("MATCH (m:Meta {id: 'graph'}) SET m.version = m.version + 1", {})
    await serving.refresh()
    after = serving.served(NEW[0]).state
    assert (after.base is before.base, after.snapshot is before.snapshot) == (True, False)
    assert after.snapshot is serving.state.snapshot


async def test_an_arm_whose_model_cannot_be_loaded_gets_the_active_one_and_is_told_of_once(
    graph: GraphClient, serving: Serving, versions: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / versions["factors"] / "popularity.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    await begun(graph, arms=pinned(versions["factors"]))
    with caplog.at_level(logging.ERROR, "recommenders.arms"):
        assert await serving.refresh()
        assert not await serving.refresh()
    (record,) = caplog.records
    assert f"model {versions['factors']} of an experiment cannot be served" in record.getMessage()
    served = serving.served(NEW[0])
    assert (served.state is serving.state, served.arm, served.differs()) == (True, "", False)
    assert serving.served(CONTROL[0]).arm == "control"
    assert list(serving.arms.loaded.faults) == ["new"]
    file.write_bytes(whole)
    assert await serving.refresh()
    assert made_by(serving, NEW[0]) == ("new", versions["factors"])
    assert serving.arms.loaded.faults == {}


async def test_dials_of_an_arm_stand_in_place_of_the_servers(
    graph: GraphClient, serving: Serving, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned("", diversity=0.5))
    await serving.refresh()
    default = Tuning(diversity=0.1, novelty=0.2)
    assert serving.served(NEW[0]).tuning(default) == Tuning(diversity=0.5, novelty=0.2)
    assert serving.served(CONTROL[0]).tuning(default) == default
    assert serving.served(None).tuning(default) == default


async def test_only_what_differs_exposes_and_in_every_arm_alike(
    graph: GraphClient, serving: Serving, versions: dict[str, str]
) -> None:
    await begun(graph, arms=pinned("", diversity=0.5))
    await serving.refresh()
    for user in (CONTROL[0], NEW[0]):
        served = serving.served(user)
        assert [served.differs(asked) for asked in ((), ("novelty",), ("diversity",), ("diversity", "novelty"))] == [
            True, True, False, False,
        ]  # fmt: skip
    assert not serving.served(None).differs(())
    await stop(graph.writer, "one", "", 9_000)
    await begun(graph, "two", pinned(versions["factors"], diversity=0.5))
    await serving.refresh()
    for user in (*users_of("control", 1, "two"), *users_of("new", 1, "two")):
        assert serving.served(user).differs(("diversity", "novelty", "calibration"))


# -- while models of arms are loaded -----------------------------------------------------------------------------------


class Gate:
    """Holds up whoever makes an arm's state, in the thread that makes it, until it is `open`."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def through(self, made: Callable[..., Any]) -> Callable[..., Any]:
        def held(*given: Any) -> Any:
            self.reached.set()
            assert self.open.wait(60)
            return made(*given)

        return held


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Arms' models are loaded, and set over a new catalogue, through it."""
    found = Gate()
    for name in ("load_artifact", "state_over"):
        monkeypatch.setattr(arms_module, name, found.through(getattr(arms_module, name)))
    yield found
    found.open.set()


@asynccontextmanager
async def watched(graph: GraphClient, root: Path) -> AsyncIterator[Serving]:
    """A server that looks for what is new as it does in production."""
    serving = Serving(graph.reader, root, refresh_seconds=0.01)
    await serving.refresh()
    watching = asyncio.create_task(serving.watch())
    try:
        yield serving
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something; `TimeoutError` where it does not happen."""
    async with asyncio.timeout(30):
        while not happened():
            await asyncio.sleep(0.01)


async def test_a_rollback_is_served_while_the_model_of_a_new_arm_is_still_being_loaded(
    graph: GraphClient, versions: dict[str, str], tmp_path: Path, gate: Gate
) -> None:
    async with watched(graph, tmp_path) as serving:
        await begun(graph, arms=pinned(versions["factors"]))
        await until(gate.reached.is_set)
        assert await rollback(graph.writer, tmp_path) == versions["popular"]
        await until(lambda: serving.model_version == versions["popular"])
        assert {made_by(serving, user) for user in (CONTROL[0], NEW[0])} == {("", versions["popular"])}
        gate.open.set()
        await until(lambda: serving.served(NEW[0]).arm == "new")
        await until(lambda: serving.served(NEW[0]).state.snapshot is serving.state.snapshot)
        assert made_by(serving, CONTROL[0]) == ("control", versions["popular"])
        assert made_by(serving, NEW[0]) == ("new", versions["factors"])


async def test_a_rollback_is_served_while_arms_are_set_over_its_catalogue_and_they_keep_theirs(
    graph: GraphClient, serving: Serving, versions: dict[str, str], tmp_path: Path, gate: Gate
) -> None:
    """The arm that is pinned to what was active keeps that: nobody leaves an arm for the time of a load."""
    arms = (*pinned(versions["factors"]), RecordedArm("old", 0.5, versions["active"]))
    shares = {"control": 0.25, "new": 0.25, "old": 0.5}
    await begun(graph, arms=[replace(arm, share=shares[arm.name]) for arm in arms])
    users = {arm: users_of(arm, 1, shares=shares)[0] for arm in shares}
    gate.open.set()
    await serving.refresh()
    gate.open.clear()
    gate.reached.clear()
    before = serving.served(users["new"]).state
    await rollback(graph.writer, tmp_path)
    refreshing = asyncio.create_task(serving.refresh())
    await until(gate.reached.is_set)
    assert {arm: made_by(serving, user) for arm, user in users.items()} == {
        "control": ("control", versions["popular"]),
        "new": ("new", versions["factors"]),
        "old": ("old", versions["active"]),
    }
    assert serving.served(users["new"]).state is before
    gate.open.set()
    assert await refreshing
    for arm, version in (("control", "popular"), ("new", "factors"), ("old", "active")):
        assert made_by(serving, users[arm]) == (arm, versions[version])
        assert serving.served(users[arm]).state.snapshot is serving.state.snapshot


async def test_what_is_stopped_while_models_are_loaded_is_so_at_once(
    graph: GraphClient, serving: Serving, versions: dict[str, str], tmp_path: Path, gate: Gate
) -> None:
    await begun(graph, arms=pinned(versions["factors"]))
    gate.open.set()
    await serving.refresh()
    gate.open.clear()
    gate.reached.clear()
    await rollback(graph.writer, tmp_path)
    refreshing = asyncio.create_task(serving.refresh())
    await until(gate.reached.is_set)
    await stop_arm(graph.writer, "one", "new", "harm", 9_000)
    assert not await serving.renew()
    assert (made_by(serving, CONTROL[0]), made_by(serving, NEW[0])) == (
        ("control", versions["popular"]),
        ("", versions["popular"]),
    )
    await stop(graph.writer, "one", "seen enough", 9_500)
    await serving.renew()
    assert made_by(serving, CONTROL[0]) == ("", versions["popular"])
    gate.open.set()
    await refreshing
    assert made_by(serving, NEW[0]) == ("", versions["popular"])
    assert await serving.refresh()
    assert serving.arms.loaded.states == {}
