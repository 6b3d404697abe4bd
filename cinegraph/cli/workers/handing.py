"""Connections on their way from the process that accepts them to the worker that answers them (`SCM_RIGHTS`).

One byte is one message, over a pair of local sockets. A connection comes with `CONNECTION` and is said to be `TAKEN`;
until then the parent has it too, so that what a dead worker never took is given to another. The end of what the parent
says is the end of the worker, so a parent that was killed leaves none behind.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

CONNECTION: Final = b"C"
"""To the worker: a connection."""
DRAIN: Final = b"D"
"""To the worker: there is another in its place; the end comes soon."""
READY: Final = b"R"
"""From the worker: it answers."""
TAKEN: Final = b"T"
"""From the worker: the oldest connection that was not taken yet is its own."""
LEAVING: Final = b"L"
"""From the worker: a signal of its own ends it."""
AT_ONCE: Final = 64
"""Messages that are read before others have their turn."""
LATER: Final = 0.02
"""Seconds before a message that found no room is sent again."""


class Giving:
    """The parent's end; `changed` is called after each message."""

    def __init__(self, end: socket.socket, changed: Callable[[], None]) -> None:
        end.setblocking(False)
        self._end, self._changed = end, changed
        self._untaken: deque[socket.socket] = deque()
        self.ready, self.leaving = False, False
        asyncio.get_running_loop().add_reader(end.fileno(), self._hear)

    @property
    def untaken(self) -> int:
        """Connections that were given and are not taken yet."""
        return len(self._untaken)

    def give(self, connection: socket.socket) -> bool:
        """Give it away; False where there is no room, or nobody."""
        try:
            socket.send_fds(self._end, [CONNECTION], [connection.fileno()])
        except OSError:
            return False
        self._untaken.append(connection)
        return True

    def drain(self) -> None:
        """Say that the end comes; until then it may be given more."""
        with suppress(OSError):  # one that reads nothing hears of its end alone
            self._end.send(DRAIN)

    def finish(self) -> None:
        """Nothing more will be given."""
        self.leaving = True
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_WR)

    def close(self) -> list[socket.socket]:
        """The worker is gone; what it never took."""
        self._hear()
        asyncio.get_running_loop().remove_reader(self._end.fileno())
        self._end.close()
        left, self._untaken = list(self._untaken), deque()
        return left

    def _hear(self) -> None:
        try:
            said = self._end.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            asyncio.get_running_loop().remove_reader(self._end.fileno())
        for place in range(len(said)):
            word = said[place : place + 1]
            if word == TAKEN:
                self._untaken.popleft().close()
            self.ready |= word == READY
            self.leaving |= word == LEAVING
        self._changed()


class Taking:
    """The worker's end: what `take` gets, and what is known of the end."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end, self._unsaid = end, b""
        self.drained, self.finished = asyncio.Event(), asyncio.Event()
        self._take: Callable[[socket.socket], None] | None = None
        asyncio.get_running_loop().add_reader(end.fileno(), self._hear)

    def begin(self, take: Callable[[socket.socket], None]) -> None:
        """From now on connections are taken."""
        self._take = take
        self.say(READY)

    def say(self, word: bytes) -> None:
        """Tell the parent; later, where it has not read yet what was said."""
        waits, self._unsaid = bool(self._unsaid), self._unsaid + word
        if not waits:
            self._speak()

    def _speak(self) -> None:
        try:
            self._unsaid = self._unsaid[self._end.send(self._unsaid) :]
        except BlockingIOError:
            pass
        except OSError:  # the parent is gone, which is heard as the end
            self._unsaid = b""
        if self._unsaid:
            asyncio.get_running_loop().call_later(LATER, self._speak)

    def _hear(self) -> None:
        for _ in range(AT_ONCE):
            try:
                word, given, _, _ = socket.recv_fds(self._end, 1, 1)
            except BlockingIOError:
                return
            except OSError:
                word, given = b"", []
            if not word:
                asyncio.get_running_loop().remove_reader(self._end.fileno())
                self.drained.set()
                self.finished.set()
                return
            if word == DRAIN:
                self.drained.set()
            elif word == CONNECTION:
                self._receive(given)

    def _receive(self, given: list[int]) -> None:
        for descriptor in given:
            assert self._take is not None  # nothing is given to one that was not ready
            self._take(socket.socket(fileno=descriptor))
        self.say(TAKEN)
