"""What a caller of ingestion may choose, and how it is told how far it has come."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with the stage, what is done of it, and how much there is where that is known."""

KEY_JOBS: Final = frozenset(
    {
        "Producer",
        "Director of Photography",
        "Editor",
        "Original Music Composer",
    }
)
"""Jobs that become `CREW`; directors and writers have relationships of their own."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to ingest; the defaults are what the commands do."""

    force: bool = False
    """Do it again, also when the source is the one that is in the graph."""
    max_bad: float = 0.01
    """Share of a file's rows that may be bad; with more, nothing is written."""
    quarantine: Path | None = None
    """File for the bad rows; none: they are only counted."""
    work: Path | None = None
    """Folder for the files of a run, as large as the data set; none: the system's place for such things."""
    batch_rows: int = 5_000
    """Rows of one transaction, about."""
    lanes: int = 2
    """Transactions at once."""
    cast_limit: int = 25
    """Actors of each movie, the first billed ones."""
    crew_jobs: frozenset[str] = KEY_JOBS
    add_unlinked: bool | None = None
    """Whether TMDB's films that no movie links to become movies `tmdb:<id>`; None: only where no movie has a link."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Say nothing."""


T = TypeVar("T")
_END: Final = object()


async def in_thread(items: Iterator[T]) -> AsyncIterator[T]:
    """The items of a slow iterator, each made outside the event loop."""
    while (item := await asyncio.to_thread(next, items, _END)) is not _END:
        yield item  # type: ignore[misc]
