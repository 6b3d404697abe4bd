"""Connections, accepted many at a time.

libuv accepts one for each turn of its loop. A loop that is busy turns slowly, and when hundreds of clients come at once
the last of them waited for seconds, if only to be told that the server is overloaded (`python -m benchmarks.overload`).
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger("cinegraph.serve")

AT_ONCE: Final = 64
"""Connections that are accepted before others have their turn."""
PAUSE: Final = 0.1
"""Seconds until it is tried again where the system gives none, as it does to a process with too many files open."""


class Accepting:
    """Gives each connection of a listener to `take`, from `begin` to `end`."""

    def __init__(self, listener: socket.socket, take: Callable[[socket.socket], Awaitable[None]]) -> None:
        listener.setblocking(False)
        self._listener, self._take = listener, take
        self._loop = asyncio.get_running_loop()
        self._taking = set[asyncio.Future[None]]()
        self._pause: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """From now on."""
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    async def end(self) -> None:
        """Take what the system accepted until now, and listen no more."""
        self._stop()
        while self._accept():
            pass
        self._stop()
        self._listener.close()
        await asyncio.gather(*self._taking)

    def _accept(self) -> bool:
        """Take some of those that wait; whether there may be more."""
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError as error:
                log.warning("cannot accept a connection, which is tried again: %s", error)
                self._stop()
                self._pause = self._loop.call_later(PAUSE, self.begin)
                return False
            connection.setblocking(False)
            task = asyncio.ensure_future(self._take(connection))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        return True

    def _stop(self) -> None:
        self._loop.remove_reader(self._listener.fileno())
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
