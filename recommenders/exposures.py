"""Who was shown an arm, on the way to the graph: noted in memory, written in batches beside the requests.

Nothing here delays or fails a request. What cannot be written is tried again, and once more when the server ends; there
is room for `WAITING` exposures, and where the graph is away for so long that it is used up, a user is noted when they
come again. An exposure that is written twice stands once in the graph.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice, takewhile
from typing import Final

from cinegraph.errors import CinegraphError
from graph.client import Writer
from graph.experiments import Exposure, expose

log = logging.getLogger(__name__)

WAITING: Final = 100_000
"""Exposures that wait for the graph at most."""
KNOWN: Final = 1_000_000
"""Users at most who are remembered as noted, so that they are not written again."""
BATCH: Final = 500
GATHERING: Final = 0.5
"""Seconds in which exposures gather to a batch."""
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries, at most, while the graph does not take them."""
LAST_TRY: Final = 5.0
"""Seconds that the end of a server waits for what is not written yet."""


class Exposures:
    """A bounded queue of exposures."""

    def __init__(self, most: int = WAITING) -> None:
        self._most = most
        self._waiting = deque[Exposure]()
        self._noted = set[tuple[str, str]]()
        self._arrived = asyncio.Event()
        self._full = False

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, exposure: Exposure) -> None:
        """Remember an exposure to be written, if it is the user's first to the experiment as far as we know."""
        key = exposure.experiment, exposure.user_id
        if key in self._noted:
            return
        if len(self._waiting) >= self._most:
            if not self._full:
                log.error("%d exposures wait to be written; others are noted when their users come again", self._most)
            self._full = True
            return
        if len(self._noted) >= KNOWN:
            self._noted.clear()
        self._noted.add(key)
        self._waiting.append(exposure)
        self._arrived.set()

    async def flush(self, writer: Writer) -> None:
        """Write all that waits; what the graph does not take goes on waiting."""
        while self._waiting:
            experiment = self._waiting[0].experiment
            same = takewhile(lambda one: one.experiment == experiment, islice(self._waiting, BATCH))  # noqa: B023
            batch = list(same)
            await expose(writer, experiment, batch)
            for _ in batch:
                self._waiting.popleft()
            self._full = False

    async def write(self, writer: Writer) -> None:
        """Write for ever; a graph that is away is told of once."""
        failures = 0
        while True:
            await self._arrived.wait()
            await asyncio.sleep(min(GATHERING * 2**failures, LONGEST_PAUSE))
            self._arrived.clear()
            try:
                await self.flush(writer)
                failures = 0
            except Exception as error:
                self._tell(error, failures)
                failures = min(failures + 1, 10)
                self._arrived.set()

    def _tell(self, error: Exception, failures: int) -> None:
        if isinstance(error, CinegraphError):
            if not failures:
                log.warning("exposures could not be written, which is tried on: %s", error)
        else:
            log.error("a fault while writing exposures, which is tried on", exc_info=error)

    @asynccontextmanager
    async def written(self, writer: Writer) -> AsyncIterator[None]:
        """Writes beside the block, and what is left at its end."""
        task = asyncio.create_task(self.write(writer))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self._finish(writer)

    async def _finish(self, writer: Writer) -> None:
        try:
            await asyncio.wait_for(self.flush(writer), LAST_TRY)
        except (CinegraphError, TimeoutError) as error:
            log.error("%d exposures could not be written: %s", len(self), error or "the graph took too long")
