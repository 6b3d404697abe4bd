"""The streams that are open in this process: how many there may be, and what ends them, whatever carries them."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from api.auth import Caller
from api.errors import Refused

PATIENCE: Final = 2.0
"""Seconds that the end of the process waits for its streams to have told their clients."""
LONGEST_WAIT: Final = 86_400.0
"""Seconds for which a loop is asked to wait at most; it takes no larger numbers."""

End = TypeVar("End", bound=Exception)


class Streams:
    """Counts the open ones: `most` of all, `most_of_one` of one caller (`api/budget.py`), so that none keeps others
    out."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._open, self._of = 0, Counter[str]()
        self._ending, self._none = asyncio.Event(), asyncio.Event()
        self._none.set()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open

    def check(self, caller: str) -> None:
        """Raise `Refused` where there are too many, of all or of the caller, or the process is ending."""
        if self._ending.is_set():
            raise Refused(503, "OVERLOADED", "the server is going away; connect again", again=1)
        if self._open >= self._most:
            words = f"{self._open} streams are open; try again in some seconds"
            raise Refused(503, "OVERLOADED", words, again=5)
        self._check_one(caller)

    def _check_one(self, caller: str) -> None:
        if self._of[caller] >= self._most_of_one:
            words = f"{self._most_of_one} of your streams are open, the most that one caller may have; close one first"
            raise Refused(429, "TOO_MANY_STREAMS", words, again=5)

    @contextmanager
    def one(self, caller: str) -> Iterator["Stream"]:
        """A stream more."""
        stream = Stream(self, caller)
        self._open += 1
        self._of[caller] += 1
        self._none.clear()
        try:
            yield stream
        finally:
            self._let_go(stream.caller)
            self._open -= 1
            if not self._open:
                self._none.set()

    def pass_on(self, stream: "Stream", caller: str) -> None:
        """It is somebody else's from now on; raises `Refused` where they have too many."""
        if caller != stream.caller:
            self._check_one(caller)
            self._let_go(stream.caller)
            self._of[caller] += 1
            stream.caller = caller

    def _let_go(self, caller: str) -> None:
        self._of[caller] -= 1
        if not self._of[caller]:
            del self._of[caller]

    async def ended(self) -> None:
        """Wait for the end of the process."""
        await self._ending.wait()

    async def end(self) -> None:
        """Let every stream tell its client that the server goes away, and wait until they have, for a while."""
        self._ending.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), PATIENCE)


@dataclass(slots=True)
class Stream:
    """An open stream, and whose it is."""

    _streams: Streams
    caller: str

    def belongs_to(self, caller: str) -> None:
        """Now it is known who they are; raises `Refused` where they have too many."""
        self._streams.pass_on(self, caller)


async def expired(caller: Caller) -> None:
    """Wait for the end of a caller's token: for ever for one without."""
    until = math.inf if caller.until is None else caller.until
    while (left := until - time.time()) > 0:
        await asyncio.sleep(min(left, LONGEST_WAIT))


def reason_of(errors: BaseExceptionGroup[End]) -> End:
    """Why a stream ends, where several reasons came at once."""
    first = errors.exceptions[0]
    return reason_of(first) if isinstance(first, BaseExceptionGroup) else first
