"""Ratings, read in whole columns: some hundred thousand rows at once, into arrays of 13 bytes a row.

Only a row that fails as part of a column is looked at by itself. What is good lies in files by user, a bounded number
of rows in each, so that a user's ratings come together, each movie once, whatever order and size the source has.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cinegraph.types import MAX_RATING, MIN_RATING
from graph.ingest.layouts import CSV, Layout, check_header, unknown_movie
from graph.ingest.quarantine import Quarantine
from graph.ingest.records import LATEST, Problem, Rating, Refused, check, shown
from graph.ingest.source import Source

RATING: Final = np.dtype([("user", "<u4"), ("movie", "<u4"), ("half", "u1"), ("at", "<u4")])
"""A rating in 13 bytes: ids as they are, stars doubled, seconds."""
Ratings: TypeAlias = NDArray[np.void]

FIELDS: Final = ("userId", "movieId", "rating", "timestamp")
IN_BUCKET: Final = 2_000_000
"""Ratings of one bucket, about: all that is in memory of the file at once."""
SHORTEST: Final = 20
"""Bytes of a rating in a file, about: for the number of buckets."""


def read_ratings(source: Source, layout: Layout, known: Collection[int], quarantine: Quarantine) -> Iterator[Ratings]:
    """The good ratings in arrays of `RATING`, one for each block of the file."""
    movies = np.fromiter(known, np.uint32, len(known))
    for first, block in source.blocks(layout.ratings):
        if first == 1 and layout.header:
            header, _, block = block.partition(b"\n")
            check_header(source, layout.ratings, header, FIELDS)
            first = 2
        if block.strip():
            yield _rating_block(block, first, layout, movies, quarantine)


def _rating_block(
    block: bytes, first: int, layout: Layout, movies: NDArray[np.uint32], quarantine: Quarantine
) -> Ratings:
    block = block.replace(b"\r\n", b"\n")
    table = _columns(block if layout.separator != "::" else block.replace(b"::", b"\t"), layout)
    known = np.isin(table["movieId"].fill_null(0).to_numpy(), movies)
    good = known & table.select(_is_good()).to_series().to_numpy()
    found = np.zeros(int(good.sum()), RATING)
    rows = table.filter(pl.Series(good))
    found["user"], found["movie"] = rows["userId"].to_numpy(), rows["movieId"].to_numpy()
    found["half"], found["at"] = (rows["rating"] * 2).to_numpy(), rows["timestamp"].to_numpy()
    quarantine.count(layout.ratings, found.size)
    if found.size == table.height:
        return found
    saved = _look_again(block, first, np.flatnonzero(~good), layout, set(movies.tolist()), quarantine)
    return np.concatenate([found, saved])


def _columns(block: bytes, layout: Layout) -> pl.DataFrame:
    """The fields by name, null where one is not a number, and `more` for what comes after the fourth."""
    separator = "," if layout is CSV else "\t"
    if not block.isascii():
        block = block.decode("utf-8", "replace").encode()
    types = {"userId": pl.UInt32, "movieId": pl.UInt32, "rating": pl.Float64, "timestamp": pl.Int64, "more": pl.String}
    return pl.read_csv(
        separator.join(types).encode() + b"\n" + block,
        schema=types,
        separator=separator,
        quote_char=None,
        ignore_errors=True,
        truncate_ragged_lines=True,
    )


def _is_good() -> pl.Expr:
    stars, at = pl.col("rating"), pl.col("timestamp")
    good = stars.is_between(MIN_RATING, MAX_RATING) & ((stars * 2) % 1 == 0) & at.is_between(0, LATEST - 1)
    return (good & pl.col("userId").is_not_null() & pl.col("more").is_null()).fill_null(False)


def _look_again(
    block: bytes, first: int, rows: NDArray[np.int64], layout: Layout, movies: set[int], quarantine: Quarantine
) -> Ratings:
    """Say of each row that failed why it did; the few that are good after all (" 5") are kept."""
    lines, kept = block.split(b"\n"), []
    for row in rows.tolist():
        if not lines[row].strip():
            continue
        quarantine.count(layout.ratings, 1)
        try:
            rating = _one_rating(lines[row].decode("utf-8", "replace"), layout, movies)
        except Refused as refused:
            quarantine.refuse(layout.ratings, first + row, refused.problem)
        else:
            kept.append((rating.user_id, rating.movie_id, int(rating.rating * 2), rating.timestamp))
    return np.array(kept, RATING)


def _one_rating(line: str, layout: Layout, movies: set[int]) -> Rating:
    parts = line.split(layout.separator)
    if len(parts) != len(FIELDS):
        raise Refused(Problem("", shown(line), f"has {len(parts)} fields where {len(FIELDS)} are expected"))
    rating = check(Rating, dict(zip(FIELDS, parts, strict=True)))
    if rating.movie_id not in movies:
        raise Refused(unknown_movie(rating.movie_id, layout))
    return rating


class Spool:
    """Ratings on disk, parted by user; to be sorted when all are there."""

    def __init__(self, folder: Path, size: int) -> None:
        self._files = [folder / f"{n}.ratings" for n in range(1 + size // (SHORTEST * IN_BUCKET))]
        self.rows = self.repeated = 0

    def add(self, ratings: Ratings) -> None:
        """Put ratings where those of the same users are."""
        self.rows += ratings.size
        bucket = ratings["user"] % len(self._files)
        for number, file in enumerate(self._files):
            with file.open("ab") as out:
                out.write(ratings[bucket == number].tobytes())

    def sort(self) -> None:
        """Order every bucket by user and movie, and keep the latest rating of each."""
        for file in self._files:
            found = _read(file)
            found = found[np.lexsort((found["half"], found["at"], found["movie"], found["user"]))]
            again = np.zeros(found.size, np.bool_)
            again[:-1] = (found["user"][:-1] == found["user"][1:]) & (found["movie"][:-1] == found["movie"][1:])
            found[~again].tofile(file)
            self.repeated += int(again.sum())
        self.rows -= self.repeated

    def __iter__(self) -> Iterator[Ratings]:
        """Bucket by bucket."""
        return map(_read, self._files)


def _read(file: Path) -> Ratings:
    return np.fromfile(file, RATING) if file.exists() else np.zeros(0, RATING)
