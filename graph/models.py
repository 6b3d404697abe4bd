"""Model versions in the graph: what they learn from, and what they write back.

Publishing writes everything of a new version beside what is served, and moves the active pointer last, in one
transaction. A kill before that leaves the old model as it was; what was half written is written anew next time.
Embeddings have two slots (`embeddingA`, `embeddingB`), so that the version before the active one keeps its own.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import polars as pl

from cinegraph.errors import NotFound
from graph.catalog import read_statement, write_statement
from graph.client import Reader, Row, Writer

BATCH: Final = 5_000
SLOTS: Final = ("embeddingA", "embeddingB")
SCHEMA: Final = {"user_id": pl.String, "movie_id": pl.String, "rating": pl.Float64, "at": pl.Int64}

Progress = Callable[[str, int, int | None], None]
Vectors = Iterable[tuple[str, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Version:
    """A model version as the graph knows it."""

    id: str
    model: str
    config: Mapping[str, Any]
    fingerprint: str
    metrics: Mapping[str, Any]
    artifact: str
    status: str = "candidate"
    created_at: int = 0
    slot: str = ""
    active: bool = False
    previous: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What a version writes into the graph: similar movies `(movie, similar, score, rank)`, and embeddings."""

    similar: Iterable[tuple[str, str, float, int]] = ()
    movies: Vectors = ()
    users: Vectors = ()
    dimensions: int = 0


async def export_interactions(reader: Reader, progress: Progress | None = None) -> pl.DataFrame:
    """All ratings: user_id, movie_id, rating, at (milliseconds); built in chunks of rows."""
    frames: list[pl.DataFrame] = []
    chunk: list[tuple[str, str, float, int]] = []
    done = 0
    async for row in reader.stream(read_statement("model/interactions")):
        chunk += [(row["user"], *rating) for rating in row["ratings"]]
        if len(chunk) >= 200_000:
            done += len(chunk)
            frames.append(pl.DataFrame(chunk, schema=SCHEMA, orient="row"))
            chunk = []
            if progress:
                progress("reading interactions", done, None)
    frames.append(pl.DataFrame(chunk, schema=SCHEMA, orient="row"))
    return pl.concat(frames).sort("user_id", "at", "movie_id")


async def list_versions(reader: Reader) -> list[Version]:
    """All versions, the newest first."""
    rows = await reader.read(read_statement("model/list"))
    return [_version(row) for row in rows]


def _version(row: Row) -> Version:
    return Version(
        id=row["id"],
        model=row["model"],
        config=json.loads(row["config"]),
        fingerprint=row["fingerprint"],
        metrics=json.loads(row["metrics"]),
        artifact=row["artifact"],
        status=row["status"],
        created_at=row["createdAt"],
        slot=row["slot"] or "",
        active=bool(row["active"]),
        previous=bool(row["previous"]),
    )


async def find_version(reader: Reader, version_id: str) -> Version:
    """A version by id; `NotFound` names those that there are."""
    versions = await list_versions(reader)
    for version in versions:
        if version.id == version_id:
            return version
    known = ", ".join(one.id for one in versions) or "none; cinegraph train makes one"
    raise NotFound(f"there is no model version {version_id!r}; there are: {known}")


async def describe(writer: Writer, version: Version) -> None:
    """Note a version that is not served (yet)."""
    await writer.write(
        write_statement("model/describe"),
        id=version.id,
        model=version.model,
        config=json.dumps(version.config, sort_keys=True),
        fingerprint=version.fingerprint,
        metrics=json.dumps(version.metrics, sort_keys=True),
        artifact=version.artifact,
        status=version.status,
        slot=version.slot or None,
    )


async def publish(writer: Writer, version: Version, content: Published, progress: Progress | None = None) -> None:
    """Write a version into the graph and make it the active one; safe to repeat after a kill at any point."""
    active = next((one for one in await list_versions(writer) if one.active), None)
    slot = _free_slot(version.id, active)
    await describe(writer, replace(version, status="writing", slot=slot if content.dimensions else ""))
    await writer.command(write_statement("model/unlink_one"), id=version.id)
    await _batches(writer, "model/link", content.similar, "similar movies", progress, id=version.id)
    if content.dimensions:
        await _embed(writer, content, slot, progress)
    await activate(writer, version.id)


def _free_slot(version_id: str, active: Version | None) -> str:
    """The slot that the active version does not use; the active version itself keeps its own."""
    if active is None or active.slot not in SLOTS or active.id == version_id:
        return active.slot if active and active.slot else SLOTS[0]
    return SLOTS[1 - SLOTS.index(active.slot)]


async def _embed(writer: Writer, content: Published, slot: str, progress: Progress | None) -> None:
    letter = slot[-1].lower()
    for kind, vectors in (("movies", content.movies), ("users", content.users)):
        await writer.command(write_statement(f"model/unindex_{kind}_{letter}"))
        rows = ([id_, list(vector)] for id_, vector in vectors)
        await _batches(writer, f"model/embed_{kind}", rows, f"embeddings of {kind}", progress, slot=slot)
        config = {"vector.dimensions": content.dimensions, "vector.similarity_function": "cosine"}
        await writer.command(write_statement(f"model/index_{kind}_{letter}"), options={"indexConfig": config})


async def _batches(
    writer: Writer, name: str, rows: Iterable[Any], stage: str, progress: Progress | None, **parameters: Any
) -> None:
    done = 0
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        await writer.write(write_statement(name), rows=[list(row) for row in batch], **parameters)
        done += len(batch)
        if progress:
            progress(stage, done, None)


async def activate(writer: Writer, version_id: str) -> None:
    """Move the active pointer to a version, then take away what only older versions needed."""
    rows = await writer.write(write_statement("model/activate"), id=version_id)
    if not rows:
        raise NotFound(f"there is no model version {version_id!r}; cinegraph models list shows those that there are")
    keep = [one for one in (rows[0]["active"], rows[0]["previous"]) if one]
    await writer.command(write_statement("model/unlink"), keep=keep)
