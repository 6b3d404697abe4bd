"""What stands before each statement of a request: its deadline, and the breaker. Statements outside requests pass.

A graph that is away is asked for a sign of life beside the requests, none of which waits for it.

A graph that is back has planned nothing yet, and is slow at first. What was read before is read again beside the
requests, the last first, so that it is planned; until then, a request that has an answer in memory does not wait.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar
from time import monotonic
from types import TracebackType
from typing import Any, Final

from cinegraph.deadlines import Deadline, deadline
from cinegraph.errors import GraphAway, GraphBusy, GraphError, GraphTimeout, GraphUnavailable
from graph.breaker import PATIENCE, Breaker, State

log = logging.getLogger("cinegraph.graph")

MOST: Final = 1_000
"""Statements that are remembered as planned: as many as Neo4j itself keeps the plans of by default."""
TRIAL: Final = 3.0
"""Seconds in which a graph that was away must give its sign of life: one that begins takes longer than usual."""
SIGN: Final = "RETURN 1"
"""What asks for a sign of life."""
SETTLING: Final = 10.0
"""Seconds after its return in which a graph is slow, whatever it has planned."""
READ: Final = "ask for less, or again in a moment"
WRITE: Final = "nothing was changed; send it again in a moment"


_REMEMBERED: Final[ContextVar[bool]] = ContextVar("remembered", default=False)


@contextmanager
def remembered(is_so: bool = True) -> Iterator[None]:
    """What is read within has an answer in memory as well."""
    token = _REMEMBERED.set(is_so)
    try:
        yield
    finally:
        _REMEMBERED.reset(token)


Given = Mapping[str, Any] | None
"""A statement's parameters; None where it must not be sent but by who asks."""


class Guard:
    """Lets the statements of requests to one graph. `read` sends a statement that reads."""

    def __init__(
        self, read: Callable[[str, dict[str, Any]], Awaitable[object]], breaker: Breaker | None = None
    ) -> None:
        self.breaker = breaker or Breaker()
        self.breaker.on_close = self._came_back
        self._read = read
        self._planned = dict[str, Given]()
        self._again = dict[str, Mapping[str, Any]]()
        self._slow_until = -1.0
        self._asking: asyncio.Task[None] | None = None
        self._trying: asyncio.Task[None] | None = None
        self._planning: asyncio.Task[None] | None = None

    def around(self, text: str, given: Given = None, *, writes: bool = False) -> "_Call":
        """Around sending a statement, from asking for a connection to its last row, where errors are ours."""
        return _Call(self, text, given, writes)

    def enter(self) -> None:
        """Let a statement be sent; raises `GraphAway` while the graph is away. Who comes when it is to be tried again
        has that done, and does not wait for it either."""
        if self.breaker.enter():
            self._trying = asyncio.create_task(self._try(self.breaker), context=Context())
            raise self.breaker.away()

    def is_planned(self, text: str) -> bool:
        """Whether the graph has answered a statement, so that it is likely to have its plan."""
        return text in self._planned

    def note_planned(self, text: str, given: Given = None) -> None:
        """The graph has the plan of a statement."""
        self._planned.pop(text, None)
        while len(self._planned) >= MOST:
            del self._planned[next(iter(self._planned))]
        self._planned[text] = given

    def overran(self, text: str) -> None:
        """A statement was not answered in time: next time it may be planned anew, and the graph is asked whether it is
        there."""
        self._planned.pop(text, None)
        if self.breaker.state is State.CLOSED and not _is_on(self._asking):
            self._asking = asyncio.create_task(self._look(), context=Context())

    def is_back(self) -> bool:
        """Whether the graph was away, and does not yet answer as it did."""
        return _is_on(self._planning) or monotonic() < self._slow_until

    def plan(self, text: str, given: Given) -> None:
        """Have a statement planned beside the requests, before all others."""
        if given is not None:
            self._again.pop(text, None)
            self._again[text] = given
            self._plan_all()

    def _came_back(self) -> None:
        self._slow_until = monotonic() + SETTLING
        self._again |= {text: given for text, given in self._planned.items() if given is not None}
        self._planned.clear()
        self._plan_all()

    def _plan_all(self) -> None:
        if self._again and not _is_on(self._planning):
            self._planning = asyncio.create_task(self._plan_again(), context=Context())

    async def _plan_again(self) -> None:
        while self._again and self.breaker.state is State.CLOSED:
            text, given = self._again.popitem()
            with suppress(GraphError):
                await self._read(text, dict(given))

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._read(SIGN, {})
        except GraphBusy:
            return
        except (GraphError, TimeoutError) as error:
            log.info("a statement was not answered in time, nor was a question after it: %r", error)
            self.breaker.lost()

    async def _try(self, breaker: Breaker) -> None:
        try:
            async with asyncio.timeout(TRIAL):
                await self._read(SIGN, {})
        except (TimeoutError, GraphTimeout, GraphBusy, GraphUnavailable):
            breaker.still_away()
        except GraphError:
            breaker.answered()
        except BaseException:
            breaker.still_away()
            raise
        else:
            breaker.answered()

    async def close(self) -> None:
        """Ask no more."""
        for task in (self._asking, self._trying, self._planning):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait([task])


def _is_on(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()


class _Call:
    """See `Guard.around`."""

    __slots__ = ("given", "guard", "limit", "request", "text", "writes")

    def __init__(self, guard: Guard, text: str, given: Given, writes: bool) -> None:
        self.guard, self.text, self.given, self.writes = guard, text, given, writes
        self.request: Deadline | None = deadline()

    async def __aenter__(self) -> None:
        request, guard = self.request, self.guard
        if request is None:
            return
        guard.enter()
        if not guard.is_planned(self.text):
            if _REMEMBERED.get() and guard.is_back():
                guard.plan(self.text, self.given)
                raise GraphAway("the graph is back, and plans the statement first; try again in some seconds")
            request.be_patient()
        if request.left() <= 0:
            raise request.spent(WRITE if self.writes else READ)
        self.limit = asyncio.timeout_at(request.when)
        await self.limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        request = self.request
        if request is None:
            if error is None:
                self.guard.note_planned(self.text)
            return
        try:
            await self.limit.__aexit__(kind, error, trace)
        except TimeoutError:
            self.guard.overran(self.text)
            raise request.spent(WRITE if self.writes else READ) from error
        self._learn(error)
        if isinstance(error, GraphTimeout) and request.left() <= 0:
            raise request.spent(WRITE if self.writes else READ) from error

    def _learn(self, error: BaseException | None) -> None:
        """Tell the breaker how it went."""
        guard, breaker = self.guard, self.guard.breaker
        match error:
            case None:
                breaker.answered()
                guard.note_planned(self.text, self.given)
            case GraphUnavailable():
                breaker.failed()
            case GraphTimeout():
                guard.overran(self.text)
            case GraphError() if not isinstance(error, GraphBusy):
                breaker.answered()
