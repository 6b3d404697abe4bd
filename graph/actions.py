"""What a user does, written to the graph: each one transaction, safe to repeat but for a view, which counts again.

Each takes the write lock of the user node first (its version rises), so that two writes of one user happen one after
the other, and a reader that holds an older history notices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cinegraph.types import Millis, NodeRef
from graph.catalog import write_statement
from graph.client import Row, Writer


@dataclass(frozen=True, slots=True)
class Stated:
    """A preference as a user states it: weight -1 to 1, 0 takes it back."""

    node: NodeRef
    weight: float


async def rate(writer: Writer, user_id: str, movie_id: str, rating: float, at: Millis) -> bool:
    """Set a rating; False for an unknown movie."""
    statement = write_statement("user/rate")
    return bool(await writer.write(statement, user=user_id, movie=movie_id, rating=rating, at=at))


async def unrate(writer: Writer, user_id: str, movie_id: str) -> Row | None:
    """Take a rating back; the row has the rating that was (None for none); None for an unknown movie."""
    rows = await writer.write(write_statement("user/unrate"), user=user_id, movie=movie_id)
    return rows[0] if rows else None


async def dismiss(writer: Writer, user_id: str, movie_id: str, at: Millis) -> bool:
    """Never recommend a movie to the user again; False for an unknown movie."""
    return bool(await writer.write(write_statement("user/dismiss"), user=user_id, movie=movie_id, at=at))


async def undismiss(writer: Writer, user_id: str, movie_id: str) -> Row | None:
    """Let a movie be recommended again; the row says whether it was dismissed; None for an unknown movie."""
    rows = await writer.write(write_statement("user/undismiss"), user=user_id, movie=movie_id)
    return rows[0] if rows else None


async def view(writer: Writer, user_id: str, movie_id: str, seconds: int, at: Millis) -> Row | None:
    """Add a view; the row has all seconds and views of the movie; None for an unknown movie."""
    statement = write_statement("user/view")
    rows = await writer.write(statement, user=user_id, movie=movie_id, seconds=seconds, at=at)
    return rows[0] if rows else None


async def unview(writer: Writer, user_id: str, movie_id: str) -> Row | None:
    """Take all views of a movie back; the row has the views and seconds that were; None for an unknown movie."""
    rows = await writer.write(write_statement("user/unview"), user=user_id, movie=movie_id)
    return rows[0] if rows else None


async def prefer(writer: Writer, user_id: str, stated: Sequence[Stated], at: Millis) -> list[NodeRef]:
    """Set preferences, all or none; the nodes that are unknown, for whose sake nothing was written."""
    rows = await writer.write(
        write_statement("user/prefer"),
        user=user_id,
        preferences=[{"label": one.node.label, "id": one.node.id, "weight": one.weight} for one in stated],
        at=at,
    )
    return [stated[place].node for place in rows[0]["unknown"]] if rows else []
