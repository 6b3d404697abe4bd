"""The log, written by a thread of its own: whoever logs never waits for the terminal, pipe or file behind it."""

import atexit
import logging
import os
import queue
import time
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Final, TypeAlias

LONGEST: Final = 10_000
"""Records that wait to be written at most; more than these are lost rather than waited for."""
STDERR: Final = 2
"""The file descriptor of standard error."""
LAST_SECONDS: Final = 1.0
"""How long the end of the process waits for what is still to be written."""

Records: TypeAlias = "queue.Queue[Any]"


class StandardError(logging.Handler):
    """Writes to standard error itself, past Python's buffer and without a lock: the end of the process takes both, and
    would wait for ever for a pipe that nobody reads."""

    def createLock(self) -> None:
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        line = (self.format(record) + "\n").encode(errors="replace")
        with suppress(OSError):
            while line:
                line = line[os.write(STDERR, line) :]


class Unwaiting(QueueHandler):
    """Puts records into a queue; where it is full, because nobody reads what is written, they are counted and lost."""

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self.lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never waits; the first record that finds room again says how many were lost before it."""
        if self.lost:
            record.msg = f"{record.getMessage()} ({self.lost} records before it were lost)"
            record.args = None
        try:
            self.queue.put_nowait(record)
            self.lost = 0
        except queue.Full:
            self.lost += 1


def configure(level: int, handler: logging.Handler | None = None, longest: int = LONGEST) -> QueueListener:
    """Write all records from `level` on to `handler`, by default standard error; the listener that does it."""
    handler = handler or StandardError()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    records: Records = queue.Queue(longest)
    root, listener = logging.getLogger(), QueueListener(records, handler)
    root.handlers[:] = [Unwaiting(records)]
    root.setLevel(level)
    listener.start()
    atexit.register(_finish, records)
    return listener


def also(name: str) -> None:
    """Write the records of this logger from INFO on, whatever the level of all others."""
    logger = logging.getLogger(name)
    logger.setLevel(min(logger.getEffectiveLevel(), logging.INFO))


def _finish(records: Records) -> None:
    """At the end of the process: what is still to be written, but no longer than that."""
    end = time.monotonic() + LAST_SECONDS
    while not records.empty() and time.monotonic() < end:
        time.sleep(0.005)
