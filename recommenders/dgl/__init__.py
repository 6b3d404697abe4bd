"""DGL as another engine for LightGCN's propagation, in a process and an environment of its own.

DGL's last version on PyPI needs a PyTorch and a NumPy that nothing else here can live with (decision 0008), so it is
never imported: `worker.py` runs in the environment that `make dgl` makes, and arrays go there and back as files.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from cinegraph.errors import InvalidInput, MissingExtra
from recommenders.arrays import Csr, FloatArray

WORKER: Final = Path(__file__).with_name("worker.py")


def propagated(python: Path, liked: Csr, embeddings: FloatArray, layers: int) -> FloatArray:
    """LightGCN's final embeddings of users and movies (users + movies, d): the mean of layers 0 to `layers`.

    `liked` (users, movies) holds what is liked, `embeddings` (users + movies, d) layer 0; `python` is that of DGL's
    environment. Raises `MissingExtra` where it is not there, `InvalidInput` for embeddings of another size.
    """
    nodes = sum(liked.shape)
    if embeddings.ndim != 2 or len(embeddings) != nodes:
        raise InvalidInput(f"embeddings have shape {embeddings.shape}, not ({nodes}, d): one for each user and movie")
    if not python.exists():
        raise MissingExtra(f"{python} is not there: DGL lives in an environment of its own, made with: make dgl")
    users, movies = (part.astype(np.int64) for part in liked.tocoo().coords)
    with tempfile.TemporaryDirectory(prefix="cinegraph-dgl-") as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npy")
        np.savez(given, users=users, movies=movies, shape=np.array(liked.shape), embeddings=embeddings, layers=layers)
        _run(python, given, found)
        result: FloatArray = np.load(found, allow_pickle=False)
    return result


def _run(python: Path, given: Path, found: Path) -> None:
    environment = {"DGLBACKEND": "pytorch", "HOME": str(given.parent), "OMP_NUM_THREADS": "1"}
    command = [str(python), "-W", "ignore", str(WORKER), str(given), str(found)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        raise MissingExtra(f"DGL cannot run in {python.parent.parent}: {last[0]}; make it anew with: make dgl")
