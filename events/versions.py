"""What others wrote without telling: users and movies that somebody listens to, looked at by their versions.

A statement for up to `AT_ONCE` users or movies, each found by an index; none where nobody listens.
"""

from typing import Any, Final

from events.bus import Bus, Change, Kind
from graph.catalog import ReadStatement, read_statement
from graph.client import Reader

AT_ONCE: Final = 1_000


class Versions:
    """The versions of what is listened to, as they were at the last look."""

    def __init__(self, bus: Bus, reader: Reader) -> None:
        self._bus, self._reader = bus, reader
        self._known: dict[Change, Any] = {}

    async def look(self) -> None:
        """Wake those who listen to what has another version now; what is listened to since the last look has no
        version before, and counts as changed: something may have happened before the first look at it."""
        heard = [change for change in self._bus.heard if change.kind is not Kind.CATALOGUE]
        found: dict[Change, Any] = dict.fromkeys(heard)
        found |= await self._read(Kind.USER, heard, read_statement("change/users"))
        found |= await self._read(Kind.MOVIE, heard, read_statement("change/movies"))
        before, self._known = self._known, found
        for change, version in found.items():
            if change not in before or before[change] != version:
                self._bus.wake(change)

    async def _read(self, kind: Kind, heard: list[Change], statement: ReadStatement) -> dict[Change, Any]:
        ids = [change.id for change in heard if change.kind is kind]
        found = dict[Change, Any]()
        for first in range(0, len(ids), AT_ONCE):
            rows = await self._reader.read(statement, ids=ids[first : first + AT_ONCE])
            found |= {Change(kind, row["id"]): row["version"] for row in rows}
        return found
