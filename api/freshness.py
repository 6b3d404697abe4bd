"""Answers from a history in memory that turns out to be another than the graph's are made anew."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.context import Context
from api.hydration import Hydrated
from api.lacking import AWAY, Part
from cinegraph.errors import GraphConflict
from graph.guard import remembered
from graph.snapshot import UNKNOWN
from recommenders.histories import UserHistory

Answer = TypeVar("Answer")

TRIES = 3
"""How often an answer is made when the caller's history changes meanwhile."""


class Stale(Exception):
    """The caller's history is another than the one in memory."""


async def fresh(context: Context, make: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make an answer; make it anew where the caller's history changed since it was read."""
    for _ in range(TRIES):
        try:
            return await make()
        except Stale:
            context.services.serving.histories.outdate(context.user_id or "")
    raise GraphConflict("the history of the user changes faster than it can be read; try again")


async def known_history(context: Context) -> UserHistory:
    """The caller's history, or that of a visitor. Where only the graph knows it and does not answer, what stands in for
    it, else that of a visitor too, and then the answer says so."""
    if context.user_id is None:
        return UserHistory(None, None)
    histories = context.services.serving.histories
    try:
        with remembered(histories.remembered(context.user_id) is not None):
            return await histories.get(context.user_id)
    except AWAY as error:
        context.remembered(error)
        context.lack.note(Part.HISTORY, context.services.graph.breaker.since)
        return histories.remembered(context.user_id) or UserHistory(None, None)


def refuse_stale(history: UserHistory, read: Hydrated) -> None:
    """Raise `Stale` where the graph's version of the history is not the one that the answer was made from."""
    if UNKNOWN in (read.version, history.version):
        return  # the graph does not answer, or did not just now: what is in memory is the newest that is known
    if history.user_id is not None and (read.version or 0) != (history.version or 0):
        raise Stale
