"""What the commands print: progress on stderr, results on stdout."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

WIDTH = 120
"""Columns where the output is not a terminal."""

# Titles and names may hold "[…]" and ":…:", which are no markup here.
out = Console(highlight=False, markup=False, emoji=False)
if not out.is_terminal:
    out = Console(highlight=False, markup=False, emoji=False, width=WIDTH)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

Stages = Callable[[str, int, int | None], None]


def complain(message: str) -> None:
    """An error, on stderr."""
    err.print(f"error: {message}", style="red", soft_wrap=True)


def say(message: str) -> None:
    """A line about what happens, on stderr, so that stdout holds results alone."""
    err.print(message, soft_wrap=True)


@contextmanager
def stages() -> Iterator[Stages]:
    """A bar for each stage that is reported by name, done, and in all (None where that is not known)."""
    text = TextColumn("{task.description}")
    columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        tasks: dict[str, object] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield report


@contextmanager
def fetching() -> Iterator[Callable[[int, int], None]]:
    """A bar for the parts of the local Neo4j, shown when there is something to fetch."""
    with stages() as report:
        yield lambda done, total: report("fetching Neo4j", done, total)
