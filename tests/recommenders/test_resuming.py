"""A training that was ended goes on where it was, to the same bytes, and with no other training's state."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recommenders import registry
from recommenders.arrays import AnyArray
from recommenders.checkpoints import KEPT_SECONDS, Checkpoints
from recommenders.model import FitOptions, Model, Progress
from recommenders.splits import VALIDATION, user_time
from tests.recommenders.planted import PAPER, SMALL, catalogue, planted

EPOCHS, ENDED = 12, 7
EACH = {"epochs": EPOCHS, "evaluate_every": 3, "patience": 9}
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.recommenders.test_resuming import fit, model
def told(progress):
    if progress.done == 7 and progress.task == "epochs":
        os.kill(os.getpid(), signal.SIGKILL)
fit(model("lightgcn"), Path(sys.argv[1]), told)
"""


class Ended(Exception):
    """The training is ended from outside."""


def model(name: str, **config: Any) -> Model[Any]:
    return registry.create(name, {**SMALL[name], **EACH, **config})


def fit(
    made: Model[Any], folder: Path | None, told: Callable[[Progress], None] = lambda _: None, seed: int = 0
) -> None:
    split = user_time(planted())
    kept = Checkpoints(folder) if folder else None
    question = split.question(VALIDATION)
    options = FitOptions(seed, question, "cpu", catalogue(), checkpoints=kept, progress=told)
    made.fit(split.train, options)


def ending(progress: Progress) -> None:
    if progress.task == "epochs" and progress.done == ENDED:
        raise Ended


def content(made: Model[Any]) -> dict[str, bytes]:
    embeddings = made.embeddings()
    assert embeddings is not None
    return {name: array.tobytes() for name, array in made.scorer().arrays().items()} | {
        "users": embeddings.users.tobytes(),
        "learning": repr(made.learning).encode(),
        "epochs": str(made.config.epochs).encode(),
    }


def ended(name: str, folder: Path, **config: Any) -> None:
    with pytest.raises(Ended):
        fit(model(name, **config), folder, ending)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("lightgcn", PAPER),
        ("lightgcn", {"neighbours": 5}),
        ("lightgcn", {}),
        ("xsimgcl", {}),
        ("kgnn", {}),
        ("kgnn", {"neighbours": 5}),
    ],
)
def test_a_training_that_was_ended_goes_on_to_the_same_bytes(name: str, config: dict[str, Any], tmp_path: Path) -> None:
    whole, again, told = model(name, **config), model(name, **config), list[int]()
    fit(whole, None)
    ended(name, tmp_path, **config)
    fit(again, tmp_path, lambda progress: told.append(progress.done))
    assert told == list(range(7, EPOCHS + 1)), "epoch 6 is the last that was looked at and kept"
    assert content(again) == content(whole)
    assert list(tmp_path.iterdir()) == [], "at its end nothing is kept"


def test_a_training_that_was_killed_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    whole, again = model("lightgcn"), model("lightgcn")
    fit(whole, None)
    fit(again, tmp_path)
    assert content(again) == content(whole)


def change(path: Path, name: str, value: AnyArray) -> None:
    with np.load(path) as file:
        arrays = dict(file) | {name: value}
    np.savez(path, **arrays)


def test_with_other_dice_the_bytes_are_others(tmp_path: Path) -> None:
    """The mutant: what the next epochs draw is not what they would have drawn."""
    whole, again = model("lightgcn"), model("lightgcn")
    fit(whole, None)
    ended("lightgcn", tmp_path)
    (path,) = tmp_path.iterdir()
    change(path, "dice", torch.Generator().manual_seed(99).get_state().numpy())
    fit(again, tmp_path)
    assert content(again) != content(whole)


@pytest.mark.parametrize(("seed", "config"), [(1, {}), (0, {"learning_rate": 0.01})])
def test_another_seed_or_configuration_begins_anew(seed: int, config: dict[str, Any], tmp_path: Path) -> None:
    ended("lightgcn", tmp_path)
    told: list[int] = []
    fit(model("lightgcn", **config), tmp_path, lambda progress: told.append(progress.done), seed)
    assert told == list(range(1, EPOCHS + 1))


def test_a_truncated_file_is_as_good_as_none(tmp_path: Path) -> None:
    whole, again = model("lightgcn"), model("lightgcn")
    fit(whole, None)
    ended("lightgcn", tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    fit(again, tmp_path)
    assert content(again) == content(whole)


def test_files_that_nobody_comes_back_for_go_after_a_week(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path)
    kept.save("one", "a", {"x": np.zeros(1)})
    (old,) = tmp_path.iterdir()
    since = old.stat().st_mtime - KEPT_SECONDS - 1
    os.utime(old, (since, since))
    kept.save("other", "b", {"x": np.ones(1)})
    kept.forget_old()
    assert kept.load("one", "a") is None
    assert (kept.load("other", "b") or {})["x"].tolist() == [1.0]
    kept.clear()
    assert kept.load("other", "b") is None
