"""Vectors of texts, encoded once: a file keeps them by the hash of the text.

The file is written beside its place and renamed, so that it is whole or absent; one that cannot be read is like none.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recommenders.arrays import FloatArray

Encode = Callable[[Sequence[str], Callable[[int, int], None]], FloatArray]
"""Texts, and who is told (done, total), to vectors (n, d)."""
FILE: Final = "texts.npz"
AT_ONCE: Final = 1_000
"""Texts after which what was encoded is kept."""


def vectors_of(
    texts: Sequence[str], folder: Path, encode: Callable[[], Encode], told: Callable[[int, int], None]
) -> FloatArray:
    """The vector of each text (n, d). `encode` makes the encoder, only where a text is not kept yet."""
    hashes = np.array([hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts], dtype="U32")
    kept = _read(folder / FILE)
    names = list(dict.fromkeys(hashes.tolist()))
    written = dict(zip(hashes.tolist(), texts, strict=True))
    new = [name for name in names if name not in kept]
    encoder = encode() if new else None
    for start in range(0, len(new), AT_ONCE):
        assert encoder is not None
        some = new[start : start + AT_ONCE]

        def tell(count: int, total: int, before: int = start) -> None:
            told(before + count, len(new))

        found = encoder([written[name] for name in some], tell).astype(np.float16)
        kept |= dict(zip(some, found, strict=True))
        _write(folder, {name: kept[name] for name in names if name in kept})
    vectors: FloatArray = np.stack([kept[name] for name in hashes.tolist()]).astype(np.float32)
    return vectors


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(zip(arrays["names"].tolist(), arrays["vectors"], strict=True))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return {}


def _write(folder: Path, vectors: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(prefix=".texts-", suffix=".npz", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, names=np.array(list(vectors), dtype="U32"), vectors=np.stack(list(vectors.values())))
        Path(made).replace(folder / FILE)
    finally:
        Path(made).unlink(missing_ok=True)
