"""How many users like both of two movies, counted in the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cinegraph.types import LIKED
from graph.catalog import read_statement
from graph.client import Reader

RATINGS: Final = 1_000
"""Ratings of each movie that are looked at, so that the best known ones cost no more than others."""


@dataclass(frozen=True, slots=True)
class Likers:
    """How many `users` like both of two movies; `at_least` where one has more ratings than are looked at."""

    users: int
    at_least: bool = False


async def liked_both(reader: Reader, others: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Likers]:
    """For each movie and each of its others, by id, how many like both; no entry for none. One statement for all."""
    asked = {movie: list(ids) for movie, ids in others.items() if ids}
    if not asked:
        return {}
    movies = sorted({*asked, *(other for ids in asked.values() for other in ids)})
    rows = await reader.read(read_statement("likes/both"), movies=movies, others=asked, liked=LIKED, most=RATINGS)
    return {(row["movie"], row["other"]): Likers(row["users"], row["atLeast"]) for row in rows}
