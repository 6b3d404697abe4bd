"""Files that a command writes at its end, looked at before its long work begins."""

import os
from pathlib import Path

from cinegraph.errors import InvalidInput


def check_writable(option: str, path: Path | None) -> None:
    """Raise `InvalidInput` for a file that could not be written; nothing of it is changed."""
    if path is None:
        return
    if path.is_dir():
        raise InvalidInput(f"{option} {path}: this is a folder; name a file")
    if not path.parent.is_dir():
        raise InvalidInput(f"{option} {path}: there is no folder {path.parent}; make it first, or name another file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidInput(f"{option} {path}: it must not be written; name another file")
