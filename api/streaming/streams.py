"""The streams that are open in this process: how many there may be, and what ends them, whatever carries them."""

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

from api.auth import Caller
from api.errors import Refused

PATIENCE: Final = 2.0
"""Seconds that the end of the process waits for its streams to have told their clients."""
LONGEST_WAIT: Final = 86_400.0
"""Seconds for which a loop is asked to wait at most; it takes no larger numbers."""

End = TypeVar("End", bound=Exception)


class Streams:
    """Counts the open ones."""

    def __init__(self, most: int) -> None:
        self._most, self._open = most, 0
        self._ending, self._none = asyncio.Event(), asyncio.Event()
        self._none.set()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open

    def check(self) -> None:
        """Raise `Refused` where there are too many, or the process is ending."""
        if self._ending.is_set():
            raise Refused(503, "OVERLOADED", "the server is going away; connect again", {"Retry-After": "1"})
        if self._open >= self._most:
            raise Refused(
                503, "OVERLOADED", f"{self._open} streams are open; try again in some seconds", {"Retry-After": "5"}
            )

    @contextmanager
    def one(self) -> Iterator[None]:
        """A stream more."""
        self._open += 1
        self._none.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._none.set()

    async def ended(self) -> None:
        """Wait for the end of the process."""
        await self._ending.wait()

    async def end(self) -> None:
        """Let every stream tell its client that the server goes away, and wait until they have, for a while."""
        self._ending.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), PATIENCE)


async def expired(caller: Caller) -> None:
    """Wait for the end of a caller's token: for ever for one without."""
    until = math.inf if caller.until is None else caller.until
    while (left := until - time.time()) > 0:
        await asyncio.sleep(min(left, LONGEST_WAIT))


def reason_of(errors: BaseExceptionGroup[End]) -> End:
    """Why a stream ends, where several reasons came at once."""
    first = errors.exceptions[0]
    return reason_of(first) if isinstance(first, BaseExceptionGroup) else first
