"""Turns requests away where there are more than can be answered in time, before anything is spent on them.

Requests that were let in and are not answered yet are counted, and there is a most. It falls while half of the answers
take longer than they should, and rises while it is what holds requests back (additive increase would be too slow after
a fall, so it rises by a tenth, as it falls by a fifth). What is turned away costs some hundredth of a request, so that
what is let in is answered as if nobody else had asked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.caching import PRIVATE
from api.errors import Refused, refusal_body
from api.observing import HEADER
from api.wire import refusal_bytes

LEAST: Final = 8
"""Requests at once that are always let in: answers of a second each cannot close the door."""
USUAL: Final = 128
MOST: Final = 1_024
WINDOW: Final = 0.1
"""Seconds after which the most is set anew."""
RISES: Final = 1.1
FALLS: Final = 0.8
USED: Final = 0.9
"""Part of the most from which on it is what holds requests back."""
AGAIN: Final = 1
"""Seconds after which whoever was turned away may come again."""
ADMITTED: Final = "admitted"
"""In a request's state: when it was let in and was whole; None before it is whole."""
PATH: Final = "/graphql"
METHODS: Final = ("GET", "POST")
"""By which operations come."""
CODE: Final = "OVERLOADED"
MESSAGE: Final = "the server has more to do than it can at the moment; try again in a second"


class Gate:
    """Who is let in. `wanted_ms` is how long an answer should take, 0 for no gate."""

    def __init__(
        self,
        wanted_ms: float,
        turned_away: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._wanted, self._turned_away, self._clock = wanted_ms / 1000, turned_away, clock
        self._took: list[float] = []
        self._set_at = 0.0
        self._peak = 0
        self.inside = 0
        """Requests that were let in and are not answered yet."""
        self.most = USUAL

    @property
    def is_full(self) -> bool:
        """Whether one more would be too many."""
        return self._wanted > 0 and self.inside >= self.most

    def enter(self) -> float:
        """Let a request in; when that was, which `leave` wants to know."""
        self.inside += 1
        self._peak = max(self._peak, self.inside)
        return self._clock()

    def leave(self, admitted: float) -> None:
        """A request is answered."""
        now = self._clock()
        self.inside -= 1
        self._took.append(now - admitted)
        if now - self._set_at >= WINDOW:
            self._set(now)

    def _set(self, now: float) -> None:
        """The most for the next window, by the answers of this one."""
        if median(self._took) > self._wanted:
            if self._peak > self.most * (1 - USED / 2):
                self.most = max(LEAST, int(self.most * FALLS))
        elif self._peak >= self.most * USED:
            self.most = min(MOST, int(self.most * RISES) + 1)
        self._took.clear()
        self._set_at, self._peak = now, self.inside

    @contextmanager
    def through(self) -> Iterator[None]:
        """Around an operation that comes on a connection which is open already; raises `Refused` where it is one too
        many."""
        if self.is_full:
            self._turned_away()
            raise Refused(503, CODE, MESSAGE, again=AGAIN)
        admitted = self.enter()
        try:
            yield
        finally:
            self.leave(admitted)

    def refusal(self, request_id: str) -> bytes:
        """What a request is told that is not let in, as it goes over the wire."""
        self._turned_away()
        return refusal_bytes(503, CODE, MESSAGE, request_id, AGAIN)

    def refusing(self, request_id: str) -> ASGIApp:
        """The same, for a request whose answer comes after those before it; made in their context, it is no error of
        theirs."""
        self._turned_away()
        headers = {**PRIVATE, "Retry-After": str(AGAIN), HEADER: request_id}
        return JSONResponse(refusal_body(CODE, MESSAGE, request_id, AGAIN), 503, headers=headers)


class Gated:
    """The application, whose answers are told to the gate that let their requests in."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; it has left with the first byte of its answer, since streams go on for hours."""
        state = scope.get("state", {}) if scope["type"] == "http" else {}
        if ADMITTED not in state:
            await self._app(scope, receive, send)
            return

        def leave() -> None:
            admitted = state.pop(ADMITTED, None)
            if admitted is not None:
                self._gate.leave(admitted)

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            leave()
