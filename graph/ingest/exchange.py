"""Two folders change places in one step, so that a kill finds the old one or the new one in place, never none.

Linux and macOS have a call for that which Python does not offer; some file systems cannot do it, and there the old one
is put aside under a name at which the next run finds it.
"""

import ctypes
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from cinegraph.folders import sync

AT_FDCWD: Final = -100
SWAP: Final = 2
"""RENAME_EXCHANGE of Linux (renameat2) and RENAME_SWAP of macOS (renamex_np)."""


def exchange(new: Path, old: Path) -> None:
    """Put `new` where `old` is, and `old` where `new` was; both exist, on one file system."""
    if not _swap(new, old):
        aside = _aside(old)
        old.rename(aside)
        new.rename(old)
        aside.rename(new)
    for folder in {new.parent, old.parent}:
        sync(folder)


def mend(folder: Path, whole: str) -> None:
    """After a kill: put back what was put aside where nothing that holds `whole` has taken the place of it."""
    aside = _aside(folder)
    if aside.exists():
        if not (folder / whole).exists():
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.before")


def _swap(new: Path, old: Path) -> bool:
    """Whether the system could do it in one step."""
    library = ctypes.CDLL(None, use_errno=True)
    one, other = os.fsencode(new), os.fsencode(old)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(one, other, SWAP)
        else:
            failed = library.renameat2(AT_FDCWD, one, AT_FDCWD, other, SWAP)
    except AttributeError:
        return False
    return not failed
