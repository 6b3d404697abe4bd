"""`cinegraph train --incremental`: on from what is served where that can be, in full where not; it is said which."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cinegraph.settings import load_settings
from graph.client import Address, GraphClient
from recommenders.artifacts import START
from recommenders.start import moment
from tests.cinegraph.test_cli import in_thread
from tests.cinegraph.test_runs_cli import LOAD
from tests.recommenders.planted import PAPER, SMALL
from tests.recommenders.test_start import RELEASE, base, frame


@pytest.fixture
async def home(tmp_path: Path, graph: GraphClient, local_address: Address, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, a graph with the first planted ratings, and a file of a small network."""
    monkeypatch.setenv("CINEGRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("CINEGRAPH_GRAPH__URI", local_address.uri)
    monkeypatch.setenv("CINEGRAPH_GRAPH__PASSWORD", local_address.password)
    monkeypatch.setenv("CINEGRAPH_TRUST__NEW_ACCOUNT_DAYS", "0")
    monkeypatch.setenv("CINEGRAPH_GATE__MARGIN", "0.9")
    config = {
        "model": "lightgcn",
        "protocol": "user_time",
        "hyper_parameters": {**SMALL["lightgcn"], **PAPER, "evaluate_every": 10, "night_epochs": 20},
    }
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    await load(graph, later=False)
    return tmp_path


async def load(graph: GraphClient, *, later: bool) -> None:
    """The planted ratings before the release of new movies, or those after it."""
    rows = [list(row) for row in frame().iter_rows() if (row[3] >= RELEASE) is later]
    await graph.writer.write(LOAD, rows=rows)


async def trained(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code, and what is said."""
    code = await in_thread(["train", *arguments, "--because", "a test", "--device", "cpu"])
    return code, " ".join(capsys.readouterr().err.split())


async def served(capsys: pytest.CaptureFixture[str], said: str) -> dict[str, Any]:
    """What is noted of the version that is served now."""
    version = said.split(" is served now")[0].split()[-1]
    assert await in_thread(["models", "show", version]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["active"]
    return found


async def test_a_night_goes_on_from_what_is_served(
    home: Path, graph: GraphClient, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = await trained(capsys, "--incremental", "--config", str(home / "small.yaml"))
    assert (code, "a training in full: nothing is served yet that could be gone on from" in said) == (0, True)
    first = await served(capsys, said)
    assert (first["model"], first["metrics"]["startedFrom"]) == ("lightgcn", "")

    code, said = await trained(capsys, "--incremental")
    assert code == 1
    assert f"0 ratings came after {moment(int(base().at.max()))}, the last that {first['id']} knows" in said
    assert "It keeps serving" in said

    await load(graph, later=True)
    code, said = await trained(capsys, "--incremental")
    assert (code, f"going on from {first['id']}" in said) == (0, True)
    second = await served(capsys, said)
    assert (second["model"], second["metrics"]["startedFrom"]) == ("lightgcn", first["id"])
    assert second["metrics"]["protocol"] == "since"
    assert second["config"] == first["config"]
    assert second["metrics"]["gate"]["live"] == first["id"]

    start = load_settings().home / "models" / second["id"] / START
    start.unlink()
    code, said = await trained(capsys, "lightgcn", "--incremental", "--protocol", "user_time")
    assert (code, f"a training in full: {start} cannot be read" in said) == (0, True)
    third = await served(capsys, said)
    assert (third["metrics"]["startedFrom"], third["metrics"]["protocol"]) == ("", "user_time")


async def test_a_model_in_closed_form_is_fitted_in_full(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = await trained(capsys, "ease", "--protocol", "user_time")
    assert code == 0
    code, said = await trained(capsys, "--incremental", "--protocol", "user_time")
    assert (code, "a training in full: Ease learns in closed form, and has nothing to go on from" in said) == (0, True)
    assert (await served(capsys, said))["model"] == "ease"
