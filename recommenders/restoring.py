"""States of then, in memory again: what serves, where an answer was made from it, else one that is read from files."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from cinegraph.deadlines import deadline
from recommenders.archive import Archive, Gone, Needed
from recommenders.serving import Serving
from recommenders.state import State, StateKey


@dataclass(slots=True)
class Restored:
    """Gives the states of `serving` by what they were made from.

    The last one that was read stays in memory, one alone, since it may take as much as what serves. Reading goes on
    when the one who asked does not wait: who asks again finds it.
    """

    serving: Serving
    _last: State | None = None
    _reading: dict[StateKey, asyncio.Task[State]] = field(default_factory=dict)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def state(self, key: StateKey) -> State:
        """The state of a key; raises `Gone` where a part of it is not there any more."""
        if found := next((one for one in self._at_hand() if one.key == key), None):
            return found
        if request := deadline():
            request.be_patient()
        archive = self.serving.archive
        if archive is None:
            raise Gone(Needed.CATALOGUE, "this server keeps no catalogues")
        if key not in self._reading:
            task = asyncio.ensure_future(self._read(archive, key))
            self._reading[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(self._reading[key])

    def _at_hand(self) -> Iterable[State]:
        serving = self.serving.state
        if serving.scorer:
            yield serving
        yield from self.serving.arms.loaded.states.values()
        if serving.snapshot.movies:
            yield serving.by_popularity
        if self._last:
            yield self._last

    async def _read(self, archive: Archive, key: StateKey) -> State:
        async with self._one:
            self._last = None
            found = await asyncio.to_thread(archive.restore, key, self.serving.artifacts)
            self._last = found
            return found

    def _done(self, key: StateKey, done: "asyncio.Task[State]") -> None:
        self._reading.pop(key, None)
        if not done.cancelled():
            done.exception()  # who asked was told, if they waited
