"""A circuit breaker: while the graph does not answer, requests are told so at once, and do not queue up for it.

    closed ──(3 connections in a row fail, or a silence and then no answer to a question)──▶ open
    open ──(a second later)──▶ half open: one trial is sent; its answer closes it, its failure opens it again

A statement that fails is an answer. A statement that takes too long is a silence, which may be the statement's own
fault: it opens nothing before the graph was asked for a sign of life, and gave none.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from time import monotonic, time
from typing import Final

from cinegraph.errors import GraphAway

log = logging.getLogger("cinegraph.graph")

FAILURES: Final = 3
"""Connections that fail one after the other before it opens."""
PAUSE: Final = 1.0
"""Seconds between the trials while the graph is away."""
PATIENCE: Final = 1.0
"""Seconds in which a graph must give its sign of life."""


class State(Enum):
    """What happens to the next request: it is sent, it is tried, it is refused. The value is that of the metric."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """One for each graph. Whoever sends `enter`s first, and then says how it went: `answered` or `failed`, of a trial
    `still_away`."""

    def __init__(self, clock: Callable[[], float] = monotonic, wall: Callable[[], float] = time) -> None:
        self._clock, self._wall = clock, wall
        self._failures = 0
        self.since: float | None = None
        """Since when the graph does not answer, in seconds since 1970; None where it does."""
        self._next = 0.0
        self.state = State.CLOSED
        self.on_close: Callable[[], None] = lambda: None
        """Called when the graph is back: it may be another process, which has planned nothing yet."""

    def enter(self) -> bool:
        """Whether this is a trial, in the name of all; raises `GraphAway` for who must not be sent."""
        if self.state is State.CLOSED:
            return False
        if self.state is State.HALF_OPEN or self._clock() < self._next:
            raise self.away()
        self.state = State.HALF_OPEN
        return True

    def away(self) -> GraphAway:
        """What is said to who must not be sent."""
        return GraphAway(f"the graph has not answered since {self._time()}; try again in some seconds")

    def answered(self) -> None:
        """The graph said something, if only what is wrong with a statement."""
        self._failures = 0
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            log.warning("the graph answers again; it had not since %s", self._time())
            self.since = None
            self.on_close()

    def failed(self) -> None:
        """A connection could not be opened, or broke."""
        self._failures += 1
        if self.state is State.CLOSED and self._failures >= FAILURES:
            self._open()

    def still_away(self) -> None:
        """A trial came to nothing, whatever the reason: after a pause another may be one."""
        self._open()

    def lost(self) -> None:
        """The graph was asked for a sign of life, and gave none."""
        if self.state is State.CLOSED:
            self._open()

    def _open(self) -> None:
        if self.state is State.CLOSED:
            self.since = self._wall()
            log.warning("the graph does not answer; requests are told so at once, and it is asked once a second")
        self.state, self._next = State.OPEN, self._clock() + PAUSE

    def _time(self) -> str:
        return datetime.fromtimestamp(self.since or 0.0, UTC).strftime("%H:%M:%S UTC")
