"""Vectors of texts, encoded once: a file (`array_file.py`) keeps them by the hash of the text."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recommenders.array_file import read_arrays, write_arrays
from recommenders.arrays import AnyArray, FloatArray

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

        encoded = encoder([written[name] for name in some], tell).astype(np.float16)
        kept |= dict(zip(some, encoded, strict=True))
        there = [name for name in names if name in kept]
        vectors = np.stack([kept[name] for name in there])
        write_arrays(folder / FILE, {"names": np.array(there, dtype="U32"), "vectors": vectors})
    found: FloatArray = np.stack([kept[name] for name in hashes.tolist()]).astype(np.float32)
    return found


def _read(path: Path) -> dict[str, AnyArray]:
    arrays = read_arrays(path) or {}
    try:
        return dict(zip(arrays["names"].tolist(), arrays["vectors"], strict=True))
    except (ValueError, KeyError):
        return {}
