"""Folders that survive a loss of power."""

import os
from pathlib import Path

import pytest

from cinegraph.folders import sync


def test_the_names_in_a_folder_are_written_and_the_folder_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((handle, os.path.sameopenfile(handle, handle))))
    sync(tmp_path)
    ((handle, was_open),) = synced
    assert was_open
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        sync(tmp_path / "missing")
