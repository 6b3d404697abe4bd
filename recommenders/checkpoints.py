"""Trainings that were ended before their time, as files: the next one of the same goes on where the last one was.

A file holds arrays by name (`array_file.py`). Its name is a hash of all that the training is made of, so that another
training never goes on with it. A training that comes to its end removes its file: what is learnt of users lies in no
other.
"""

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from recommenders.array_file import read_arrays, write_arrays
from recommenders.arrays import AnyArray
from recommenders.knowledge import Knowledge

SUFFIX: Final = ".npz"
KEPT_SECONDS: Final = 7 * 86_400
"""How long a file is kept that nobody comes back for."""


class Checkpoints:
    """The files of a folder, which is made where it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, model: str, key: str) -> dict[str, AnyArray] | None:
        """What was kept; None where nothing was, or what was cannot be read."""
        return read_arrays(self._path(model, key))

    def save(self, model: str, key: str, arrays: Mapping[str, AnyArray]) -> None:
        """Keep arrays in the place of what was kept before."""
        write_arrays(self._path(model, key), arrays)

    def drop(self, model: str, key: str) -> None:
        """Keep nothing any more."""
        self._path(model, key).unlink(missing_ok=True)

    def clear(self) -> None:
        """Keep nothing any more of any training."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, model: str, key: str) -> Path:
        return self._folder / f"{model}-{key}{SUFFIX}"

    def forget_old(self) -> None:
        """Keep no file any more that nobody came back for."""
        before = time.time() - KEPT_SECONDS
        for path in (*self._folder.glob(f"*{SUFFIX}"), *self._folder.glob(f".*{SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()


def key_of(parts: Mapping[str, Any], knowledge: Knowledge | None) -> str:
    """A hash of what a training is made of: parts that JSON can hold, and the catalogue."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for relation, (label, matrix) in (knowledge.links if knowledge else {}).items():
        digest.update(f"{relation.value} {label.value} {matrix.shape}".encode())
        for array in (matrix.indptr, matrix.indices, matrix.data):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
