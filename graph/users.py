"""Who uses a shared server: a locked file for each. Locks are the kernel's: a killed process leaves none behind."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class Users:
    """The users of one server; `enter` and `leave` are called by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: IO[str] | None = None

    @property
    def entered(self) -> bool:
        """Whether we are one of them."""
        return self._own is not None

    def enter(self) -> None:
        """Be one of them, until `leave` or the end of the process."""
        if self._own is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for file in self._folder.iterdir():
            if not _locked(file):
                file.unlink(missing_ok=True)
        self._own = (self._folder / f"{os.getpid()}-{secrets.token_hex(4)}").open("w")
        fcntl.flock(self._own, fcntl.LOCK_EX)

    def leave(self) -> None:
        """Be none of them any more."""
        if self._own is not None:
            Path(self._own.name).unlink(missing_ok=True)
            self._own.close()
            self._own = None

    def others(self) -> list[int]:
        """The process ids of all others; one process may be there more than once."""
        return sorted(int(file.name.partition("-")[0]) for file in self._files() if _locked(file))

    def _files(self) -> Iterator[Path]:
        own = Path(self._own.name) if self._own else None
        if self._folder.exists():
            yield from (file for file in self._folder.iterdir() if file != own)


def _locked(path: Path) -> bool:
    """Whether somebody holds the file; a shared lock, so that two who look at once do not take each other for users."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
