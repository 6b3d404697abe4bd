"""Locks between processes. They are the kernel's: a killed process leaves none behind."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Final

EVERY: Final = 0.1
"""Seconds between two tries of a task that waits."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one process, and one thread of it, is in here at a time for a file, which is made where it is not there."""
    with _opened(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@asynccontextmanager
async def one_at_a_time(path: Path) -> AsyncIterator[None]:
    """The same for tasks: who comes meanwhile waits, and can be cancelled."""
    with _opened(path) as handle:
        while not taken(handle):
            await asyncio.sleep(EVERY)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The descriptor of a file that is locked by it; the lock ends with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def taken(descriptor: int) -> bool:
    """Lock a file alone, without waiting; whether that was so."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Presence:
    """A locked file in a folder, which says that we are still there; others know it by its `name`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with alone(folder / ".lock"):
            for file in folder.glob("[!.]*"):
                if not is_present(folder, file.name):
                    file.unlink(missing_ok=True)
            self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._file: IO[str] = (folder / self.name).open("w")
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def leave(self) -> None:
        """Be gone."""
        (self._folder / self.name).unlink(missing_ok=True)
        self._file.close()


def is_present(folder: Path, name: str) -> bool:
    """Whether the one of that name is still there; by a shared lock, so that two who look do not see each other."""
    try:
        with (folder / name).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
