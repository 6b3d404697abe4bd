"""Arrays by name in a file that is whole or absent; one that cannot be read is as good as none."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cinegraph.secret_file import replacing
from recommenders.arrays import AnyArray


def read_arrays(path: Path) -> dict[str, AnyArray] | None:
    """What the file holds; None where it is absent, or cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None


def write_arrays(path: Path, arrays: Mapping[str, AnyArray]) -> None:
    """Put arrays in the place of what the file held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
