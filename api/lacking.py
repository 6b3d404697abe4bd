"""What an answer lacks where something behind the API does not answer: it is given without that, and says so.

    extensions.degraded {since, asOf, without, absent}

`without` names what does not answer: `graph` (what is shown comes from the catalogue in memory, which the graph was
last asked about `asOf`), `history` (not all that the caller did is known, so that recommendations are those from before
it, or a visitor's), `model` (movies are ranked by popularity). `absent` names the fields that are null because only the
graph knows them.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from time import time
from typing import Any, Final, TypeVar

from api.scalars import show
from api.threads import Threads
from cinegraph.deadlines import deadline
from cinegraph.errors import CinegraphError, GraphBusy, GraphTimeout, GraphUnavailable, ModelError, TimeBudgetSpent
from recommenders.state import State

log = logging.getLogger("cinegraph.api")

QUICK: Final = 0.02
"""Seconds that a score may take for all others to wait for it: less than a turn through a thread would cost them."""
THREADS: Final = dict[str, Threads]()
"""Those of each model, by its version, so that one that hangs keeps none from the next."""
Result = TypeVar("Result")
AWAY: Final = (GraphUnavailable, GraphBusy, GraphTimeout, TimeBudgetSpent)
"""What a read of the graph comes to that does not answer, or not in time."""


class ModelBroken(ModelError):
    """The model failed at what it was asked."""


@contextmanager
def asking(version: str) -> Iterator[None]:
    """Around what a model computes: whatever it fails with that is not ours is logged, and becomes `ModelBroken`."""
    try:
        yield
    except CinegraphError:
        raise
    except Exception as error:
        log.exception("model %s failed; popularity answers in its place", version or "none")
        raise ModelBroken(f"model {version} failed: {error}") from error


async def computed(state: State, make: Callable[[], Result]) -> Result:
    """What a model computes: at once where it is quick; in a thread of its own where it is not, so that others are
    answered meanwhile, and in half of the time that the request has left. Raises `ModelBroken` where that is too short,
    and at once while all of its threads are at what should have ended."""
    with asking(state.version):
        if state.seconds <= QUICK:
            return make()
        request = deadline()
        limit = None if request is None or request.when is None else request.left() / 2
        threads = THREADS.setdefault(state.version, Threads())
        if threads.stuck:
            raise ModelBroken(f"model {state.version} has not ended what it was asked before")
        try:
            return await threads.run(make, limit)
        except TimeoutError as error:
            log.warning("model %s did not answer in %.0f ms; popularity answers", state.version, (limit or 0) * 1000)
            raise ModelBroken(f"model {state.version} takes too long") from error


class Part(StrEnum):
    """What an answer may be without."""

    GRAPH = "graph"
    HISTORY = "history"
    MODEL = "model"


@dataclass(slots=True)
class Lack:
    """What one answer lacks: parts, with the time (seconds since 1970) since when each does not answer."""

    parts: dict[Part, float] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def note(self, part: Part, since: float | None = None) -> None:
        """The answer is without a part, which has not answered since then; None for this moment."""
        self.parts.setdefault(part, time() if since is None else since)

    def clear(self) -> None:
        """Nothing is lacking."""
        self.parts.clear()
        self.absent.clear()

    def shown(self, as_of: float) -> dict[str, Any]:
        """For the answer's extensions."""
        found: dict[str, Any] = {
            "since": show(round(min(self.parts.values()) * 1000)),
            "asOf": show(round(as_of * 1000)),
            "without": sorted(self.parts),
        }
        if self.absent:
            found["absent"] = sorted(self.absent)
        return found
