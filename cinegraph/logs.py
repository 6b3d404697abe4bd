"""The log, written by a thread of its own: whoever logs never waits for the terminal, pipe or file behind it.

Lines are text, or each is an object of JSON. What a record has as `fields` are members of that object, beside the time,
the level, the logger, the message, and the id of the request that was under way.
"""

import atexit
import json
import logging
import os
import queue
import time
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Final, TypeAlias

from cinegraph.telemetry import watched

TEXT: Final = "%(levelname)s %(name)s: %(message)s"
"""A line of text."""
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


class JsonLines(logging.Formatter):
    """One object for each record, with the number of the worker that wrote it where there are several."""

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        """In the thread and context that logs."""
        at, watch = datetime.fromtimestamp(record.created, UTC), watched()
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._worker,
        }
        if watch is not None and watch.request_id:
            line["requestId"] = watch.request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


class Unwaiting(QueueHandler):
    """Puts records into a queue; where it is full, because nobody reads what is written, they are counted and lost."""

    def __init__(self, records: Records, behind: logging.Handler) -> None:
        super().__init__(records)
        self.lost, self._behind = 0, behind

    def write_json(self, worker: int | None = None) -> None:
        """From now on each line is an object."""
        self.setFormatter(JsonLines(worker))
        self._behind.setFormatter(logging.Formatter("%(message)s"))

    def write_text(self, worker: int | None = None) -> None:
        """From now on each line is text, which begins with the worker where there are several."""
        self._behind.setFormatter(logging.Formatter(TEXT if worker is None else f"worker {worker}: {TEXT}"))

    @property
    def writes_json(self) -> bool:
        """Whether each line is an object."""
        return isinstance(self.formatter, JsonLines)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Never waits; the first record that finds room again says how many were lost before it."""
        if self.lost:
            said = record.getMessage()
            as_json, as_text = f'{said[:-1]},"lost":{self.lost}}}', f"{said} ({self.lost} records before it were lost)"
            record.msg, record.args = as_json if self.writes_json else as_text, None
        try:
            self.queue.put_nowait(record)
            self.lost = 0
        except queue.Full:
            self.lost += 1


def configure(level: int, handler: logging.Handler | None = None, longest: int = LONGEST) -> QueueListener:
    """Write all records from `level` on to `handler`, by default standard error; the listener that does it."""
    handler = handler or StandardError()
    handler.setFormatter(logging.Formatter(TEXT))
    records: Records = queue.Queue(longest)
    root, listener = logging.getLogger(), QueueListener(records, handler)
    root.handlers[:] = [Unwaiting(records, handler)]
    root.setLevel(level)
    listener.start()
    atexit.register(_finish, records)
    return listener


def write_as(form: str, level: str, worker: int | None = None) -> None:
    """Write what a server logs as `text` or `json`, from that level on; with --debug all of it. Lines tell the number
    of the worker where there are several."""
    root = logging.getLogger()
    if root.level != logging.DEBUG:
        root.setLevel(level.upper())
    for handler in root.handlers:
        if isinstance(handler, Unwaiting) and form == "json":
            handler.write_json(worker)
        elif isinstance(handler, Unwaiting) and worker is not None:
            handler.write_text(worker)


def writes_json() -> bool:
    """Whether standard error has lines of JSON, so that nothing else may be written there."""
    return any(isinstance(one, Unwaiting) and one.writes_json for one in logging.getLogger().handlers)


def also(name: str) -> None:
    """Write the records of this logger from INFO on, whatever the level of all others."""
    logger = logging.getLogger(name)
    logger.setLevel(min(logger.getEffectiveLevel(), logging.INFO))


def _finish(records: Records) -> None:
    """At the end of the process: what is still to be written, but no longer than that."""
    end = time.monotonic() + LAST_SECONDS
    while not records.empty() and time.monotonic() < end:
        time.sleep(0.005)
