"""What is known of each movie beside what filters and rankings need, in little memory: for answers without the graph.

The properties of `BLOCK` movies at a time are one compressed text, which is opened when one of them is asked for.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

PROPERTIES: Final = (
    "originalTitle",
    "releaseDate",
    "overview",
    "tagline",
    "posterPath",
    "imdbId",
    "tmdbId",
    "voteCount",
    "voteAverage",
    "ratingCount",
    "ratingMean",
)
"""In the order of `snapshot/movies.cypher`."""
BLOCK: Final = 32
"""Movies in a text: some 4 kB, opened in 50 µs."""
LEVEL: Final = 6
"""Of zlib."""
OPENED: Final = 256
"""Texts that stay open."""


@dataclass(frozen=True, slots=True)
class Details:
    """The properties of movies by their number."""

    blocks: tuple[bytes, ...] = ()
    _opened: dict[int, list[list[Any]]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> "Details":
        """Of these rows, each with the values of `PROPERTIES`."""
        blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        return cls(tuple(zlib.compress(orjson.dumps(block), LEVEL) for block in blocks))

    def at(self, movie: int) -> Mapping[str, Any]:
        """The properties of a movie, None for each that it does not have."""
        block, place = divmod(movie, BLOCK)
        opened = self._opened.get(block)
        if opened is None:
            if len(self._opened) >= OPENED:
                self._opened.clear()
            opened = self._opened[block] = orjson.loads(zlib.decompress(self.blocks[block]))
        return dict(zip(PROPERTIES, opened[place], strict=True))
