"""Catalogues that served, kept as files, so that an answer of then can be made again.

Each is a file of compressed arrays named by their checksum: `catalogue-<digest>.npz`, and beside it what was rated and
watched lately, `activity-<digest>.npz`, of movies and times alone, nothing of a user. The same content is written once,
whole or not at all. The files that served last are kept, others are removed. Models keep themselves (`artifacts.py`).
"""

import logging
import os
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cinegraph.errors import ArtifactCorrupt, NotFound
from cinegraph.folders import sync
from graph.snapshot import Arrays, Snapshot, digest_of
from recommenders.activity import Activity
from recommenders.artifacts import load_artifact
from recommenders.state import State, StateKey, state_of, without_model

log = logging.getLogger(__name__)

KEPT: Final = 20
"""Catalogues that are kept, unless set otherwise."""


class Needed(StrEnum):
    """What an answer of then needs."""

    MODEL = "model"
    CATALOGUE = "catalogue"


class Gone(NotFound):
    """A state cannot be had any more, for want of one part of it."""

    def __init__(self, part: Needed, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True, slots=True)
class Archive:
    """The catalogues kept in a folder, `kept` of them at most."""

    root: Path
    kept: int = KEPT

    def keep(self, state: State) -> None:
        """Write what a state is made from, beside its model, where it is not there yet, and forget the oldest. That a
        disk is full is logged: what serves goes on."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._write("catalogue", state.snapshot.digest, state.snapshot.arrays())
            self._write("activity", state.activity.digest, state.activity.arrays())
            self._forget()
        except OSError as error:
            log.error("the catalogue cannot be kept in %s, its answers cannot be replayed: %s", self.root, error)

    def restore(self, key: StateKey, artifacts: Path) -> State:
        """The state of a key; raises `Gone` where a part of it is not there any more, or is damaged."""
        snapshot = Snapshot.of_arrays(self._read("catalogue", key.catalogue), key.graph_version)
        activity = Activity.of_arrays(self._read("activity", key.activity))
        if not key.model:
            return without_model(snapshot, activity).by_popularity
        try:
            artifact = load_artifact(artifacts, key.model)
        except (NotFound, ArtifactCorrupt) as error:
            log.warning("an answer of %s cannot be replayed: %s", key.model, error)
            raise Gone(Needed.MODEL, f"the model {key.model} is not kept any more") from error
        return state_of(artifact, snapshot, activity)

    def _place(self, kind: str, digest: str) -> Path:
        return self.root / f"{kind}-{digest}.npz"

    def _write(self, kind: str, digest: str, arrays: Arrays) -> None:
        place = self._place(kind, digest)
        if place.exists():
            os.utime(place)
            return
        making, path = tempfile.mkstemp(prefix=f".{kind}-", dir=self.root)
        try:
            with os.fdopen(making, "wb") as file:
                np.savez_compressed(file, allow_pickle=False, **dict(arrays))
                file.flush()
                os.fsync(file.fileno())
            os.replace(path, place)
            sync(self.root)
        finally:
            Path(path).unlink(missing_ok=True)

    def _read(self, kind: str, digest: str) -> dict[str, NDArray[Any]]:
        place = self._place(kind, digest)
        try:
            with np.load(place, allow_pickle=False) as file:
                arrays = dict(file)
        except FileNotFoundError as error:
            raise Gone(Needed.CATALOGUE, "the catalogue of then is not kept any more") from error
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(place) from error
        if digest_of(arrays) != digest:
            raise self._damaged(place)
        return arrays

    def _damaged(self, place: Path) -> Gone:
        log.error("%s is damaged; what was answered from it cannot be replayed", place)
        return Gone(Needed.CATALOGUE, "the catalogue of then is damaged")

    def _forget(self) -> None:
        """Remove the files that served longest ago."""
        for kind in ("catalogue", "activity"):
            served = dict[Path, float]()
            for place in self.root.glob(f"{kind}-*.npz"):
                with suppress(FileNotFoundError):  # another process forgets too
                    served[place] = place.stat().st_mtime
            for place in sorted(served, key=served.__getitem__, reverse=True)[self.kept :]:
                place.unlink(missing_ok=True)
