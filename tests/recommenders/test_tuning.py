"""Tuning: a study that can be ended and gone on with, shared, and never mixed with another."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from cinegraph.errors import InvalidInput, ModelError
from recommenders import registry
from recommenders.model import Progress
from recommenders.protocol import load_protocol
from recommenders.runs.recorder import CURVE, RunRecorder
from recommenders.runs.store import RunStore, Status
from recommenders.search_space import Choice, Range
from recommenders.training import TrainingOptions, train
from recommenders.tuning import Tuned, search_space, tune
from tests.recommenders.planted import planted

OPTIONS = TrainingOptions(device="cpu", protocol=load_protocol("user_time"), final=False)


def tried(tuned: Tuned) -> list[tuple[dict[str, object], float | None]]:
    return [(dict(one.params), one.ndcg_at_10) for one in tuned.tried]


def test_the_first_trial_is_the_defaults_and_the_best_is_the_best(tmp_path: Path) -> None:
    tuned = tune("ease", planted(), tmp_path, 6, OPTIONS)
    assert (tuned.study, len(tuned.tried)) == ("ease-1", 6)
    assert tuned.defaults == tuned.tried[0]
    assert tuned.tried[0].params == {"l2": 300.0, "min_likes": 2}
    assert tuned.best.ndcg_at_10 == max(one.ndcg_at_10 or 0.0 for one in tuned.tried)
    assert tuned.config == {"memory_mb": 6000, **tuned.best.params}


def test_training_with_the_best_gives_what_the_trial_had(tmp_path: Path) -> None:
    tuned = tune("ease", planted(), tmp_path, 4, OPTIONS)
    trained = train(planted(), ["ease"], replace(OPTIONS, configs={"ease": tuned.config}))
    assert trained.result("ease").validation.ndcg_at_10.mean == tuned.best.ndcg_at_10


def test_a_study_in_two_parts_tries_what_one_in_one_part_does(tmp_path: Path) -> None:
    told = list[Progress]()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    whole = tune("ease", planted(), tmp_path / "one", 14, OPTIONS)
    tune("ease", planted(), tmp_path / "two", 9, OPTIONS)
    parts = tune("ease", planted(), tmp_path / "two", 14, replace(OPTIONS, progress=told.append))
    assert tried(whole) == tried(parts)
    assert [one.done for one in told] == [10, 11, 12, 13, 14]
    assert told[-1].note == f"best {whole.best.ndcg_at_10:.4f}"
    assert tried(tune("ease", planted(), tmp_path / "two", 14, OPTIONS)) == tried(whole), "there is nothing left to do"


def test_the_defaults_are_tried_again_where_the_process_was_killed_before_it_noted_them(tmp_path: Path) -> None:
    tune("ease", planted(), tmp_path, 1, OPTIONS, new=True)
    study = optuna.create_study(
        study_name="ease-2", storage=f"sqlite:///{tmp_path / 'tuning.db'}", direction="maximize"
    )
    for key, value in optuna.load_study(study_name="ease-1", storage=study._storage).user_attrs.items():
        study.set_user_attr(key, value)
    study.enqueue_trial({"l2": 300.0, "min_likes": 2})
    study.ask()
    tuned = tune("ease", planted(), tmp_path, 3, OPTIONS)
    assert tuned.study == "ease-2"
    assert [one.number for one in tuned.tried] == [1, 2, 3]
    assert tuned.defaults == tuned.tried[0]


def test_another_seed_tries_something_else(tmp_path: Path) -> None:
    found = [tune("ease", planted(), tmp_path, 2, replace(OPTIONS, seed=seed), new=True) for seed in (0, 1)]
    assert [one.study for one in found] == ["ease-1", "ease-2"]
    assert found[0].tried[1].params != found[1].tried[1].params


@pytest.mark.parametrize(
    ("what", "seed", "options"),
    [
        ("data", 8, OPTIONS),
        ("seed", 7, replace(OPTIONS, seed=1)),
        ("protocol", 7, replace(OPTIONS, protocol=load_protocol("user_random"))),
        ("max_users", 7, replace(OPTIONS, max_users=20)),
    ],
)
def test_a_study_of_something_else_is_refused_unless_another_is_begun(
    tmp_path: Path, what: str, seed: int, options: TrainingOptions
) -> None:
    tune("ease", planted(), tmp_path, 1, OPTIONS)
    with pytest.raises(InvalidInput, match=f"the study ease-1 has another {what}: .*: --new begins another study"):
        tune("ease", planted(seed), tmp_path, 2, options)
    assert tune("ease", planted(seed), tmp_path, 1, options, new=True).study == "ease-2"
    assert tune("ease", planted(seed), tmp_path, 2, options).study == "ease-2", "it is gone on with"


def test_a_study_of_other_defaults_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a newer version of the same model may have: its trials differ in what is not searched."""
    tune("ease", planted(), tmp_path, 1, OPTIONS)
    config = registry.model_class("ease").config_class
    dumped = config.model_dump
    monkeypatch.setattr(config, "model_dump", lambda self, **given: {**dumped(self, **given), "memory_mb": 1})
    with pytest.raises(InvalidInput, match="the study ease-1 has another hyper-parameters beside it: .*: --new begins"):
        tune("ease", planted(), tmp_path, 2, OPTIONS)


