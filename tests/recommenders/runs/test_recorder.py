"""What a training leaves behind: a run for each model, with all it depends on, also where it failed or was killed."""

import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cinegraph import __version__
from cinegraph.errors import NotEnoughData
from recommenders.protocol import load_protocol
from recommenders.runs.costs import costed
from recommenders.runs.recorder import CURVE, RunRecorder
from recommenders.runs.store import RunStore, Status
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import SMALL, planted

BY_USER = load_protocol("user_time")
OPTIONS = TrainingOptions(configs=SMALL, device="cpu", protocol=BY_USER, final=False, seed=3)


def test_each_model_leaves_a_run_with_all_it_depends_on(tmp_path: Path) -> None:
    options = replace(OPTIONS, configs={"ease": {"l2": 30.0}})
    with RunRecorder(tmp_path, "train") as recorder:
        trained = train(planted(), ["ease"], replace(options, recorder=recorder))
        recorder.published("ease", "ease-0123")
    runs = {run.name: run for run in recorder.store.runs()}
    assert list(runs) == ["ease", "itemknn", "popular"]
    assert {run.status for run in runs.values()} == {Status.FINISHED}
    ease, row = runs["ease"], trained.result("ease")
    assert ease.params == {"l2": "30.0", "min_likes": "2", "memory_mb": "6000"}
    told = {key.removeprefix("cinegraph."): value for key, value in ease.tags.items() if key.startswith("cinegraph.")}
    assert told["data"] == planted().fingerprint()
    assert (told["protocol"], told["protocol_fingerprint"]) == ("user_time", BY_USER.fingerprint)
    assert (told["model"], told["seed"], told["device"], told["max_users"]) == ("ease", "3", "cpu", "all")
    assert (told["version"], told["published"], len(told["code"])) == (__version__, "ease-0123", 16)
    assert {"machine", "platform", "python", "process"} < set(told)
    assert "cinegraph.published" not in runs["popular"].tags
    for part, figures in (("validation", row.validation), ("test", row.test)):
        ndcg = figures.ndcg_at_10
        assert ease.metrics[f"{part}/ndcg_at_10"] == ndcg.mean
        assert (ease.metrics[f"{part}/ndcg_at_10_low"], ease.metrics[f"{part}/ndcg_at_10_high"]) == (
            ndcg.low,
            ndcg.high,
        )
        assert ease.metrics[f"{part}/coverage_at_10"] == figures.coverage_at_10
        assert ease.metrics[f"{part}/users"] == figures.users
    assert all(ease.metrics[f"cost/{name}"] > 0 for name in ("wall_seconds", "cpu_seconds", "peak_memory_mb"))


def test_what_a_search_chose_is_what_a_run_has(tmp_path: Path) -> None:
    with RunRecorder(tmp_path, "evaluate") as recorder:
        trained = train(planted(), ["itemknn"], replace(OPTIONS, configs={}, recorder=recorder))
    (run,) = (run for run in recorder.store.runs() if run.name == "itemknn")
    assert run.params["neighbours"] == str(trained.result("itemknn").config["neighbours"])


def test_a_protocol_that_stood_in_for_another_is_the_one_that_is_recorded(tmp_path: Path) -> None:
    with RunRecorder(tmp_path, "evaluate") as recorder:
        wanted = load_protocol("global_time").model_copy(update={"min_test_users": 1000})
        trained = train(planted(), ["popular"], replace(OPTIONS, protocol=wanted, recorder=recorder))
    assert trained.protocol.name == "user_time"
    assert {run.tags["cinegraph.protocol"] for run in recorder.store.runs()} == {"user_time"}


def test_the_learning_curve_is_that_of_the_model(tmp_path: Path) -> None:
    with RunRecorder(tmp_path, "train") as recorder:
        trained = train(planted(), ["lightgcn"], replace(OPTIONS, recorder=recorder))
    (run,) = (run for run in recorder.store.runs() if run.name == "lightgcn")
    curve = recorder.store.curve(run.id, CURVE)
    assert tuple(curve) == trained.result("lightgcn").learning
    assert [epoch for epoch, _ in curve] == [2, 4, 6, 8]


def test_a_model_that_cannot_be_fitted_leaves_a_run_that_failed_and_why(tmp_path: Path) -> None:
    with (
        RunRecorder(tmp_path, "train") as recorder,
        pytest.raises(NotEnoughData, match="the catalogue connects no movies"),
    ):
        train(planted(), ["content"], replace(OPTIONS, recorder=recorder))
    (run,) = (run for run in recorder.store.runs() if run.name == "content")
    assert run.status == Status.FAILED
    assert run.tags["mlflow.note.content"].startswith("NotEnoughData: the catalogue connects no movies")
    assert run.metrics["cost/wall_seconds"] > 0


def test_a_training_goes_on_where_its_record_breaks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RunRecorder(tmp_path, "train") as recorder:
        with sqlite3.connect(recorder.store.path) as db:
            db.execute("DROP TABLE params")
        db.close()
        trained = train(planted(), ["popular"], replace(OPTIONS, recorder=recorder))
    assert trained.best == "popular"
    (record,) = caplog.records
    assert "this run is not recorded in full" in record.getMessage()


ENDLESS = """
import sys
from pathlib import Path
from recommenders.protocol import load_protocol
from recommenders.runs.recorder import RunRecorder
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import SMALL, planted
config = {**SMALL["lightgcn"], "epochs": 100_000, "patience": 100_000, "evaluate_every": 1}
with RunRecorder(Path(sys.argv[1]), "train") as recorder:
    options = TrainingOptions(configs={"lightgcn": config}, protocol=load_protocol("user_time"), recorder=recorder)
    train(planted(), ["lightgcn"], options)
"""


def test_a_run_that_is_killed_has_its_curve_and_is_marked_at_the_next_start(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)])
    try:
        store = RunStore(tmp_path)
        until = time.monotonic() + 120
        while not (run := next((one for one in store.runs() if CURVE in one.metrics), None)):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.1)
        with RunRecorder(tmp_path, "train"):
            assert store.find(run.id).status == Status.RUNNING, "one that goes on is left alone"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with RunRecorder(tmp_path, "train"):
        found = store.find(run.id)
    assert (found.status, found.params["epochs"]) == (Status.KILLED, "100000")
    assert found.ended_at is not None
    assert store.curve(run.id, CURVE)


def test_a_run_whose_command_ends_in_the_middle_was_killed(tmp_path: Path) -> None:
    with RunRecorder(tmp_path, "train") as recorder:
        run = recorder.store.begin("train", "ease", {}, recorder._tags)
    assert recorder.store.find(run).status == Status.KILLED
    assert [one for one in recorder.store.presences.iterdir() if not one.name.startswith(".")] == []


def test_costs_are_those_of_the_work() -> None:
    with costed() as costs:
        until = time.process_time() + 0.2
        held = bytearray(200_000_000)
        while time.process_time() < until:
            pass
    assert len(held) == 200_000_000
    assert costs.cpu_seconds >= 0.2
    assert costs.wall_seconds >= 0.15
    assert costs.peak_memory_mb > 200
