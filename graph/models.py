"""Model versions in the graph: what they learn from, and what they write back.

Publishing writes everything of a new version beside what is served, and moves the active pointer last, in one
transaction. A kill before that leaves the old model as it was; what was half written is written anew next time.
Embeddings have three slots (`embeddingA` to `embeddingC`): the active version and the one before it keep theirs, and
the next one is written into what is left.
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
SLOTS: Final = ("embeddingA", "embeddingB", "embeddingC")
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
    status: str = "writing"
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


async def read_texts(reader: Reader) -> dict[str, str]:
    """What each movie is about in words, its tagline first, by its id; nothing of one of which nothing is written."""
    rows = reader.stream(read_statement("model/texts"))
    return {row["id"]: " ".join(filter(None, (row["tagline"], row["overview"]))) async for row in rows}


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
    """Write a version into the graph and make it the active one; safe to repeat after a kill at any point.

    A version's id is its content: the active one, and the one before it, have all they wrote; only what is said of them
    is noted anew.
    """
    kept = [one for one in await list_versions(writer) if one.active or one.previous]
    for one in kept:
        if one.id == version.id:
            await describe(writer, replace(version, slot=one.slot, status=one.status))
            if not one.active:
                await activate(writer, version.id, progress)
            return
    slot = _free_slot(kept) if content.dimensions else ""
    if slot:
        await _clear(writer, slot)
    await describe(writer, replace(version, slot=slot, status="writing"))
    await writer.command(write_statement("model/unlink_one"), id=version.id)
    await _batches(writer, "model/link", content.similar, "similar movies", progress, id=version.id)
    if slot:
        await _embed(writer, content, slot, progress)
    await activate(writer, version.id, progress)


def _free_slot(kept: list[Version]) -> str:
    """A slot of neither the active version nor the one before it."""
    return next(slot for slot in SLOTS if all(one.slot != slot for one in kept))


async def _clear(writer: Writer, slot: str) -> None:
    """Empty a slot: a vector that stayed would be found as one of the next model."""
    await writer.write(write_statement("model/free_slot"), slot=slot)
    for kind in ("movie", "user"):
        await writer.command(write_statement("model/unindex"), name=f"{kind}_embedding_{_letter(slot)}")
    await writer.command(write_statement("model/clear_slot"), slot=slot)


def _letter(slot: str) -> str:
    return slot[-1].lower()


async def _embed(writer: Writer, content: Published, slot: str, progress: Progress | None) -> None:
    letter = _letter(slot)
    config = {"vector.dimensions": content.dimensions, "vector.similarity_function": "cosine"}
    for kind, vectors in (("movies", content.movies), ("users", content.users)):
        rows = ([id_, list(vector)] for id_, vector in vectors)
        await _batches(writer, f"model/embed_{kind}", rows, f"embeddings of {kind}", progress, slot=slot)
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


async def activate(writer: Writer, version_id: str, progress: Progress | None = None) -> None:
    """Move the active pointer to a version, then take away what only older versions needed."""
    rows = await writer.write(write_statement("model/activate"), id=version_id)
    if not rows:
        raise NotFound(f"there is no model version {version_id!r}; cinegraph models list shows those that there are")
    if progress:
        progress("taking away what older versions wrote", 0, None)
    keep = [one for one in (rows[0]["active"], rows[0]["previous"]) if one]
    await writer.command(write_statement("model/unlink"), keep=keep)
