"""Trained models as folders of arrays: written once, never changed, checked whole when read.

`<root>/<version>/` holds one `.npy` a array and `manifest.json`. The version is `<model>-<12 hex digits>`, taken from
the content (all but the time of making), so that the same training gives the same version. Nothing is pickled, and
nothing of a user is in it. A folder is written beside its place, synced and renamed, so that it is whole or absent.

`start.npz` is what the next training may go on from (`start.py`). Serving does not read it, and needs it not.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from cinegraph.errors import ArtifactCorrupt, InvalidInput, NotFound
from cinegraph.folders import sync
from cinegraph.types import Millis
from recommenders.arrays import AnyArray, IdArray
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import Scorer

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
START: Final = "start.npz"
BESIDE: Final = ("questions.",)
"""What the names of arrays begin with that are no part of the scorer."""
_VERSION = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{12}")
_FIELDS: Final = {"format", "model", "scorer", "config", "fingerprint", "metrics", "files", "created_at", "checksum"}


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """A published model: its scorer over `movie_ids`, where it comes from, and arrays `beside` the scorer's, named
    `<what>.<name>`."""

    version: str
    model: str
    scorer: Scorer
    movie_ids: IdArray
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]
    fingerprint: str
    created_at: Millis
    beside: Mapping[str, AnyArray] = field(default_factory=dict)


def save_artifact(
    root: Path,
    model: str,
    scorer: Scorer,
    movie_ids: IdArray,
    *,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    fingerprint: str,
    created_at: Millis,
    beside: Mapping[str, AnyArray] | None = None,
    start: Mapping[str, AnyArray] | None = None,
) -> str:
    """Write the model under `root`, and give its version; the same content a second time changes nothing, unless what
    is there is damaged: it is written anew."""
    blobs = {
        f"{name}.npy": _bytes(array)
        for name, array in (*scorer.arrays().items(), ("movies", movie_ids), *(beside or {}).items())
    }
    if start:
        blobs[START] = _packed(start)
    content = {
        "format": FORMAT,
        "model": model,
        "scorer": scorer.kind,
        "config": dict(config),
        "fingerprint": fingerprint,
        "metrics": dict(metrics),
        "files": {name: hashlib.sha256(blob).hexdigest() for name, blob in sorted(blobs.items())},
    }
    version = f"{model}-{_digest(content)[:12]}"
    if not _VERSION.fullmatch(version):
        raise InvalidInput(f"{model!r} is no name for a model: use a-z, 0-9 and _")
    if (root / version).exists():
        if _is_whole(root, version):
            return version
        _set_aside(root, version)
    manifest = {**content, "created_at": created_at}
    manifest["checksum"] = _digest(manifest)
    _place(root, version, {**blobs, MANIFEST: (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()})
    return version


def load_artifact(root: Path, version: str) -> Artifact:
    """The model of that version; raises `NotFound` where there is none, `ArtifactCorrupt` naming the file at fault."""
    folder = _folder(root, version)
    manifest = _manifest(folder, version)
    files = {name: sha for name, sha in manifest["files"].items() if name != START}
    arrays = {name.removesuffix(".npy"): _array(folder / name, sha) for name, sha in files.items()}
    movies = arrays.pop("movies", np.zeros(0, dtype=np.str_))
    beside = {name: arrays.pop(name) for name in list(arrays) if name.startswith(BESIDE)}
    try:
        scorer = scorer_from(manifest["scorer"], arrays)
    except InvalidInput as error:
        raise ArtifactCorrupt(f"{folder}: {error}; train the model anew") from error
    if movies.ndim != 1 or movies.dtype.kind != "U" or len(movies) != len(scorer.popularity):
        raise ArtifactCorrupt(
            f"{folder / 'movies.npy'} holds {movies.dtype} of shape {movies.shape}, not one id for each of the "
            f"{len(scorer.popularity)} movies; train the model anew"
        )
    if not len(movies):
        raise ArtifactCorrupt(f"{folder} is a model of no movie; train the model anew")
    return Artifact(
        version=version,
        model=manifest["model"],
        scorer=scorer,
        movie_ids=movies,
        config=manifest["config"],
        metrics=manifest["metrics"],
        fingerprint=manifest["fingerprint"],
        created_at=manifest["created_at"],
        beside=beside,
    )


def load_start(root: Path, version: str) -> dict[str, AnyArray]:
    """What a training may go on from, {} where the version never had that; raises as `load_artifact` does."""
    folder = _folder(root, version)
    sha = _manifest(folder, version)["files"].get(START)
    if sha is None:
        return {}
    try:
        with np.load(BytesIO(_blob(folder / START, sha)), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactCorrupt(f"{folder / START} holds no arrays: {error}") from error


def stamp(root: Path, version: str) -> tuple[tuple[str, int, int], ...]:
    """Another one when a file of a version is another one: name, size and time of change of each."""
    files = sorted((root / version).glob("*"))
    with contextlib.suppress(FileNotFoundError):
        return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return ()


def list_artifacts(root: Path) -> tuple[str, ...]:
    """The versions under `root`, by name; what is not one is passed over."""
    if not root.is_dir():
        return ()
    return tuple(sorted(one.name for one in root.iterdir() if one.is_dir() and _VERSION.fullmatch(one.name)))


def _is_whole(root: Path, version: str) -> bool:
    try:
        load_artifact(root, version)
        load_start(root, version)
    except (ArtifactCorrupt, NotFound):
        return False
    return True


def _folder(root: Path, version: str) -> Path:
    folder = root / version
    if not _VERSION.fullmatch(version) or not folder.is_dir():
        raise NotFound(f"there is no model {version!r} in {root}; see: cinegraph models list")
    return folder


def _set_aside(root: Path, version: str) -> None:
    """Move a damaged version to a name that is no version's, and remove it there: it is whole or absent at any time."""
    aside = Path(tempfile.mkdtemp(prefix=f".{version}-corrupt-", dir=root))
    (root / version).rename(aside / version)
    shutil.rmtree(aside, ignore_errors=True)


