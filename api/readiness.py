"""Whether requests should be sent here: where the graph answers, and where what is in memory can answer without it.

A load balancer that takes out whoever is not ready takes out all at once when the graph is away, and what could be
answered from memory is answered by nobody. So a process that has a model and a catalogue stays in, and says that it is
degraded. Both are in memory only once the graph has given them, so a process that is new is not ready before that.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from starlette.responses import JSONResponse, Response

from api.caching import PRIVATE
from api.context import Services
from api.leaving import Leaving
from cinegraph.deadlines import Deadline, deadline_of
from cinegraph.errors import CinegraphError, GraphTimeout, TimeBudgetSpent

READY, DEGRADED, NOT_READY = "ready", "degraded", "not ready"
PATIENCE: Final = 0.5
"""Seconds in which the graph has to answer who asks whether it does."""
PAUSE: Final = 1.0
"""Seconds from one question to the next, at least."""


class Readiness:
    """What `/health/ready` says. However many ask, the graph is asked one question at a time, and one a second: who
    comes meanwhile is told what it answers, or what it answered."""

    def __init__(self, services: Services, leaving: Leaving, clock: Callable[[], float] = monotonic) -> None:
        self._services, self._leaving, self._clock = services, leaving, clock
        self._question: asyncio.Task[str | None] | None = None
        self._asked_at = 0.0

    async def answer(self) -> Response:
        """Ready, degraded or not; the graph and the model each say for themselves, with the code of why not."""
        if self._leaving.begun:  # what is asked is still answered; what is new should go elsewhere
            body = {"status": NOT_READY, "server": {"status": NOT_READY, "code": "GOING_AWAY"}}
            return JSONResponse(body, 503, headers={**PRIVATE, "Retry-After": "2"})
        code, version = await self._graph(), self._services.serving.model_version
        graph = {"status": NOT_READY, "code": code} if code else {"status": READY}
        model = {"status": READY, "version": version} if version else {"status": NOT_READY, "code": "NO_MODEL"}
        status = self._status(code is None, bool(version))
        body = {"status": status, "graph": graph, "model": model}
        if status is not NOT_READY:
            return JSONResponse(body, headers=PRIVATE)
        return JSONResponse(body, 503, headers={**PRIVATE, "Retry-After": "2" if code else "5"})

    def _status(self, graph: bool, model: bool) -> str:
        if graph and model:
            return READY
        return DEGRADED if model and self._services.serving.state.snapshot.movies else NOT_READY

    async def _graph(self) -> str | None:
        """The code of why the graph does not answer; None where it does."""
        now, last = self._clock(), self._question
        if last is None or (last.done() and now - self._asked_at >= PAUSE):
            self._question = last = asyncio.ensure_future(self._ask())
            self._asked_at = now
        return await asyncio.shield(last)  # who goes away leaves the question to the others

    async def _ask(self) -> str | None:
        deadline = Deadline(PATIENCE, PATIENCE, asyncio.get_running_loop().time())
        try:
            with deadline_of(deadline):
                await self._services.graph.sign_of_life()
        except TimeBudgetSpent:
            return GraphTimeout.code
        except CinegraphError as error:
            return error.code
        return None
