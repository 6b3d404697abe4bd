"""The local Neo4j as long as we need it: attached to, looked after, and let go."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TypeAlias

from graph.client import Address
from graph.local import LocalServer, Progress
from graph.threads import stoppable

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds between two attempts to start a server that does not start."""

Shown: TypeAlias = Callable[[bool], AbstractContextManager[Progress | None]]
"""Shows a start while it lasts; called with whether the server is to be started, and not only to be attached to."""


def unseen(starts: bool) -> AbstractContextManager[None]:
    """Show nothing."""
    return nullcontext()


@asynccontextmanager
async def attached(server: LocalServer, shown: Shown = unseen) -> AsyncIterator[Address]:
    """The address of the server, which is released again whatever happens, and whenever we are cancelled."""
    try:
        with shown(server.running() is None) as progress:
            address = await stoppable(lambda ending: server.attach(ending, progress))
        yield address
    finally:
        await stoppable(lambda _: server.release())


async def watch(server: LocalServer, seconds: float = 1.0) -> None:
    """Start the server again on its port whenever it died; runs until cancelled.

    What hinders it is logged once for each kind, and tried again less and less often.
    """
    wait, told = seconds, set[type[Exception]]()
    while True:
        await asyncio.sleep(wait)
        try:
            if server.died():
                if not told:
                    log.warning("the local Neo4j died; it is started again")
                running = await stoppable(server.revive)
                if running:
                    log.warning("the local Neo4j runs again at %s, process %d", running.uri, running.pid)
            wait, told = seconds, set()
        except Exception as error:
            if type(error) not in told:
                log.error("the local Neo4j could not be started again, which is tried on: %s", error)
            told.add(type(error))
            wait = min(wait * 2, LONGEST_WAIT)