def test_a_model_with_nothing_to_tune_says_so() -> None:
    with pytest.raises(
        InvalidInput, match="popular has no search space: .*; cinegraph train popular trains it as it is"
    ):
        search_space("popular")


def test_each_trial_is_a_run(tmp_path: Path) -> None:
    with RunRecorder(tmp_path, "tune ease") as recorder:
        tuned = tune("ease", planted(), tmp_path, 3, replace(OPTIONS, recorder=recorder))
    runs = recorder.store.runs("tune ease")
    by_trial = {int(run.tags["cinegraph.trial"]): run for run in runs}
    assert sorted(by_trial) == [0, 1, 2]
    for one in tuned.tried:
        run = by_trial[one.number]
        assert (run.status, run.tags["cinegraph.study"]) == (Status.FINISHED, "ease-1")
        assert run.metrics["validation/ndcg_at_10"] == one.ndcg_at_10
        assert run.params["l2"] == str(one.params["l2"])
        assert not any(key.startswith("test/") for key in run.metrics), "a search never looks at the test part"


def test_a_trial_that_fails_is_told_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The space is made wider than what the model takes."""
    config = registry.model_class("sparse_ease").config_class
    monkeypatch.setattr(config, "search_space", {"l2": Range(-1000.0, 1000.0)})
    with RunRecorder(tmp_path, "tune sparse_ease") as recorder:
        tuned = tune("sparse_ease", planted(), tmp_path, 6, replace(OPTIONS, recorder=recorder))
    failed = [one for one in tuned.tried if one.state == "fail"]
    assert failed
    assert len(tuned.tried) == 6
    assert all("sparse_ease cannot be configured so: l2 = -" in one.why for one in failed)
    assert tuned.best.params["l2"] > 0


def test_a_study_in_which_all_fail_says_why(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none of the 2 trials of content-1 came to its end; the last: the catalogue"):
        tune("content", planted(), tmp_path, 2, OPTIONS)


def test_a_model_that_trains_in_epochs_is_given_up_where_others_were_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = registry.model_class("lightgcn").config_class
    space = {
        "learning_rate": Range(1e-6, 0.05, log=True),
        "epochs": Choice((20, 100)),
        "batch_size": Choice((512, 4096)),
    }
    monkeypatch.setattr(config, "search_space", space)
    with RunRecorder(tmp_path, "tune lightgcn") as recorder:
        tuned = tune("lightgcn", planted(), tmp_path, 14, replace(OPTIONS, recorder=recorder))
    pruned = {one.number for one in tuned.tried if one.state == "pruned"}
    assert pruned
    assert min(pruned) >= 5
    for run in recorder.store.runs():
        if int(run.tags["cinegraph.trial"]) in pruned:
            epoch, _ = recorder.store.curve(run.id, CURVE)[-1]
            assert run.tags["cinegraph.pruned"] == f"at epoch {epoch}"
            assert "validation/ndcg_at_10" not in run.metrics
            assert run.status == Status.FINISHED


SHARED = """
import sys
from pathlib import Path
from recommenders.protocol import load_protocol
from recommenders.runs.recorder import RunRecorder
from recommenders.training import TrainingOptions
from recommenders.tuning import tune
from tests.recommenders.planted import planted
home = Path(sys.argv[1])
with RunRecorder(home, "tune ease") as recorder:
    tune("ease", planted(), home, int(sys.argv[2]),
        TrainingOptions(protocol=load_protocol("user_time"), device="cpu", recorder=recorder))
"""


def test_two_processes_share_a_study_and_its_trials(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHARED, str(tmp_path), "16"]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [one.wait(240) for one in processes] == [0, 0]
    tuned = tune("ease", planted(), tmp_path, 1, OPTIONS)
    assert tuned.study == "ease-1"
    assert [one.number for one in tuned.tried] == list(range(16))
    assert len({str(one.params) for one in tuned.tried}) == 16
    runs = RunStore(tmp_path).runs("tune ease")
    assert sorted(int(run.tags["cinegraph.trial"]) for run in runs) == list(range(16))
    assert len({run.tags["cinegraph.process"] for run in runs}) == 2


def test_a_study_that_is_killed_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    for folder in ("killed", "whole"):
        (tmp_path / folder).mkdir()
    home = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", SHARED, str(home), "100000"])
    until = time.monotonic() + 120
    store = RunStore(home)
    while len(store.runs(status=Status.FINISHED)) < 3 or not store.runs(status=Status.RUNNING):
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ended = len(store.runs(status=Status.FINISHED))
    with RunRecorder(home, "tune ease"):
        tuned = tune("ease", planted(), home, ended + 4, OPTIONS)
    assert tried(tuned) == tried(tune("ease", planted(), tmp_path / "whole", ended + 4, OPTIONS))
    assert {run.status for run in store.runs()} <= {Status.FINISHED, Status.KILLED}
