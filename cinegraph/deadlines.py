"""How long a request may take: a deadline in a context variable, which everything below it obeys.

Whoever answers a request sets one; it follows into the request's tasks and threads. The graph's client waits no longer
than it says. Of a subscription each answer has one. What is done outside requests (starting, looking for what is new,
commands) has none.

A statement that the graph has not answered to us before must be planned first, which can take longer than all else of
the request; one that was cut short would have to be planned anew, and be cut short again. So a deadline can be patient.
"""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from cinegraph.errors import TimeBudgetSpent


@dataclass(slots=True)
class Deadline:
    """When a request has to be answered: `usual` seconds from its beginning, `patient` ones where the graph has to plan
    a statement for it. Infinite where there is no limit."""

    usual: float
    patient: float
    began: float
    """On the clock of the loop."""
    ends: float = math.nan
    backstop: asyncio.Timeout | None = None
    """What ends the request where nothing below does, so many seconds of `grace` after its end."""
    grace: float = 0.0

    def __post_init__(self) -> None:
        self.ends = self.began + self.usual

    @property
    def when(self) -> float | None:
        """Its end on the loop's clock, as `asyncio.timeout_at` wants it; None where there is none."""
        return self.ends if math.isfinite(self.ends) else None

    @property
    def seconds(self) -> float:
        """All that the request has, in seconds."""
        return self.ends - self.began

    def left(self) -> float:
        """Seconds until its end; 0 where that is past."""
        return max(0.0, self.ends - asyncio.get_running_loop().time())

    def be_patient(self) -> None:
        """The graph has to plan a statement: there is more time, counted from the request's beginning."""
        later = self.began + self.patient
        if later > self.ends:
            self.ends = later
            if self.backstop is not None:
                self.backstop.reschedule(None if math.isinf(later) else later + self.grace)

    def spent(self, what: str) -> TimeBudgetSpent:
        """The error of a request that has no time left."""
        return TimeBudgetSpent(f"the request's time of {self.seconds * 1000:.0f} ms is over; {what}")


_DEADLINE: Final[ContextVar[Deadline | None]] = ContextVar("deadline", default=None)


def deadline() -> Deadline | None:
    """That of the request which is under way; None outside requests."""
    return _DEADLINE.get()


@contextmanager
def deadline_of(one: Deadline | None) -> Iterator[None]:
    """What is done within has that deadline."""
    token = _DEADLINE.set(one)
    try:
        yield
    finally:
        _DEADLINE.reset(token)
