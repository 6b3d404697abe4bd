"""What people rate and watch lately: each rating or view counts the less the longer ago it was.

An event weighs 2^(-age / half-life). Its age is counted from the newest event, so that a graph whose last rating is old
has trends as well; counted from today all weights would be smaller by one factor, and the order the same. The newest
`EVENTS` ratings and as many views are read, by an index on their times, so that the work does not grow with the graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from propcache.api import cached_property

from cinegraph.types import DAY, LIKED, Label, NodeRef
from graph.catalog import read_statement
from graph.client import Reader
from graph.snapshot import Arrays, Floats, Longs, Snapshot, digest_of

EVENTS: Final = 50_000
"""Ratings, and views, that are looked at."""
HALF_LIFE: Final = 30.0
"""Days after which an event counts half."""
DISLIKED: Final = 0.25
"""What a rating below 4 stars counts, beside 1 for a like or a view: the movie was watched, and not recommended."""


def _nothing() -> Longs:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Activity:
    """The newest ratings and views (e,): of which movie, when (milliseconds), with how many stars (0 for a view)."""

    movie_ids: Sequence[str] = ()
    at: Longs = field(default_factory=_nothing)
    rating: Floats = field(default_factory=lambda: np.zeros(0))

    def heat(self, snapshot: Snapshot, half_life: float = HALF_LIFE) -> Floats:
        """How much each movie is rated and watched lately (movies,); 0 for one that is not. `half_life` is in days."""
        if not len(self.at):
            return np.zeros(snapshot.movies)
        numbers = np.array([snapshot.find(NodeRef(Label.MOVIE, id_)) for id_ in self.movie_ids], np.int64)
        age = (int(self.at.max()) - self.at) / (half_life * DAY)
        counts = np.where((self.rating == 0) | (self.rating >= LIKED), 1.0, DISLIKED)
        there = numbers >= 0
        found = np.bincount(numbers[there], (counts * np.exp2(-age))[there], snapshot.movies)
        return found.astype(np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it."""
        movies = np.frombuffer(orjson.dumps(self.movie_ids), np.uint8)
        return {"movie_ids": movies, "at": self.at, "rating": self.rating}

    @cached_property
    def digest(self) -> str:
        """The checksum of `arrays`."""
        return digest_of(self.arrays())

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> "Activity":
        """What `arrays` gave."""
        return cls(tuple(orjson.loads(arrays["movie_ids"].tobytes())), arrays["at"], arrays["rating"])


NO_ACTIVITY: Final = Activity()


async def load_activity(reader: Reader) -> Activity:
    """What was rated and watched last."""
    rows = await reader.read(read_statement("snapshot/activity"), count=EVENTS)
    found = rows[0]
    at, rating = np.array(found["at"], np.int64), np.array(found["rating"], np.float64)
    return Activity(tuple(found["movie"]), at, rating)
