"""A file with a secret: made once, whole or not at all, readable by its owner alone; and any file that is to be so."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cinegraph.errors import SecretBroken


def read_or_make(path: Path, make: Callable[[], bytes], least: int, *, may_renew: bool = True) -> bytes:
    """What the file holds; made where it is missing, and where it is empty and `may_renew`.

    Raises `SecretBroken` for a file of less than `least` bytes: a short secret protects nothing, and replacing it would
    lock out whoever knows the old one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent):
        found = path.read_bytes() if path.exists() else None
        if found is None or (not found and may_renew):
            _write(path, make())
        elif len(found) < least:
            raise SecretBroken(
                f"{path} holds {len(found)} bytes, and must hold {least} at least: it was cut short. Put the right "
                f"one there, or remove it to have a new one made"
            )
        return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """What the file is to hold, written beside its place, then moved: a kill leaves the old file or the new one."""
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}-", suffix=path.suffix, dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time, so that all read what the first one made."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
