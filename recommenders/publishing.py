"""From a training to a model that is served: artefact, embeddings, SIMILAR relationships, and last the pointer.

Nothing that is refused reaches the graph: the gate is first. Everything before the pointer can be repeated, so that a
kill at any point leaves the old model serving, and the next publication starts clean.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from cinegraph.errors import ModelError, ModelRefused, NotEnoughData
from cinegraph.locks import one_at_a_time
from cinegraph.settings import GateSettings, TrustSettings
from cinegraph.types import now
from graph.client import Reader, Writer
from graph.models import (
    Progress,
    Published,
    Vectors,
    Version,
    activate,
    describe,
    export_interactions,
    find_version,
    list_versions,
    publish,
)
from recommenders.arrays import FloatArray, IdArray
from recommenders.artifacts import Artifact, load_artifact, save_artifact
from recommenders.cosine_scorer import CosineScorer
from recommenders.gate import check, outcome_of
from recommenders.interactions import Interactions
from recommenders.least_squares_scorer import LeastSquaresScorer
from recommenders.new_accounts import capped, tell
from recommenders.results import Fitted, Recipe, TrainingRun
from recommenders.scorers import FactorScorer, History
from recommenders.soundness import check_arrays

TURN: Final = ".publishing.lock"
"""The file, beside the versions, by which one at a time changes what is served."""
SIMILAR: Final = 20
"""SIMILAR relationships that leave each movie."""


async def load_interactions(
    reader: Reader, progress: Progress | None = None, trust: TrustSettings | None = None
) -> Interactions:
    """The graph's ratings as training data, without likes by new accounts that nobody else bears out; `NotEnoughData`
    for a graph without any."""
    frame: pl.DataFrame = await export_interactions(reader, progress)
    if frame.is_empty():
        raise NotEnoughData("the graph has no ratings to learn from; bring some in with cinegraph ingest")
    found = capped(await asyncio.to_thread(Interactions.from_frame, frame), trust or TrustSettings())
    tell(found)
    return found.interactions


async def live_recipe(reader: Reader) -> Recipe | None:
    """What the served version was made by; None before the first one."""
    for version in await list_versions(reader):
        if version.active:
            return Recipe(version.id, version.model, version.config)
    return None


async def publish_run(
    writer: Writer,
    artifacts: Path,
    run: TrainingRun,
    limits: GateSettings,
    progress: Progress | None = None,
    *,
    live: str | None = None,
) -> str:
    """Check the chosen model of a training and make it the served one; its version.

    Raises `ModelRefused` where it must not be served: the old one keeps serving. That is so too where another version
    than `live` ("" for none) is served by now: the gate compared with one that is gone. One publication at a time: who
    comes meanwhile waits, and is compared with what that one serves. What the gate found is noted in
    the graph alone: it depends on what was served before, and the version is a hash of what was trained.
    """
    outcome = await asyncio.to_thread(check, run, limits)
    async with one_at_a_time(artifacts / TURN):
        await _check_live(writer, run.chosen, live)
        version = await asyncio.to_thread(_save, artifacts, run.fitted(), run)
        artifact = load_artifact(artifacts, version)
        described = _described(artifact)
        judged = replace(described, metrics={**described.metrics, "gate": outcome.as_json()})
        await publish(writer, judged, _content(artifact, run.fitted()), progress)
    return version


async def _check_live(reader: Reader, name: str, expected: str | None) -> None:
    recipe = await live_recipe(reader)
    live = recipe.version if recipe else ""
    if expected is not None and live != expected:
        raise ModelRefused(
            f"{name} was compared with {expected or 'no live model'}, and {live or 'none'} is served by now; "
            "train again"
        )


async def stage_run(writer: Writer, artifacts: Path, run: TrainingRun, limits: GateSettings) -> str:
    """Keep the chosen model of a training without serving it, also where the gate would refuse it; its version.

    Raises `ModelRefused` only for arrays that cannot be served. A version that is there already stays as it is.
    """
    await asyncio.to_thread(check_arrays, run.fitted())
    version = await asyncio.to_thread(_save, artifacts, run.fitted(), run)
    if all(one.id != version for one in await list_versions(writer)):
        described = _described(load_artifact(artifacts, version))
        metrics = {**described.metrics, "gate": outcome_of(run, limits).as_json()}
        await describe(writer, replace(described, metrics=metrics, status="staged"))
    return version


def _save(artifacts: Path, final: Fitted, run: TrainingRun) -> str:
    return save_artifact(
        artifacts,
        final.name,
        final.scorer,
        final.movies,
        config=final.config,
        metrics=run.as_json(),
        fingerprint=run.fingerprint,
        created_at=now(),
        beside=final.questions.arrays() if final.questions else None,
        start=final.start,
    )


def _described(artifact: Artifact) -> Version:
    return Version(
        artifact.version, artifact.model, artifact.config, artifact.fingerprint, artifact.metrics, artifact.version
    )


def _content(artifact: Artifact, final: Fitted) -> Published:
    if final.embeddings is None:
        return Published(similar=_similar(artifact))
    return Published(
        similar=_similar(artifact),
        movies=_vectors(final.movies.tolist(), final.embeddings.movies),
        users=_vectors(final.users.tolist(), final.embeddings.users),
        dimensions=int(final.embeddings.movies.shape[1]),
    )


async def _again(reader: Reader, artifact: Artifact, progress: Progress | None) -> Published:
    """What a version writes that is no longer in memory: movies' vectors as they are in the artefact, which has
    nothing of any user; users' vectors are made of what they have rated by now."""
    scorer = artifact.scorer
    if not isinstance(scorer, FactorScorer | CosineScorer | LeastSquaresScorer):
        return Published(similar=_similar(artifact))
    ratings = await export_interactions(reader, progress)
    return Published(
        similar=_similar(artifact),
        movies=_vectors(artifact.movie_ids.tolist(), scorer.item_factors),
        users=_users(scorer, artifact.movie_ids, ratings),
        dimensions=int(scorer.item_factors.shape[1]),
    )


