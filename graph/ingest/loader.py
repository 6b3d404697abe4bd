"""Writes batches of rows, each in a transaction and safe to repeat, and goes on where a killed run stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from cinegraph.errors import GraphConflict, GraphUnavailable
from graph.catalog import read_statement, write_statement
from graph.client import Writer
from graph.ingest.checkpoint import Checkpoint
from graph.ingest.options import IngestOptions, Progress
from graph.ingest.rows import FactRows, Rows, by_id, by_movie

T = TypeVar("T")

RECORD_EVERY: Final = 8
"""Batches between two notes of how far we are: that many are repeated at most after a kill."""
MOVIES_AT_ONCE: Final = 500
"""Movies of one transaction that counts or copies."""
PATIENCE: Final = (0.5, 2.0, 8.0)
"""Seconds to wait before a batch is tried again, when the graph was away or two writers met."""


class Loader:
    """Takes one source through its stages, in order."""

    def __init__(self, checkpoint: Checkpoint, options: IngestOptions, progress: Progress) -> None:
        self.writer, self._options = checkpoint.writer, options
        self._checkpoint, self._progress = checkpoint, progress
        self._stage = -1

    async def stage(
        self,
        name: str,
        batches: Callable[[], Iterable[tuple[int, T]]],
        write: Callable[[T], Awaitable[object]],
        total: int | None = None,
        lanes: int | None = None,
    ) -> None:
        """Write every batch that an earlier run has not written; `batches` gives each with its number of rows.

        They must come in the same order each time. Up to `lanes` are written at once.
        """
        self._stage += 1
        done = self._checkpoint.skip(self._stage)
        if done is None:
            return
        self._progress(name, 0, total)
        order = _Order(done, lambda leading: self._checkpoint.record(self._stage, leading))
        waiting = enumerate(batches())
        turn, rows = asyncio.Lock(), 0

        async def lane() -> None:
            nonlocal rows
            while True:
                async with turn:
                    found = await asyncio.to_thread(next, waiting, None)
                if found is None:
                    return
                number, (size, batch) = found
                if number >= done:
                    await _patiently(write, batch)
                    await order.done(number)
                rows += size
                self._progress(name, rows, total)

        await _all(lane() for _ in range(lanes or self._options.lanes))
        await self._checkpoint.record(self._stage + 1, 0)

    async def movies(self, rows: Rows) -> None:
        """MovieLens movies."""
        await self.stage("movies", lambda: cut(rows, self._options.batch_rows), self._movies, len(rows), lanes=1)

    async def _movies(self, rows: Rows) -> None:
        await self.writer.write(write_statement("ingest/movies"), rows=rows)

    async def facts(self, batches: Callable[[], Iterable[tuple[int, FactRows]]], total: int | None = None) -> None:
        """Everything that is known of some movies."""
        await self.stage("facts", batches, lambda rows: write_facts(self.writer, rows), total)

    async def ratings(self, batches: Callable[[], Iterable[tuple[int, Rows]]], total: int) -> None:
        """Ratings, grouped by user: `[user's id, [[movie's id, stars, milliseconds], …]]`; no user in two lanes."""
        await self.stage("ratings", batches, self._ratings, total)

    async def _ratings(self, rows: Rows) -> None:
        await self.writer.write(write_statement("ingest/ratings"), rows=rows)

    async def views(self, batches: Callable[[], Iterable[tuple[int, Rows]]], total: int) -> None:
        """Views, grouped by user: `[user's id, [[movie's id, milliseconds, seconds, views], …]]`."""
        await self.stage("views", batches, self._views, total)

    async def _views(self, rows: Rows) -> None:
        await self.writer.write(write_statement("ingest/views"), rows=rows)

    async def genres(self, nodes: Rows, rows: Rows) -> None:
        """Genres, and which movies have them: `[movie's id, [genre's id, …]]`."""

        async def write(batch: Rows) -> None:
            await self.writer.write(write_statement("ingest/genres"), nodes=nodes, rows=batch)

        await self.stage("genres", lambda: cut(rows, self._options.batch_rows // 2), write, len(rows))

    async def tags(self, batches: Callable[[], Iterable[tuple[int, tuple[Rows, Rows]]]]) -> None:
        """Tags and, grouped by user, who gave them: `[user's id, [[movie's id, tag's id, name, milliseconds], …]]`."""
        await self.stage("tags", batches, self._tags, lanes=1)

    async def _tags(self, rows: tuple[Rows, Rows]) -> None:
        await self.writer.write(write_statement("ingest/tags"), nodes=rows[0], rows=rows[1])

    async def count_ratings(self) -> None:
        """Number and mean of ratings, and popularity, of all movies."""
        await self._for_movies("statistics", await self.movie_ids(), "ingest/count_ratings")

    async def count_tags(self, movie_ids: list[str]) -> None:
        """How often each tag was given to each of these movies."""
        await self._for_movies("tag counts", movie_ids, "ingest/count_tags")

    async def copy_popularity(self) -> None:
        """Popularity and year on the relationships that are sorted by them."""
        await self._for_movies("sort keys", await self.movie_ids(), "ingest/copy_popularity")

    async def _for_movies(self, name: str, movie_ids: list[str], statement: str) -> None:
        async def write(movies: list[str]) -> None:
            await self.writer.write(write_statement(statement), movies=movies)

        await self.stage(name, lambda: cut(movie_ids, MOVIES_AT_ONCE), write, len(movie_ids))

    async def movie_ids(self) -> list[str]:
        """All movies, in a stable order."""
        ids: list[str] = []
        async for row in self.writer.stream(read_statement("ingest/movie_ids")):
            ids = row["ids"]
        return ids


class _Order:
    """How many leading batches are done, whatever order they end in; noted now and then."""

    def __init__(self, leading: int, note: Callable[[int], Awaitable[None]]) -> None:
        self._leading, self._noted, self._note = leading, leading, note
        self._later: set[int] = set()

    async def done(self, number: int) -> None:
        self._later.add(number)
        while self._leading in self._later:
            self._later.remove(self._leading)
            self._leading += 1
        if self._leading >= self._noted + RECORD_EVERY:
            self._noted = self._leading
            await self._note(self._leading)


async def write_facts(writer: Writer, rows: FactRows) -> None:
    """One batch of movies with all that hangs on them; nodes first."""
    statements: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ingest/facts", {"rows": sorted(rows.facts, key=lambda row: str(row["id"]))}),
        ("ingest/outdated", {"rows": rows.ends()}),
        ("ingest/people", {"rows": by_id(rows.people)}),
        ("ingest/cast", {"rows": by_movie(rows.cast)}),
        ("ingest/directors", {"rows": by_movie(rows.directors)}),
        ("ingest/writers", {"rows": by_movie(rows.writers)}),
        ("ingest/crew", {"rows": by_movie(rows.crew)}),
        ("ingest/genres", {"nodes": by_id(rows.genres), "rows": by_movie(rows.has_genre)}),
        ("ingest/keywords", {"nodes": by_id(rows.keywords), "rows": by_movie(rows.has_keyword)}),
        ("ingest/companies", {"nodes": by_id(rows.companies), "rows": by_movie(rows.produced_by)}),
        ("ingest/countries", {"nodes": by_id(rows.countries), "rows": by_movie(rows.from_country)}),
        ("ingest/languages", {"nodes": by_id(rows.languages), "rows": by_movie(rows.in_language)}),
        ("ingest/collections", {"nodes": by_id(rows.collections), "rows": by_movie(rows.part_of)}),
    )
    for name, parameters in statements:
        if parameters["rows"]:
            await writer.write(write_statement(name), **parameters)


def cut(rows: list[T], size: int) -> Iterator[tuple[int, list[T]]]:
    """Pieces of a list, each with its length."""
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        yield len(piece), piece


async def _patiently(write: Callable[[T], Awaitable[object]], batch: T) -> None:
    """Write a batch; where the graph is away for a moment, or two writers met, try again: a batch may be repeated."""
    for seconds in PATIENCE:
        try:
            await write(batch)
            return
        except (GraphUnavailable, GraphConflict):
            await asyncio.sleep(seconds)
    await write(batch)


async def _all(lanes: Iterable[Awaitable[None]]) -> None:
    """Run to the end together; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(lane) for lane in lanes]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
