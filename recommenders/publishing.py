"""From a training to a model that is served: artefact, embeddings, SIMILAR relationships, and last the pointer.

Nothing that is refused reaches the graph: the gate is first. Everything before the pointer can be repeated, so that a
kill at any point leaves the old model serving, and the next publication starts clean.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from cinegraph.errors import ModelError, NotEnoughData
from graph.client import Reader, Writer
from graph.models import (
    Progress,
    Published,
    Vectors,
    Version,
    activate,
    export_interactions,
    find_version,
    list_versions,
    publish,
)
from recommenders.arrays import FloatArray
from recommenders.artifacts import Artifact, load_artifact, save_artifact
from recommenders.interactions import Interactions
from recommenders.training import Fitted, TrainingRun

SIMILAR: Final = 20
"""SIMILAR relationships that leave each movie."""


async def load_interactions(reader: Reader, progress: Progress | None = None) -> Interactions:
    """The graph's ratings as training data; `NotEnoughData` for a graph without any."""
    frame: pl.DataFrame = await export_interactions(reader, progress)
    if frame.is_empty():
        raise NotEnoughData("the graph has no ratings to learn from; bring some in with cinegraph ingest")
    return await asyncio.to_thread(Interactions.from_frame, frame)


async def publish_run(writer: Writer, artifacts: Path, run: TrainingRun, progress: Progress | None = None) -> str:
    """Check the best model of a training and make it the served one; its version.

    Raises `ModelRefused` where it must not be served: the old one keeps serving.
    """
    advantage = run.check()
    metrics = {**run.as_json(), "overPopular": str(advantage)}
    version = await asyncio.to_thread(_save, artifacts, run.fitted(), run, metrics)
    artifact = load_artifact(artifacts, version)
    await publish(writer, _described(artifact), _content(artifact, run.fitted()), progress)
    return version


def _save(artifacts: Path, final: Fitted, run: TrainingRun, metrics: dict[str, object]) -> str:
    return save_artifact(
        artifacts,
        final.name,
        final.scorer,
        final.movies,
        config=final.config,
        metrics=metrics,
        fingerprint=run.fingerprint,
        created_at=time.time_ns() // 1_000_000,
    )


def _described(artifact: Artifact) -> Version:
    return Version(
        artifact.version, artifact.model, artifact.config, artifact.fingerprint, artifact.metrics, artifact.version
    )


def _content(artifact: Artifact, final: Fitted | None = None) -> Published:
    embeddings = final.embeddings if final else None
    if final is None or embeddings is None:
        return Published(similar=_similar(artifact))
    return Published(
        similar=_similar(artifact),
        movies=_vectors(final.movies.tolist(), embeddings.movies),
        users=_vectors(final.users.tolist(), embeddings.users),
        dimensions=int(embeddings.movies.shape[1]),
    )


def _vectors(ids: Sequence[str], vectors: FloatArray) -> Vectors:
    """Those that are not all zeros: a zero vector has no direction to compare."""
    return ((id_, vector.tolist()) for id_, vector in zip(ids, vectors, strict=True) if vector.any())


def _similar(artifact: Artifact) -> Iterator[tuple[str, str, float, int]]:
    ids = artifact.movie_ids.tolist()
    for movie in range(len(ids)):
        found = artifact.scorer.similar(movie, SIMILAR)
        for rank, (other, score) in enumerate(zip(found.items.tolist(), found.scores.tolist(), strict=True), 1):
            yield ids[movie], ids[other], score, rank


async def promote(writer: Writer, artifacts: Path, version_id: str, progress: Progress | None = None) -> None:
    """Serve an older version: its artefact is checked, its SIMILAR relationships are written, last the pointer."""
    version = await find_version(writer, version_id)
    if version.active:
        raise ModelError(f"{version_id} is the active model already; nothing was changed")
    artifact = await asyncio.to_thread(load_artifact, artifacts, version_id)
    if version.previous:
        await activate(writer, version_id)
    else:
        await publish(writer, version, _content(artifact), progress)


async def rollback(writer: Writer, artifacts: Path) -> str:
    """Serve the version before the active one again; its id. One transaction, since it still has all it wrote."""
    previous = next((one for one in await list_versions(writer) if one.previous), None)
    if previous is None:
        raise ModelError("there is no version before the active one to go back to; cinegraph models list shows all")
    await promote(writer, artifacts, previous.id)
    return previous.id
