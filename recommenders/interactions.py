"""Who rated what, how and when: all that a model is trained from.

The order is canonical (time, user, movie), so that the same ratings give the same arrays, the same fingerprint and the
same model, however they were read.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from propcache.api import cached_property
from scipy import sparse

from cinegraph.errors import InvalidInput, NotEnoughData
from cinegraph.types import LIKED, MAX_RATING, MIN_RATING
from recommenders.arrays import BoolArray, Csr, FloatArray, IdArray, IntArray
from recommenders.scorers import History, weights_of

COLUMNS: Mapping[str, type[pl.DataType]] = {
    "user_id": pl.String,
    "movie_id": pl.String,
    "rating": pl.Float32,
    "at": pl.Int64,
}


@dataclass(frozen=True, eq=False)
class Interactions:
    """Ratings (n,), sorted by time, user and movie, at most one for a user and a movie.

    `users` and `movies` are ids in rising order; a part of a data set keeps those of the whole, so that a position
    means the same movie in each part. `rating` goes from 0.5 to 5.0, `at` is in milliseconds.
    """

    users: IdArray
    movies: IdArray
    user_index: IntArray
    movie_index: IntArray
    rating: FloatArray
    at: npt.NDArray[np.int64]

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> "Interactions":
        """From the columns user_id, movie_id, rating and at; of two ratings by a user for a movie the last one counts.

        Raises `NotEnoughData` without rows, and `InvalidInput` for missing columns or values that cannot be.
        """
        checked = _checked(frame)
        users, movies = (_ids(checked[name]) for name in ("user_id", "movie_id"))
        clean = _last_ratings(_numbered(checked, users, movies))
        user_index, movie_index, at = (clean[name].to_numpy() for name in ("user_id", "movie_id", "at"))
        order = np.lexsort((movie_index, user_index, at))
        return cls(
            users=users.to_numpy().astype(np.str_),
            movies=movies.to_numpy().astype(np.str_),
            user_index=user_index[order].astype(np.int32),
            movie_index=movie_index[order].astype(np.int32),
            rating=clean["rating"].to_numpy()[order].astype(np.float32),
            at=at[order].astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.rating)

    @property
    def n_users(self) -> int:
        """The number of users, also of those without a rating in this part."""
        return len(self.users)

    @property
    def n_movies(self) -> int:
        """The number of movies, also of those without a rating in this part."""
        return len(self.movies)

    def subset(self, keep: BoolArray) -> "Interactions":
        """The ratings where `keep` (n,) holds, over the same users and movies."""
        return replace(
            self,
            user_index=self.user_index[keep],
            movie_index=self.movie_index[keep],
            rating=self.rating[keep],
            at=self.at[keep],
        )

    def positives(self, threshold: float = LIKED) -> "Interactions":
        """The ratings of `threshold` or more."""
        return self.subset(self.rating >= np.float32(threshold))

    @cached_property
    def seen(self) -> Csr:
        """1 where a user rated a movie, however (users, movies)."""
        return self._matrix(np.ones(len(self), dtype=np.float32))

    @cached_property
    def liked(self) -> Csr:
        """The weight of each movie in each user's history, zeros left out (users, movies)."""
        matrix = self._matrix(weights_of(self.rating))
        matrix.eliminate_zeros()
        return matrix

    def history(self, user: int) -> History:
        """What speaks for the user at that position."""
        start, end = self.liked.indptr[user : user + 2]
        return History(self.liked.indices[start:end], self.liked.data[start:end])

    def seen_by(self, user: int) -> IntArray:
        """The positions of the movies that the user at that position rated."""
        start, end = self.seen.indptr[user : user + 2]
        return np.asarray(self.seen.indices[start:end], dtype=np.int32)

    def likes(self) -> FloatArray:
        """How many users like each movie (movies,): the popularity that every model falls back to."""
        return np.bincount(self.liked.indices, minlength=self.n_movies).astype(np.float32)

    def fingerprint(self) -> str:
        """SHA-256 over ids, ratings and times; the order in which the rows were given does not matter."""
        digest = hashlib.sha256()
        for ids in (self.users, self.movies):
            for value in ids.tolist():
                text = value.encode()
                digest.update(len(text).to_bytes(4, "little") + text)
            digest.update(b"\xff\xff\xff\xff")
        for array, kind in (
            (self.user_index, "<i4"),
            (self.movie_index, "<i4"),
            (self.rating, "<f4"),
            (self.at, "<i8"),
        ):
            digest.update(np.ascontiguousarray(array, dtype=kind).tobytes())
        return digest.hexdigest()

    def _matrix(self, values: FloatArray) -> Csr:
        matrix: Csr = sparse.coo_array(
            (values, (self.user_index, self.movie_index)), shape=(self.n_users, self.n_movies)
        ).tocsr()
        matrix.sort_indices()
        matrix.indices = matrix.indices.astype(np.int32)
        return matrix


def merge(first: Interactions, second: Interactions) -> Interactions:
    """Both parts of one data set together."""
    together: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("user_index", "movie_index", "rating", "at")
    }
    order = np.lexsort((together["movie_index"], together["user_index"], together["at"]))
    return replace(first, **{name: values[order] for name, values in together.items()})


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise InvalidInput(f"ratings lack the columns {missing}; needed are {list(COLUMNS)}")
    if frame.is_empty():
        raise NotEnoughData("there are no ratings to train from; load some first, with: cinegraph ingest")
    try:
        typed = frame.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    except pl.exceptions.PolarsError as error:
        raise InvalidInput(f"ratings hold a value of a wrong type: {error}") from error
    for name in COLUMNS:
        if count := typed[name].null_count():
            raise InvalidInput(f"{count} ratings have no {name}; leave such rows out")
    outside = typed.filter(~pl.col("rating").is_between(MIN_RATING, MAX_RATING) | pl.col("rating").is_nan())
    if not outside.is_empty():
        user, movie, rating, _ = outside.row(0)
        raise InvalidInput(
            f"{outside.height} ratings are not between {MIN_RATING} and {MAX_RATING}: "
            f"the first is {rating} by user {user!r} for movie {movie!r}"
        )
    return typed


def _ids(column: pl.Series) -> pl.Series:
    """The ids that are there, in rising order."""
    return column.unique().sort()


def _numbered(frame: pl.DataFrame, users: pl.Series, movies: pl.Series) -> pl.DataFrame:
    """With the position of each id in the place of the id: of 20 million ratings that is a tenth of the memory."""
    return frame.with_columns(
        pl.col("user_id").cast(pl.Enum(users)).to_physical(), pl.col("movie_id").cast(pl.Enum(movies)).to_physical()
    )


def _last_ratings(frame: pl.DataFrame) -> pl.DataFrame:
    """One row for a user and a movie: the last, and of two at the same time the higher rating."""
    return frame.sort("user_id", "movie_id", "at", "rating").unique(
        ["user_id", "movie_id"], keep="last", maintain_order=True
    )
