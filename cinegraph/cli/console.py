"""What the commands print: progress on stderr, results on stdout."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.text import Text

from cinegraph import logs

log = logging.getLogger("cinegraph")

WIDTH = 120
"""Columns where the output is not a terminal."""
EVERY = 10.0
"""Seconds between two lines of progress where stderr is not a terminal."""

# Titles and names may hold "[…]" and ":…:", which are no markup here.
out = Console(highlight=False, markup=False, emoji=False)
if not out.is_terminal:
    out = Console(highlight=False, markup=False, emoji=False, width=WIDTH)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

Stages = Callable[[str, int, int | None], None]


def complain(message: str) -> None:
    """An error, on stderr."""
    if logs.writes_json():
        return log.error("%s", message)
    err.print(f"error: {message}", style="red", soft_wrap=True)


def say(message: str) -> None:
    """A line about what happens, on stderr, so that stdout holds results alone."""
    if logs.writes_json():
        return log.info("%s", message)
    err.print(message, soft_wrap=True)


@contextmanager
def stages() -> Iterator[Stages]:
    """A bar for each stage that is reported by name, done, and in all (None where that is not known); a line now and
    then where stderr is no terminal, as in a log.

    The bars live from the first report to the end of this, and stay as one line each: print nothing meanwhile, and
    begin no others.
    """
    bars = _Bars() if err.is_terminal and not logs.writes_json() else _Lines()
    try:
        yield bars.report
        bars.finish()
    finally:
        bars.close()


class _Bars:
    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Count(), Elapsed())
        self._progress = Progress(*columns, console=err)
        self._tasks: dict[str, TaskID] = {}
        self._closed = False

    def report(self, stage: str, done: int, total: int | None) -> None:
        if self._closed:  # by a thread that goes on for a moment
            return
        if stage not in self._tasks:
            self.finish()
            self._tasks[stage] = self._progress.add_task(stage, total=total)
            self._progress.start()
        self._progress.update(self._tasks[stage], completed=done, total=total)

    def finish(self) -> None:
        """End the stages of unknown length with what they counted."""
        for task in self._progress.tasks:
            if task.total is None:
                self._progress.update(task.id, total=task.completed)

    def close(self) -> None:
        self._closed = True
        if self._tasks:
            self._progress.stop()


class _Lines:
    """A line where the last is `EVERY` seconds old; a stage that is shorter says nothing."""

    def __init__(self) -> None:
        self._began, self._said = dict[str, float](), time.monotonic()
        self._closed = False

    def report(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        began = self._began.setdefault(stage, now)
        if now - self._said >= EVERY and not self._closed:
            self._said = now
            say(f"{stage} {_counted(done, total)}".rstrip() + f", {now - began:.0f} s")

    def finish(self) -> None:
        """Nothing is left to be said."""

    def close(self) -> None:
        self._closed = True


class _Count(ProgressColumn):
    """Done of all, or what is counted so far; nothing for a stage that counts nothing."""

    def render(self, task: Task) -> Text:
        return Text(_counted(int(task.completed), None if task.total is None else int(task.total)))


def _counted(done: int, total: int | None) -> str:
    if not total:
        return f"{done:,}" if done else ""
    return f"{done:,}/{total:,}"


@contextmanager
def starting(starts: bool) -> Iterator[Callable[[int, int], None]]:
    """Says that the local Neo4j is started, with a bar for its parts when there is something to fetch."""
    if starts:
        say("starting Neo4j; its parts are fetched first where they are not there yet")
    with stages() as report:
        yield lambda done, total: report("fetching Neo4j", done, total)
