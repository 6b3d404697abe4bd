"""A folder for the files of one run, in the home: removed when it ends, and after a kill by the next run.

Data sets are large and `/tmp` often is memory, so the files lie where the graph does. A run holds the kernel's lock on
a file in its folder: a folder whose lock is free belongs to a run that was killed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import psutil

LOCK: Final = "run.lock"
SECONDS: Final = 20.0
"""How long a left-over process may take to end."""


@contextmanager
def work_folder(parent: Path | None, prefix: str = "run-") -> Iterator[Path]:
    """A new folder in `parent` (the system's place for such things where None); also takes away what was left over."""
    if parent is None:
        with tempfile.TemporaryDirectory(prefix="cinegraph-") as temporary:
            yield Path(temporary)
        return
    parent.mkdir(parents=True, exist_ok=True)
    folder, lock = _claim(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _claim(parent: Path, prefix: str) -> tuple[Path, IO[str]]:
    """A new folder with its lock held; nobody looks for left-over ones between the two."""
    with _alone_in(parent):
        for left in parent.glob(f"{prefix}*"):
            if left.is_dir():
                _remove_left(left)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = (folder / LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove_left(folder: Path) -> None:
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _end_processes(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end_processes(folder: Path) -> None:
    """End a Neo4j, or an import, that works in a folder whose run was killed."""
    found = [process for process in psutil.process_iter(["cmdline"]) if _works_in(process, folder)]
    for process in found:
        process.terminate()
    for process in psutil.wait_procs(found, SECONDS)[1]:
        process.kill()


def _works_in(process: psutil.Process, folder: Path) -> bool:
    program, *arguments = process.info["cmdline"] or [""]
    return Path(program).name == "java" and any(f"{folder}/" in argument for argument in arguments)
