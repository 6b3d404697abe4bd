"""Folders of work: gone at the end, also those of killed runs, and never one that is in use."""

import subprocess
import sys
from pathlib import Path

import pytest

from graph.ingest import exchange as exchanging
from graph.ingest.exchange import exchange, mend
from graph.ingest.workspace import work_folder

LEAVE = """
import os, pathlib, sys
from graph.ingest.workspace import work_folder
with work_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "ratings").write_text("many")
    os.kill(os.getpid(), 9)
"""


def test_a_folder_is_there_as_long_as_its_run(tmp_path: Path) -> None:
    with work_folder(tmp_path / "work") as folder:
        assert folder.parent == tmp_path / "work"
        (folder / "ratings").write_text("many")
    assert list((tmp_path / "work").iterdir()) == []


def test_the_folder_of_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", LEAVE, tmp_path], check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with work_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_the_folder_of_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    with work_folder(tmp_path) as one, work_folder(tmp_path) as other:
        assert sorted(tmp_path.iterdir()) == sorted([one, other])


@pytest.mark.parametrize("in_one_step", [True, False])
def test_two_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool) -> None:
    if not in_one_step:
        monkeypatch.setattr(exchanging, "_swap", lambda new, old: False)
    new, old = _folder(tmp_path / "new", "fresh"), _folder(tmp_path / "old", "stale")
    exchange(new, old)
    assert [(new / "store").read_text(), (old / "store").read_text()] == ["stale", "fresh"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new", "old"]


@pytest.mark.parametrize("step", [1, 2])
def test_a_kill_between_two_steps_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    new, old = _folder(tmp_path / "new", "fresh"), _folder(tmp_path / "old", "stale")
    whole, done = Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        done.append(path)
        result = whole(path, target)
        if len(done) == step:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(exchanging, "_swap", lambda new, old: False)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        exchange(new, old)
    monkeypatch.undo()
    (old / "empty").mkdir(parents=True, exist_ok=True)
    mend(old, "store")
    assert (old / "store").read_text() == ("stale" if step == 1 else "fresh")
    assert not (tmp_path / "old.before").exists()


def _folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "store").write_text(text)
    return path
