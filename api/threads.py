"""Threads of their own for what a model computes, so that one that hangs keeps nothing else from a thread.

Those of asyncio are shared with all that waits for disks, memory and searches, and the end of the process waits for
them. These are few for each model, begin with the first work, end with the last, and go with the process.
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

THREADS: Final = 2
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class Work:
    """What is to be computed, until when on the clock of the process."""

    make: Callable[[], Any]
    until: float
    future: Future[Any] = field(default_factory=Future)

    def run(self) -> None:
        """Compute it, where somebody still waits."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            found = self.make()
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(found)


class Threads:
    """So many at most."""

    def __init__(self, most: int = THREADS) -> None:
        self._most, self._begun, self._lock = most, 0, threading.Lock()
        self._waiting, self._running = deque[Work](), set[Work]()

    @property
    def stuck(self) -> bool:
        """Whether all are at work whose time is over, so that what comes would only wait behind it."""
        now = monotonic()
        with self._lock:
            return sum(work.until < now for work in self._running) >= self._most

    async def run(self, make: Callable[[], Result], seconds: float | None) -> Result:
        """What it comes to, in the context of whoever asks, as by `asyncio.to_thread`; raises `TimeoutError` after so
        many seconds."""
        work = Work(partial(copy_context().run, make), monotonic() + (math.inf if seconds is None else seconds))
        self._begin(work)
        async with asyncio.timeout(seconds):
            result: Result = await asyncio.wrap_future(work.future)
            return result

    def _begin(self, work: Work) -> None:
        with self._lock:
            self._waiting.append(work)
            if self._begun == self._most:
                return
            self._begun += 1
        threading.Thread(target=self._go_on, name="model", daemon=True).start()

    def _go_on(self) -> None:
        """Work, until there is none."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._begun -= 1
                    return
                work = self._waiting.popleft()
                self._running.add(work)
            try:
                work.run()
            finally:
                with self._lock:
                    self._running.discard(work)
