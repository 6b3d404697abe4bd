"""The whole application as `cinegraph serve` puts it together: what happens beside the requests, and at its end."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from api.auth import load_secret, make_token
from cinegraph.app import open_app
from cinegraph.settings import Settings
from graph.client import GraphClient
from graph.experiments import find_experiment
from graph.shadows import read_figures, write_shadowed
from recommenders.shadow_figures import summed
from tests import tiny
from tests.conftest import GRAPH_SETTINGS
from tests.experimenting import GUARDED, begun, crowd, exposed, pinned, recounted, users_of
from tests.published import FACTORS, ITEM_ITEM, publish_model

LIST = "{ recommendations { modelVersion nodes { id } } }"
CONTROL, NEW = users_of("control", 20), users_of("new", 20)


@pytest.fixture
async def versions(graph: GraphClient, tmp_path: Path) -> dict[str, str]:
    """Two versions; the item-item one is active."""
    await tiny.load(graph)
    factors = await publish_model(graph, tmp_path / "models", FACTORS, "lightgcn")
    return {"new": factors, "control": await publish_model(graph, tmp_path / "models", ITEM_ITEM)}


def settings_of(home: Path, **serving: Any) -> Settings:
    """Without a limit of time for requests, as tests run on busy machines."""
    return Settings(_env_file=None, home=home, api={"budget_ms": 0}, serving={"refresh_seconds": 0.05, **serving})


async def asked(app: Starlette, home: Path, user: str) -> str:
    """The version that made a user's list."""
    headers = {"Authorization": f"Bearer {make_token(load_secret(home), user, 1)}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        answer = (await http.post("/graphql", json={"query": LIST}, headers=headers)).json()
    return str(answer["data"]["recommendations"]["modelVersion"])


async def test_a_version_in_the_shadow_scores_beside_a_server_and_is_counted(
    graph: GraphClient, versions: dict[str, str], tmp_path: Path
) -> None:
    await write_shadowed(graph.writer, versions["new"], 1.0)
    async with open_app(settings_of(tmp_path), graph) as app, asyncio.timeout(60):
        while not summed([one.figures for one in await read_figures(graph.reader)]).requests:
            assert await asked(app, tmp_path, NEW[0]) == versions["control"]
            await asyncio.sleep(0.05)
    (noted,) = await read_figures(graph.reader)
    assert noted.version == versions["new"]
    assert summed([noted.figures]).failed == 0


async def stopped(graph: GraphClient) -> None:
    async with asyncio.timeout(60):
        while (await find_experiment(graph.reader)).running:
            await asyncio.sleep(0.05)


async def test_two_servers_pick_up_an_experiment_note_each_user_once_and_write_all_at_their_end(
    graph: GraphClient, versions: dict[str, str], tmp_path: Path
) -> None:
    settings = settings_of(tmp_path)
    async with GraphClient(graph.address, GRAPH_SETTINGS) as client:
        async with open_app(settings, graph) as first, open_app(settings, client) as second:
            assert await asked(first, tmp_path, NEW[0]) == versions["control"]
            await begun(graph, arms=pinned(versions["new"]))
            async with asyncio.timeout(60):
                for app in (first, second):
                    while await asked(app, tmp_path, NEW[0]) != versions["new"]:
                        await asyncio.sleep(0.02)
            for users, arm in ((CONTROL, "control"), (NEW, "new")):
                for user in users:
                    found = await asyncio.gather(*(asked(app, tmp_path, user) for app in (first, second)))
                    assert found == [versions[arm]] * 2
        rows = [(row["user"], row["arm"]) for row in await exposed(graph)]
    assert rows == sorted([(user, "control") for user in CONTROL] + [(user, "new") for user in NEW])


async def test_a_server_stops_an_arm_that_breaks_its_guardrail_and_serves_the_active_model_again(
    graph: GraphClient, versions: dict[str, str], tmp_path: Path
) -> None:
    await begun(graph, arms=pinned(versions["new"]), guardrails=GUARDED)
    await crowd(graph, "control", [f"c{n}" for n in range(200)], [1])
    await crowd(graph, "new", [f"n{n}" for n in range(200)], [1])
    async with open_app(settings_of(tmp_path, judge_seconds=0.05), graph) as app:
        assert await asked(app, tmp_path, NEW[0]) == versions["new"]
        await graph.session.write("MATCH (:User)-[r:EXPOSED {arm: 'new'}]->() SET r.dismissed = 1", {})
        await recounted(graph)
        await stopped(graph)
        async with asyncio.timeout(60):
            while await asked(app, tmp_path, NEW[0]) != versions["control"]:
                await asyncio.sleep(0.02)
    one = await find_experiment(graph.reader)
    assert one.because == "no arm is left beside control"
    assert one.arms[1].because.startswith("dismissed: the difference 1.0000")


async def test_what_is_sent_beside_requests_is_counted_apart(
    graph: GraphClient, versions: dict[str, str], tmp_path: Path
) -> None:
    async with open_app(settings_of(tmp_path), graph) as app:
        started = counted(app)
        assert started["background"] > 0
        assert "request" not in started
        assert await asked(app, tmp_path, CONTROL[0]) == versions["control"]
        assert counted(app)["request"] > 0
        async with asyncio.timeout(60):
            while counted(app)["background"] == started["background"]:
                await asyncio.sleep(0.01)


def counted(app: Starlette) -> dict[str, float]:
    """Reading statements by where they came from."""
    found = re.findall(
        r'^cinegraph_statement_duration_seconds_count{access="read",origin="(\w+)"} (\S+)$',
        app.state.metrics.shown("")[0].decode(),
        re.M,
    )
    return {origin: float(count) for origin, count in found}
