"""Who is told that something changed: ids alone, to be looked at anew; never what it became.

A notice may come twice, or for nothing, and several before one is taken are one: what waits looks at the graph, so no
order is needed and nothing piles up. `LocalBus` reaches this process; `events/redis_bus.py` all that share a Redis.
What another process wrote without either is found by its version (`events/versions.py`).
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What changed."""

    USER = "user"
    """What a user did or said, by the user's id."""
    MOVIE = "movie"
    """What is shown of a movie, by its id."""
    CATALOGUE = "catalogue"
    """What is served: model, catalogue or experiment; it has no id."""


class Change(NamedTuple):
    """Something that changed."""

    kind: Kind
    id: str = ""


CATALOGUE = Change(Kind.CATALOGUE)


class Listener:
    """One who waits; remembers that there was a notice, not how many."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There was a notice."""
        self._woken.set()

    async def woken(self) -> None:
        """Wait for a notice since the last one that was taken."""
        await self._woken.wait()
        self.take()

    def take(self) -> None:
        """Whoever waits looks now, so that notices until now are over."""
        self._woken.clear()


class Bus(Protocol):
    """Tells of changes those who listen."""

    @property
    def heard(self) -> Collection[Change]:
        """What somebody in this process listens to."""

    def tell(self, change: Change) -> None:
        """Tell everybody, here and elsewhere. Never waits and never fails, so that a write does not depend on it."""

    def wake(self, change: Change) -> None:
        """Tell those in this process alone."""

    def listen(self, changes: Iterable[Change]) -> AbstractContextManager[Listener]:
        """Be told of any of these changes from now on."""

    async def run(self) -> None:
        """What has to go on meanwhile, until it is cancelled."""


class LocalBus:
    """Reaches this process, at once."""

    def __init__(self) -> None:
        self._listeners: dict[Change, set[Listener]] = {}

    @property
    def heard(self) -> Collection[Change]:
        return self._listeners.keys()

    def tell(self, change: Change) -> None:
        self.wake(change)

    def wake(self, change: Change) -> None:
        for listener in self._listeners.get(change, ()):
            listener.wake()

    @contextmanager
    def listen(self, changes: Iterable[Change]) -> Iterator[Listener]:
        listener, wanted = Listener(), frozenset(changes)
        for change in wanted:
            self._listeners.setdefault(change, set()).add(listener)
        try:
            yield listener
        finally:
            for change in wanted:
                self._listeners[change].discard(listener)
                if not self._listeners[change]:
                    del self._listeners[change]

    async def run(self) -> None:
        """Nothing has to."""