def _users(
    scorer: FactorScorer | CosineScorer | LeastSquaresScorer, movie_ids: IdArray, ratings: pl.DataFrame
) -> Vectors:
    """The vector of each user whose ratings say something to the model."""
    index = {movie_id: number for number, movie_id in enumerate(movie_ids.tolist())}
    for (user_id,), rows in ratings.group_by("user_id", maintain_order=True):
        pairs = zip(rows["movie_id"], rows["rating"], strict=True)
        known = [(index[movie_id], rating) for movie_id, rating in pairs if movie_id in index]
        history = History.from_ratings([item for item, _ in known], [rating for _, rating in known])
        vector = scorer.user_vector(history)
        if vector.any():
            yield str(user_id), vector.tolist()


def _vectors(ids: Sequence[str], vectors: FloatArray) -> Vectors:
    """Those that are not all zeros: a zero vector has no direction to compare."""
    return ((id_, vector.tolist()) for id_, vector in zip(ids, vectors, strict=True) if vector.any())


def _similar(artifact: Artifact) -> Iterator[tuple[str, str, float, int]]:
    ids = artifact.movie_ids.tolist()
    for movie in range(len(ids)):
        found = artifact.scorer.similar(movie, SIMILAR)
        for rank, (other, score) in enumerate(zip(found.items.tolist(), found.scores.tolist(), strict=True), 1):
            yield ids[movie], ids[other], score, rank


async def promote(
    writer: Writer, artifacts: Path, version_id: str, progress: Progress | None = None, because: str = ""
) -> None:
    """Serve another version: its artefact is checked, what it wrote is written again, and last the pointer moves.

    Raises `ModelRefused` for one that was never served and that the gate refused, unless a reason is given, which is
    noted with it.
    """
    async with one_at_a_time(artifacts / TURN):
        await _promote(writer, artifacts, version_id, progress, because)


async def _promote(writer: Writer, artifacts: Path, version_id: str, progress: Progress | None, because: str) -> None:
    version = _let_through(await find_version(writer, version_id), because)
    if version.active:
        raise ModelError(f"{version_id} is the active model already; nothing was changed")
    artifact = await asyncio.to_thread(load_artifact, artifacts, version_id)
    if version.previous:
        await activate(writer, version_id, progress)
    else:
        await publish(writer, version, await _again(writer, artifact, progress), progress)


async def rollback(writer: Writer, artifacts: Path, progress: Progress | None = None) -> str:
    """Serve the version before the active one again; its id. One transaction, since it still has all it wrote."""
    async with one_at_a_time(artifacts / TURN):
        previous = next((one for one in await list_versions(writer) if one.previous), None)
        if previous is None:
            raise ModelError("there is no version before the active one to go back to; cinegraph models list shows all")
        await _promote(writer, artifacts, previous.id, progress, "")
    return previous.id


def _let_through(version: Version, because: str) -> Version:
    """The version, with the reason for which it is served although the gate refused it."""
    gate = version.metrics.get("gate", {})
    if version.status != "staged" or gate.get("passed", True):
        return version
    if not because:
        broken = "; ".join(rule["words"] for rule in gate["rules"] if not rule["held"] and not rule["waived"])
        raise ModelRefused(
            f"{version.id} was kept, not served, and the gate refused it when it was trained: {version.model} "
            f'{broken}; say why it is to be served all the same: cinegraph models promote {version.id} --because "…"'
        )
    return replace(version, metrics={**version.metrics, "gate": {**gate, "because": because}})
