"""The file of runs: what is written is read, by us and by MLflow; kills and others leave it whole."""

import json
import math
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cinegraph.errors import InvalidInput, NotFound, RunsUnavailable
from cinegraph.locks import Presence
from recommenders.runs.store import PROCESS, RunStore, Status


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run = store.begin("train", "ease", {"l2": 300.0}, {"cinegraph.seed": 3})
    (going_on,) = store.runs()
    assert (going_on.status, going_on.ended_at, going_on.seconds) == (Status.RUNNING, None, None)
    store.log(run, {"test/ndcg_at_10": 0.25, "odd": math.nan})
    store.describe(run, {"l2": 30.0, "min_likes": 2}, {"cinegraph.published": "ease-1"})
    store.end(run, Status.FINISHED)
    store.end(run, Status.KILLED)
    found = store.find(run[:6])
    assert (found.id, found.name, found.experiment, found.status) == (run, "ease", "train", Status.FINISHED)
    assert found.params == {"l2": "30.0", "min_likes": "2"}
    assert found.tags == {
        "cinegraph.published": "ease-1",
        "cinegraph.seed": "3",
        "mlflow.runName": "ease",
        "mlflow.source.name": "cinegraph train",
        "mlflow.source.type": "LOCAL",
    }
    assert found.metrics["test/ndcg_at_10"] == 0.25
    assert math.isnan(found.metrics["odd"])
    assert found.seconds is not None


def test_a_curve_has_its_steps_and_the_last_is_the_metric(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run = store.begin("train", "lightgcn", {}, {})
    for epoch, figure in ((10, 0.1), (20, 0.3), (30, 0.2)):
        store.log(run, {"learning/ndcg_at_10": figure}, epoch)
    assert store.curve(run, "learning/ndcg_at_10") == [(10, 0.1), (20, 0.3), (30, 0.2)]
    assert store.find(run).metrics == {"learning/ndcg_at_10": 0.2}
    store.replace_curve(run, "learning/ndcg_at_10", [(5, 0.4)])
    assert store.curve(run, "learning/ndcg_at_10") == [(5, 0.4)]
    assert store.find(run).metrics == {"learning/ndcg_at_10": 0.4}


def test_the_newest_run_is_first_and_some_can_be_asked_for(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for experiment, name in (("train", "a"), ("tune ease", "b"), ("train", "c")):
        store.begin(experiment, name, {}, {})
    assert [run.name for run in store.runs()] == ["c", "b", "a"]
    assert [run.name for run in store.runs("train")] == ["c", "a"]
    assert [run.name for run in store.runs(limit=1)] == ["c"]


def test_an_id_that_nothing_or_several_have_is_refused(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for _ in range(17):
        run = store.begin("train", "ease", {}, {})
    with pytest.raises(NotFound, match="there is no run 'x'; cinegraph runs list shows them"):
        store.find("x")
    with pytest.raises(NotFound):
        store.find("")
    with pytest.raises(NotFound):
        store.find("%")
    several = next(one for one in "0123456789abcdef" if sum(run.id[0] == one for run in store.runs()) > 1)
    with pytest.raises(InvalidInput, match=f"runs begin with '{several}'; give more of the id"):
        store.find(several)
    assert store.find(run).id == run


def test_runs_of_processes_that_are_gone_were_killed(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    here, gone = Presence(store.presences), Presence(store.presences)
    runs = [store.begin("train", "ease", {}, {PROCESS: one.name}) for one in (here, gone)]
    of_mlflow = store.begin("theirs", "x", {}, {})
    assert store.end_those_left() == []
    gone.leave()
    assert store.end_those_left() == [runs[1]]
    assert [store.find(one).status for one in (*runs, of_mlflow)] == ["RUNNING", "KILLED", "RUNNING"]
    here.leave()


def test_many_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from recommenders.runs.store import RunStore, Status\n"
        "store = RunStore(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    run = store.begin('train', sys.argv[2], {'n': n}, {})\n"
        "    store.log(run, {'m': n}); store.end(run, Status.FINISHED)"
    )
    with ThreadPoolExecutor() as pool:
        command = [sys.executable, "-c", code, str(tmp_path)]
        list(pool.map(lambda name: subprocess.run([*command, name], check=True), "abcd"))
    runs = RunStore(tmp_path).runs("train")
    assert sorted((run.name, int(run.params["n"])) for run in runs) == [(name, n) for name in "abcd" for n in range(20)]
    assert {run.status for run in runs} == {Status.FINISHED}


def test_a_file_that_is_none_of_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RunsUnavailable, match=r"runs\.db: file is not a database; free it, or move it away"):
        RunStore(tmp_path)
    assert (tmp_path / "runs.db").read_bytes() == b"no database at all" * 100
    (tmp_path / "runs.db").unlink()
    with sqlite3.connect(tmp_path / "runs.db") as db:
        db.execute("CREATE TABLE other (x)")
    db.close()
    with pytest.raises(RunsUnavailable, match="experiments has no artifact_location, .*it is no file of runs"):
        RunStore(tmp_path)


READ_BY_MLFLOW = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(f"sqlite:///{sys.argv[1]}")
experiments = {one.experiment_id: one.name for one in client.search_experiments()}
runs = client.search_runs(list(experiments), "metrics.`test/ndcg_at_10` > 0.2")
history = {run.info.run_id: client.get_metric_history(run.info.run_id, "learning/ndcg_at_10") for run in runs}
print(json.dumps([{
    "experiment": experiments[run.info.experiment_id], "name": run.info.run_name, "status": run.info.status,
    "params": run.data.params, "tags": run.data.tags, "metrics": run.data.metrics,
    "curve": [[one.step, one.value] for one in history[run.info.run_id]],
} for run in runs]))
written = client.create_run(client.get_experiment_by_name("train").experiment_id, run_name="by MLflow")
client.log_param(written.info.run_id, "p", 1)
client.set_terminated(written.info.run_id)
"""


def test_mlflow_reads_it_writes_beside_us_and_leaves_it_to_us(tmp_path: Path) -> None:
    """MLflow brings the tables to its own version; what we write after that, it reads again."""
    store = RunStore(tmp_path)
    for name in ("before", "after"):
        run = store.begin("train", name, {"l2": 300.0}, {"cinegraph.seed": 0})
        store.log(run, {"test/ndcg_at_10": 0.25})
        for epoch, figure in ((10, 0.1), (20, 0.3)):
            store.log(run, {"learning/ndcg_at_10": figure}, epoch)
        store.end(run, Status.FINISHED)
        read = subprocess.run(
            [sys.executable, "-c", READ_BY_MLFLOW, store.path], check=True, capture_output=True, text=True
        )
        (newest, *_) = json.loads(read.stdout)
        assert newest == {
            "experiment": "train",
            "name": name,
            "status": "FINISHED",
            "params": {"l2": "300.0"},
            "tags": {
                "cinegraph.seed": "0",
                "mlflow.runName": name,
                "mlflow.source.name": "cinegraph train",
                "mlflow.source.type": "LOCAL",
            },
            "metrics": {"test/ndcg_at_10": 0.25, "learning/ndcg_at_10": 0.3},
            "curve": [[10, 0.1], [20, 0.3]],
        }
        store = RunStore(tmp_path)
    assert [run.name for run in store.runs("train")] == ["by MLflow", "after", "by MLflow", "before"]
    assert store.runs()[0].params == {"p": "1"}


def test_training_and_its_record_import_no_mlflow() -> None:
    code = "import sys, recommenders.training, recommenders.runs.recorder; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