def _bytes(array: AnyArray) -> bytes:
    stream = BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()


def _packed(arrays: Mapping[str, AnyArray]) -> bytes:
    """As one file, the same bytes for the same arrays."""
    stream = BytesIO()
    np.savez(stream, allow_pickle=False, **{name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return stream.getvalue()


def _digest(content: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a manifest cannot hold a figure that is no number, or an object: {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()


def _place(root: Path, version: str, blobs: Mapping[str, bytes]) -> None:
    """All files or none: written beside, synced, then renamed into place."""
    root.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=root))
    try:
        for name, blob in blobs.items():
            with (making / name).open("wb") as file:
                file.write(blob)
                file.flush()
                os.fsync(file.fileno())
        making.chmod(0o755)
        sync(making)
        try:
            making.rename(root / version)
        except OSError:
            if not (root / version).is_dir():
                raise
            load_artifact(root, version)  # another process was first, with the same content
        sync(root)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _manifest(folder: Path, version: str) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ArtifactCorrupt(f"{path} cannot be read: {error}; train the model anew") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise ArtifactCorrupt(f"{path} is not a manifest of a Cinegraph model; train the model anew")
    if manifest["format"] > FORMAT:
        raise ArtifactCorrupt(
            f"{path} has format {manifest['format']}, and this Cinegraph reads up to {FORMAT}; update Cinegraph"
        )
    if manifest.keys() != _FIELDS:
        raise ArtifactCorrupt(f"{path} has the fields {sorted(manifest)}, not {sorted(_FIELDS)}; train the model anew")
    _check_unchanged(path, manifest, version)
    return manifest


def _check_unchanged(path: Path, manifest: Mapping[str, Any], version: str) -> None:
    dated = {name: value for name, value in manifest.items() if name != "checksum"}
    content = {name: value for name, value in dated.items() if name != "created_at"}
    try:
        unchanged = _digest(dated) == manifest["checksum"] and f"{manifest['model']}-{_digest(content)[:12]}" == version
    except InvalidInput:
        unchanged = False
    if not unchanged:
        raise ArtifactCorrupt(f"{path} was changed after it was written, or belongs to another model than {version}")


def _blob(path: Path, sha: str) -> bytes:
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ArtifactCorrupt(f"{path} cannot be read: {error}; train the model anew") from error
    if hashlib.sha256(blob).hexdigest() != sha:
        raise ArtifactCorrupt(
            f"{path} is truncated or was changed: {len(blob):,} bytes with another checksum than written"
        )
    return blob


def _array(path: Path, sha: str) -> AnyArray:
    try:
        array: AnyArray = np.load(BytesIO(_blob(path, sha)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ArtifactCorrupt(f"{path} is no array: {error}") from error
    if array.dtype.kind == "f" and not math.isfinite(float(array.sum(dtype=np.float64))):
        raise ArtifactCorrupt(f"{path} holds numbers that are NaN or infinite; train the model anew")
    return array
