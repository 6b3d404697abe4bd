"""Arms as they are served: sticky, each by its own model over one catalogue, and the active one again at the end."""

import logging
from pathlib import Path

import pytest

from cinegraph.types import MovieFilter
from graph.client import GraphClient
from graph.experiments import RecordedArm, stop, stop_arm
from recommenders.experiments import arm_of
from recommenders.histories import Rated, UserHistory
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
