"""MovieLens becomes movies, genres, users, ratings and tags."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from graph.client import Writer
from graph.ingest.checkpoint import find_finished, open_checkpoint
from graph.ingest.findings import Findings
from graph.ingest.genres import genres_of
from graph.ingest.layouts import Layout, find_layout, read_links, read_movies, read_tags
from graph.ingest.loader import Loader
from graph.ingest.options import IngestOptions, Progress, in_thread, silent
from graph.ingest.quality import QualityReport, report
from graph.ingest.quarantine import Quarantine
from graph.ingest.ratings import Ratings, Spool, read_ratings
from graph.ingest.records import Link, Movie, Tagging
from graph.ingest.rows import Rows
from graph.ingest.source import Source
from graph.ingest.workspace import work_folder

TAG_BYTES: Final = 64 << 20
"""Bytes of a file of tags whose tags are in memory at once."""


@dataclass
class MovieLens:
    """A data set whose every row was looked at; its good ratings lie in `ratings`."""

    source: Source
    layout: Layout
    movies: dict[int, Movie]
    links: dict[int, Link]
    ratings: Spool
    tagged: set[int]
    findings: Findings

    def movie_rows(self) -> Rows:
        """Every movie with its ids elsewhere."""
        return [self._movie_row(movie) for movie in self.movies.values()]

    def _movie_row(self, movie: Movie) -> dict[str, object]:
        link = self.links.get(movie.movie_id)
        return {
            "id": str(movie.movie_id),
            "title": movie.title,
            "originalTitle": movie.original_title,
            "year": movie.year,
            "imdbId": link.imdb_id if link else None,
            "tmdbId": link.tmdb_id if link else None,
        }

    def genre_rows(self) -> tuple[Rows, Rows]:
        """Genres, and the genres of each movie."""
        found = {str(movie.movie_id): genres_of(movie.genres) for movie in self.movies.values()}
        nodes = sorted({genre for genres in found.values() for genre in genres})
        return [list(node) for node in nodes], [[id, [g for g, _ in found[id]]] for id in sorted(found) if found[id]]

    def taggings(self) -> Iterator[Tagging]:
        """The good tags, read from the file again."""
        return read_tags(self.source, self.layout, self.movies, Quarantine(None))


async def ingest_movielens(
    writer: Writer, path: Path, options: IngestOptions | None = None, progress: Progress = silent
) -> QualityReport:
    """Bring a GroupLens data set (folder or zip, any layout) into the graph; nothing is written where it is too bad."""
    options = options or IngestOptions()
    source, layout = await asyncio.to_thread(find_layout, path)
    fingerprint = await asyncio.to_thread(source.fingerprint)
    known = await find_finished(writer, "movielens", source.name, fingerprint, options.force)
    if known is not None:
        return await report(writer, f"movielens:{source.name}", known, unchanged=True)
    with work_folder(options.work) as folder:
        data = await check_movielens(source, layout, folder, options, progress)
        checkpoint = await open_checkpoint(writer, "movielens", source.name, fingerprint, options.force)
        await _load(Loader(checkpoint, options, progress), data, options)
    await checkpoint.finish(data.findings)
    return await report(writer, checkpoint.id, data.findings, unchanged=False)


async def check_movielens(
    source: Source, layout: Layout, folder: Path, options: IngestOptions, progress: Progress
) -> MovieLens:
    """Look at every row, keep the good ones and put the bad ones into the quarantine; raises when they are too many."""
    quarantine = Quarantine(options.quarantine)
    try:
        movies = await asyncio.to_thread(read_movies, source, layout, quarantine)
        links = await asyncio.to_thread(read_links, source, layout, movies, quarantine)
        spool = Spool(folder, source.size(layout.ratings))
        async for ratings in in_thread(read_ratings(source, layout, movies, quarantine)):
            spool.add(ratings)
            progress("checking ratings", spool.rows, None)
        tagged = await asyncio.to_thread(_tagged, read_tags(source, layout, movies, quarantine))
    finally:
        quarantine.close()
    quarantine.judge(options.max_bad)
    await asyncio.to_thread(spool.sort)
    findings = Findings(rows=quarantine.rows(), bad_rows=quarantine.first())
    if spool.repeated:
        findings.add("repeated_rating", layout.ratings, f"{spool.repeated} have a later one by the same user")
    return MovieLens(source, layout, movies, links, spool, tagged, findings)


def _tagged(taggings: Iterable[Tagging]) -> set[int]:
    return {tagging.movie_id for tagging in taggings}


async def _load(loader: Loader, data: MovieLens, options: IngestOptions) -> None:
    """Statistics come before what copies them, so that a first ingestion writes each copy once."""
    await loader.movies(data.movie_rows())
    await loader.ratings(lambda: rating_batches(data.ratings, options.batch_rows), data.ratings.rows)
    await loader.count_ratings()
    await loader.genres(*data.genre_rows())
    await loader.tags(lambda: tag_batches(data.taggings(), options.batch_rows))
    await loader.count_tags(sorted(map(str, data.tagged)))
    await loader.copy_popularity()


def rating_batches(buckets: Iterable[Ratings], size: int) -> Iterator[tuple[int, Rows]]:
    """Batches of `[user's id, [[movie's id, stars, milliseconds], …]]`, of about `size` ratings each."""
    batch: Rows = []
    rows = 0
    for user, items in (piece for ratings in buckets for piece in _by_user(ratings, size)):
        batch.append([user, items])
        rows += len(items)
        if rows >= size:
            yield rows, batch
            batch, rows = [], 0
    if batch:
        yield rows, batch


def _by_user(ratings: Ratings, size: int) -> Iterator[tuple[str, Rows]]:
    """The ratings of each user, cut where one has very many."""
    movies, stars = ratings["movie"].tolist(), (ratings["half"] / 2).tolist()
    times = (ratings["at"].astype(np.int64) * 1000).tolist()
    ends = [*(np.flatnonzero(np.diff(ratings["user"])) + 1).tolist(), ratings.size]
    start = 0
    for end in ends:
        for first in range(start, end, size):
            last = min(first + size, end)
            items = [[str(movies[n]), stars[n], times[n]] for n in range(first, last)]
            yield str(ratings["user"][first]), items
        start = end


def tag_batches(taggings: Iterable[Tagging], size: int) -> Iterator[tuple[int, tuple[Rows, Rows]]]:
    """Batches of tags by id, and of `[user's id, [[movie's id, tag's id, name, milliseconds], …]]`."""
    for batch in _pieces(taggings, size):
        names: dict[str, str] = {}
        latest: dict[tuple[int, int, str], Tagging] = {}
        for tagging in sorted(batch, key=lambda tagging: tagging.timestamp):
            latest[tagging.user_id, tagging.movie_id, tag_id(tagging.tag)] = tagging
        for tagging in batch:
            names.setdefault(tag_id(tagging.tag), " ".join(tagging.tag.split()))
        rows = [
            [str(user), [_tag_row(latest[key], key[2]) for key in keys]]
            for user, keys in groupby(sorted(latest), key=lambda key: key[0])
        ]
        yield len(batch), ([[id, names[id]] for id in sorted(names)], rows)


def tag_rows(data: MovieLens) -> Iterator[tuple[Rows, Rows]]:
    """All tags in few large batches, every user in one of them."""
    size = data.source.size(data.layout.tags) if data.layout.tags in data.source else 0
    passes = 1 + size // TAG_BYTES
    for n in range(passes):
        some = (tagging for tagging in data.taggings() if tagging.user_id % passes == n)
        yield from (batch for _, batch in tag_batches(some, sys.maxsize))


def _tag_row(tagging: Tagging, id: str) -> Rows:
    return [str(tagging.movie_id), id, " ".join(tagging.tag.split()), tagging.timestamp * 1000]


def tag_id(tag: str) -> str:
    """A tag's id: without case and superfluous blanks, so that "Sci-Fi" and "sci-fi" are one."""
    return " ".join(tag.casefold().split())


def _pieces(taggings: Iterable[Tagging], size: int) -> Iterator[list[Tagging]]:
    piece: list[Tagging] = []
    for tagging in taggings:
        piece.append(tagging)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
