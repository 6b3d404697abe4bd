"""Experiments by the command line, over a real graph: begun, looked at, stopped; what is wrong is said clearly."""

import json
from pathlib import Path

import pytest

from api.auth import Caller, caller_of, load_secret
from graph.client import Address, GraphClient
from graph.experiments import expose, find_experiment
from tests import tiny
from tests.cinegraph.test_cli import in_thread
from tests.experimenting import GUARDED, begun, crowd, did, exposure, pinned
from tests.published import FACTORS, ITEM_ITEM, publish_model

FILE = """\
id: one
window_days: 7
guardrails:
  - {{outcome: dismissed, at_most: 0.2}}
arms:
  - {{name: control, share: 0.5}}
  - {{name: new, share: 0.5, model: {model}}}
"""


@pytest.fixture
async def home(tmp_path: Path, graph: GraphClient, local_address: Address, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own with two models, over the tiny graph."""
    monkeypatch.setenv("CINEGRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("CINEGRAPH_GRAPH__URI", local_address.uri)
    monkeypatch.setenv("CINEGRAPH_GRAPH__PASSWORD", local_address.password)
    await tiny.load(graph)
    await publish_model(graph, tmp_path / "models", FACTORS, "lightgcn")
    await publish_model(graph, tmp_path / "models", ITEM_ITEM)
    return tmp_path


@pytest.fixture
def factors(home: Path) -> str:
    """The version that is not the active one."""
    return next(one.name for one in (home / "models").iterdir() if one.name.startswith("lightgcn"))


def written(home: Path, text: str) -> str:
    file = home / "experiment.yaml"
    file.write_text(text)
    return str(file)


async def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said to a command that cannot be."""
    assert await in_thread(["experiment", *arguments]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in said
    return said


async def test_from_its_file_to_its_end(
    home: Path, graph: GraphClient, factors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(home, FILE.format(model=factors))
    assert await in_thread(["experiment", "start", file]) == 0
    said = capsys.readouterr().err
    assert "one is running: control 0.5, new 0.5" in said
    assert "control: the active model, also when another one is promoted meanwhile" in said
    assert await in_thread(["experiment", "status"]) == 0
    shown = capsys.readouterr().out
    assert "outcome: liked, counted over 7 days from a user's first exposure" in shown
    assert "new: fewer than 100 users of new or of control are counted so far" in shown
    assert "new: guardrail dismissed at most 0.2: –" in shown
    assert "users fit the shares (p = 1)" in shown
    assert await in_thread(["experiment", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["one", "running"]
    assert await in_thread(["experiment", "stop", "one", "--because", "seen enough"]) == 0
    assert "one is stopped; the active model serves everybody" in capsys.readouterr().err
    assert (await find_experiment(graph.reader)).because == "seen enough"
    assert "the experiment 'one' was stopped already: seen enough" in await refused(["stop", "one"], capsys)
    assert await in_thread(["experiment", "status", "one"]) == 0
    assert ": seen enough" in capsys.readouterr().out.splitlines()[0]


async def test_numbers_as_a_table_and_as_json(
    home: Path, graph: GraphClient, factors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await begun(graph, arms=pinned(factors, diversity=0.25), guardrails=GUARDED)
    await crowd(graph, "control", [f"c{n}" for n in range(400)], [0, 1, 2, 3])
    await crowd(graph, "new", [f"n{n}" for n in range(400)], [2, 3, 4, 5])
    assert await in_thread(["experiment", "status", "one"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["control", "0.5", "active", "400", "400", "1.5000", "control"] in lines
    (new,) = (line for line in lines if line[:2] == ["new", "0.5"])
    assert (new[2], new[3:5], new[5:8]) == (factors, ["diversity", "0.25"], ["400", "400", "3.5000"])
    assert await in_thread(["experiment", "status", "--json", str(home / "one.json")]) == 0
    found = json.loads((home / "one.json").read_text(encoding="utf-8"))
    assert (found["id"], found["status"], found["mismatch"]) == ("one", "running", False)
    arm = found["arms"][1]
    assert (arm["decision"], arm["difference"], arm["mean"]) == ("better", 2.0, 3.5)
    assert arm["low"] < 2 < arm["high"]
    assert arm["guardrails"] == [
        {"outcome": "dismissed", "at_least": None, "at_most": 0.2, "difference": 0.0, "low": 0.0, "high": 0.0}
    ]


async def test_status_only_looks_and_apply_counts_and_stops(
    home: Path, graph: GraphClient, factors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await begun(graph, arms=pinned(factors), guardrails=GUARDED)
    await expose(graph.writer, "one", [exposure("1", 10_000)])
    await did(graph, [("1", "RATED", "4", 5.0, 10_001)])
    await crowd(graph, "control", [f"c{n}" for n in range(200)], [1])
    await crowd(graph, "new", [f"n{n}" for n in range(200)], [1], dismissed=1)
    assert await in_thread(["experiment", "status"]) == 0
    assert ["control", "0.5", "active", "201", "200"] in [
        line.split()[:5] for line in capsys.readouterr().out.splitlines()
    ]
    assert (await find_experiment(graph.reader)).running
    assert await in_thread(["experiment", "status", "--apply"]) == 0
    shown = capsys.readouterr()
    assert ["control", "0.5", "active", "201", "201"] in [line.split()[:5] for line in shown.out.splitlines()]
    assert "arm new of one was stopped: dismissed: the difference 1.0000" in shown.err
    assert not (await find_experiment(graph.reader)).running


async def test_an_arm_that_a_server_cannot_serve_is_shown(
    home: Path, graph: GraphClient, factors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await begun(graph, arms=pinned(factors))
    await graph.session.write("MATCH (a:Arm {name: 'new'}) SET a.fault = 'no such file', a.faultAt = 0", {})
    assert await in_thread(["experiment", "status"]) == 0
    said = "new: not served by a server, 1970-01-01 00:00, its users are not counted: no such file"
    assert said in capsys.readouterr().out


async def test_what_cannot_begin_is_named(
    home: Path, graph: GraphClient, factors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = FILE.format(model=factors)
    file = written(home, whole.replace("share: 0.5}", "share: 0.6}"))
    assert f"{file}, line 5: the shares of control, new sum to 1.1: they must sum to 1" in await refused(
        ["start", file], capsys
    )
    written(home, FILE.format(model="ease-000000000000"))
    assert "there is no model version 'ease-000000000000'; there are: " in await refused(["start", file], capsys)
    written(home, whole.replace(f"model: {factors}", ""))
    assert "all arms of one have the model ease-" in await refused(["start", file], capsys)
    manifest = home / "models" / factors / "manifest.json"
    kept = manifest.read_bytes()
    manifest.write_text("{}")
    written(home, whole)
    assert "manifest.json is not a manifest of a Cinegraph model; train the model anew" in await refused(
        ["start", file], capsys
    )
    manifest.write_bytes(kept)
    assert "there is no experiment yet; cinegraph experiment start" in await refused(["status"], capsys)
    assert await in_thread(["experiment", "start", file]) == 0
    capsys.readouterr()
    assert "there is an experiment 'one' already; give this one another id" in await refused(["start", file], capsys)
    written(home, whole.replace("id: one", "id: two"))
    assert "the experiment 'one' is running, and one at a time can be; stop it first" in await refused(
        ["start", file], capsys
    )
    for arguments, words in (
        (["stop", "three"], "there is no experiment 'three'; there are: one"),
        (["status", "three"], "there is no experiment 'three'; there are: one"),
        (["start", "/no/such.yaml"], "there is no file '/no/such.yaml'; cinegraph experiment schema says"),
    ):
        assert words in await refused(arguments, capsys)


async def test_the_schema_and_an_administrators_token_are_printed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await in_thread(["experiment", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "An experiment on users"
    assert await in_thread(["token", "ann", "--admin"]) == 0
    shown = capsys.readouterr()
    administrator = caller_of(load_secret(home), f"Bearer {shown.out.strip()}")
    assert administrator == Caller("ann", admin=True, until=administrator.until)
    assert "for administrator ann" in shown.err
    assert await in_thread(["token", "ann"]) == 0
    caller = caller_of(load_secret(home), f"Bearer {capsys.readouterr().out.strip()}")
    assert caller == Caller("ann", until=caller.until)
