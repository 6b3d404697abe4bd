"""How many users like both of two movies, counted in the graph."""

from collections.abc import Mapping, Sequence

from cinegraph.types import LIKED
from graph.catalog import read_statement
from graph.client import Reader


async def liked_both(reader: Reader, others: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], int]:
    """For each movie and each of its others, by id, how many like both; no entry for none. One statement for all."""
    asked = {movie: list(ids) for movie, ids in others.items() if ids}
    if not asked:
        return {}
    movies = sorted({*asked, *(other for ids in asked.values() for other in ids)})
    rows = await reader.read(read_statement("likes/both"), movies=movies, others=asked, liked=LIKED)
    return {(row["movie"], row["other"]): row["users"] for row in rows}
