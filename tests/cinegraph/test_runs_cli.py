"""Files, runs and tuning by the command line, over a real graph."""

import json
from pathlib import Path

import pytest

from cinegraph.cli import run
from graph.catalog import WriteStatement
from graph.client import Address, GraphClient
from recommenders import registry
from recommenders.configuration import load_configuration, parse
from recommenders.runs.store import RunStore, Status
from tests.cinegraph.test_cli import in_thread
from tests.recommenders.planted import planted, planted_frame

LOAD = WriteStatement(
    "planted",
    """
    UNWIND $rows AS row
    MERGE (u:User {id: row[0]}) MERGE (m:Movie {id: row[1]}) ON CREATE SET m.title = row[1], m.popularity = 0.0
    CREATE (u)-[:RATED {userId: u.id, movieId: m.id, rating: row[2], at: row[3]}]->(m)
    """,
    frozenset({"rows"}),
)


@pytest.fixture
async def home(tmp_path: Path, graph: GraphClient, local_address: Address, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with a graph that holds the planted ratings."""
    monkeypatch.setenv("CINEGRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("CINEGRAPH_GRAPH__URI", local_address.uri)
    monkeypatch.setenv("CINEGRAPH_GRAPH__PASSWORD", local_address.password)
    await graph.writer.write(LOAD, rows=[list(row) for row in planted_frame().iter_rows()])
    return tmp_path


async def test_files_are_trained_recorded_and_published(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, other = home / "mine.yaml", home / "other.yaml"
    file.write_text("model: ease\nprotocol: user_time\nseed: 4\nhyper_parameters:\n  l2: 10\n")
    other.write_text("model: itemknn\nhyper_parameters: {neighbours: 30}\n")
    assert await in_thread(["train", "--config", str(file), "--config", str(other)]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("user_time split, 155 test users")
    runs = {run.name: run for run in RunStore(home).runs("train")}
    assert set(runs) == {"popular", "itemknn", "ease"}
    assert (runs["ease"].params["l2"], runs["itemknn"].params["neighbours"]) == ("10.0", "30")
    assert {run.tags["cinegraph.seed"] for run in runs.values()} == {"4"}
    assert {run.tags["cinegraph.data"] for run in runs.values()} == {planted().fingerprint()}
    (published,) = (run for run in runs.values() if "cinegraph.published" in run.tags)
    assert f"{published.tags['cinegraph.published']} is served now" in shown.err
    assert published.tags["cinegraph.gate"] == "passed"

    assert await in_thread(["runs", "list"]) == 0
    listed = capsys.readouterr()
    assert [line.split()[4] for line in listed.out.splitlines()[2:]] == ["ease", "itemknn", "popular"]
    assert [line.split()[6] for line in listed.out.splitlines()[2:]] == ["user_time"] * 3
    assert published.tags["cinegraph.published"] in listed.out
    assert f"mlflow ui --backend-store-uri sqlite:///{home}/runs.db" in listed.err

    assert await in_thread(["runs", "show", runs["ease"].id[:8]]) == 0
    described = capsys.readouterr().out
    assert described.startswith(f"{runs['ease'].id}  train: ease, finished, began ")
    assert f"{runs['ease'].metrics['test/ndcg_at_10']:.4f} [" in described
    for words in ("peak_memory_mb", "protocol_fingerprint", planted().fingerprint()):
        assert words in described


async def test_what_the_command_says_is_stronger_than_a_file(home: Path) -> None:
    file = home / "mine.yaml"
    file.write_text("model: popular\nprotocol: user_time\nseed: 4\n")
    assert await in_thread(["evaluate", "--config", str(file), "--seed", "0", "--protocol", "user_random"]) == 0
    (first, *_) = RunStore(home).runs("evaluate")
    assert (first.tags["cinegraph.seed"], first.tags["cinegraph.protocol"]) == ("0", "user_random")
    assert RunStore(home).runs("train") == []


async def test_a_refusal_is_recorded_with_the_run_and_a_reason_with_the_version(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await in_thread(["train", "popular", "--protocol", "user_time"]) == 1
    assert "popular is not to be served where ease is surely better" in " ".join(capsys.readouterr().err.split())
    (run, *_) = (one for one in RunStore(home).runs("train") if one.name == "popular")
    assert run.tags["cinegraph.gate"].startswith("refused: popular is not to be served where ease is surely better")
    assert await in_thread(["train", "popular", "--protocol", "user_time", "--because", "a trial"]) == 0
    assert "because: a trial" in capsys.readouterr().out
    assert await in_thread(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert "a trial" in listed
    assert "user_time" in listed
    assert await in_thread(["train", "ease", "--protocol", "user_time", "--no-serve"]) == 0
    assert "is kept, not served: cinegraph models shadow ease-" in " ".join(capsys.readouterr().err.split())
    assert await in_thread(["models", "list"]) == 0
    assert "staged" in capsys.readouterr().out


async def test_tuning_ends_with_a_file_that_training_takes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_user = ["--protocol", "user_time"]
    assert await in_thread(["tune", "ease", "--trials", "3", *by_user]) == 0
    shown = capsys.readouterr()
    assert f"study ease-1, data {planted().fingerprint()[:12]}: 3 complete" in shown.out
    assert "0 (defaults)" in shown.out
    file = home / "configs" / "ease.yaml"
    assert f"best: {file}; cinegraph train --config {file} trains with it" in shown.err
    best = load_configuration(str(file))
    assert (best.model, best.protocol, best.seed) == ("ease", "user_time", 0)
    assert file.read_text().splitlines()[1].startswith("# trial ")
    assert await in_thread(["tune", "ease", "--trials", "5", *by_user, "--output", str(home / "e.yaml")]) == 0
    assert len(RunStore(home).runs("tune ease")) == 5
    assert "5 complete" in capsys.readouterr().out
    assert await in_thread(["tune", "ease", "--trials", "5", "--seed", "1", *by_user]) == 2
    assert "the study ease-1 has another seed: 0, and now it is 1" in " ".join(capsys.readouterr().err.split())

    assert await in_thread(["evaluate", "--config", str(file)]) == 0
    trials = {run.id: run for run in RunStore(home).runs("tune ease")}
    (ease,) = (one for one in RunStore(home).runs("evaluate") if one.name == "ease")
    found = max(one.metrics["validation/ndcg_at_10"] for one in list(trials.values())[2:])
    assert ease.metrics["validation/ndcg_at_10"] == found


async def test_a_command_that_fails_leaves_no_run_going_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await in_thread(["evaluate", "content"]) == 1
    assert {run.status for run in RunStore(home).runs()} <= {Status.FINISHED, Status.FAILED}
    (failed,) = (run for run in RunStore(home).runs() if run.name == "content")
    assert failed.status == Status.FAILED
    assert "the catalogue connects no movies" in failed.tags["mlflow.note.content"]


def test_the_schema_and_the_file_of_a_model_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "schema", "ease"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["model"]["const"] == "ease"
    assert run(["models", "schema"]) == 0
    assert [one["properties"]["model"]["const"] for one in json.loads(capsys.readouterr().out)["oneOf"]] == list(
        registry.names()
    )
    assert run(["models", "config", "ials"]) == 0
    printed = parse(capsys.readouterr().out, "printed")
    assert (printed.model, dict(printed.hyper_parameters or {})) == (
        "ials",
        registry.create("ials").config.model_dump(),
    )
