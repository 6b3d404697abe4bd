"""Who accepts connections, gives each to a worker, and sees that there are as many workers as were asked for.

One process accepts and hands over, as Node's cluster does: connections are shared out evenly on every system, while a
socket that several processes listen on is theirs by luck (Linux) or one's alone (macOS); and a worker that comes or
goes loses none, since what waits to be accepted is no worker's own.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from cinegraph.cli.workers.process import Worker
from cinegraph.errors import WorkerFailed

log = logging.getLogger("cinegraph.workers")

PATIENCE: Final = 20.0
"""Seconds in which a worker that is told to end has ended; the requests in flight have ten of them."""
STEADY: Final = 10.0
"""Seconds after which a worker that died is no longer one that dies at once."""
LONGEST_WAIT: Final = 30.0
"""Seconds between two starts of a worker that dies at once."""
TRIES: Final = 5
"""Starts that fail one after the other before it is given up, where no other worker answers."""

Begin = Callable[[int, Callable[[], None]], Awaitable[Worker]]


class Parent:
    """The workers of one listening socket; `begin` starts one of a number."""

    def __init__(self, listener: socket.socket, workers: int, begin: Begin, drain_seconds: float) -> None:
        listener.setblocking(False)
        self._listener, self._begin, self._drain_seconds = listener, begin, drain_seconds
        self._numbers = range(1, workers + 1)
        self._workers: dict[int, Worker] = {}
        self._started: set[Worker] = set()
        """All that have not ended: in a place, on the way to one, or on the way out."""
        self._locks = {number: asyncio.Lock() for number in self._numbers}
        self._changes = asyncio.Event()
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._renewing: asyncio.Task[None] | None = None
        self._again, self._complete = False, False

    async def run(self, greet: Callable[[], None]) -> None:
        """Until it is cancelled; `greet` is called when all answer. Raises `WorkerFailed` where none can."""
        accepting: asyncio.Task[None] | None = None
        try:
            await asyncio.gather(*(self._first(number) for number in self._numbers))
            self._complete = True
            greet()
            accepting = self._also(self._accept())
            for number in self._numbers:
                self._also(self._keep(number))
            await self._failed
        finally:
            await self._end(accepting)

    def renew(self) -> None:
        """Put a new worker in the place of each, one after the other; nothing before all were there."""
        if self._renewing is not None and not self._renewing.done():
            self._again = True
        elif self._complete:
            self._renewing = self._also(self._renew())

    # -- workers that come and go --------------------------------------------------------------------------------

    async def _first(self, number: int) -> None:
        worker = await self._start(number)
        self._workers[number] = worker
        if not await self._answers(worker):
            raise WorkerFailed(f"worker {number} {worker.how} before it answered; its own words are above")

    async def _start(self, number: int) -> Worker:
        worker = await self._begin(number, self._changes.set)
        self._started = {worker, *(one for one in self._started if not one.ended)}
        return worker

    async def _answers(self, worker: Worker) -> bool:
        """Wait until it does; False where it ends before."""
        while not worker.giving.ready and not worker.ended:
            await self._change()
        return not worker.ended

    async def _change(self) -> None:
        await self._changes.wait()
        self._changes.clear()

    async def _keep(self, number: int) -> None:
        """Start the worker of a number again whenever it has ended, and sooner the longer it lived."""
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            worker = self._workers[number]
            await worker.wait()
            self._pass_on(worker)
            async with self._locks[number]:
                if self._workers[number] is not worker:
                    continue
                steady = worker.giving.ready and (worker.code == 0 or loop.time() - worker.began > STEADY)
                failures = 0 if steady else failures + 1
                if failures > TRIES and not any(one.takes for one in self._workers.values()):
                    return self._fail(
                        WorkerFailed(f"worker {number} {worker.how}, {failures} times one after the other")
                    )
                log.warning("worker %d (process %d) %s; it is started again", number, worker.pid, worker.how)
                if failures > 1:
                    await asyncio.sleep(min(2.0 ** (failures - 2), LONGEST_WAIT))
                self._workers[number] = await self._start(number)
                self._also(self._noted(self._workers[number]))

    async def _noted(self, worker: Worker) -> None:
        if await self._answers(worker):
            log.warning("worker %d answers again, in process %d", worker.number, worker.pid)

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    async def _renew(self) -> None:
        for number in self._numbers:
            async with self._locks[number]:
                old, new = self._workers[number], await self._start(number)
                if not await self._answers(new):
                    log.error("a new worker %d %s; the others stay as they are", number, new.how)
                    return
                self._workers[number] = new
            log.info("worker %d is process %d in the place of %d", number, new.pid, old.pid)
            await self._let_go(old)
        if self._again:
            self._again, self._renewing = False, self._also(self._renew())

    async def _let_go(self, worker: Worker) -> None:
        """Let it answer what it has, and end."""
        worker.giving.drain()
        await asyncio.sleep(self._drain_seconds)
        worker.giving.finish()
        if not await worker.end_within(PATIENCE):
            log.error("worker %d (process %d) did not end, and was killed", worker.number, worker.pid)

    async def _end(self, accepting: "asyncio.Task[None] | None") -> None:
        """All of it, in order: readiness says no, what comes meanwhile is answered, and then nothing comes."""
        others = [one for one in self._tasks if one is not accepting]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        left = [one for one in self._started if not one.ended]
        for worker in left:
            worker.giving.drain()
        if accepting is not None:
            await asyncio.sleep(self._drain_seconds)
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
            self._accept_the_last()
        self._listener.close()
        for worker in left:
            worker.giving.finish()
        ended = await asyncio.gather(*(worker.end_within(PATIENCE) for worker in left))
        if not all(ended):
            log.error("%d workers did not end, and were killed", ended.count(False))
        for task in self._tasks:
            task.cancel()
        if self._failed.done() and not self._failed.cancelled():
            self._failed.exception()

    # -- connections ---------------------------------------------------------------------------------------------

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._next():
                await self._change()  # what comes meanwhile waits in the kernel's queue
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("cannot accept a connection, which is tried again: %s", error)
                await asyncio.sleep(0.1)
                continue
            await self._hand(connection)

    async def _hand(self, connection: socket.socket) -> None:
        """Give it to a worker, as soon as one takes it."""
        while not self._given(connection):
            await self._change()

    def _given(self, connection: socket.socket) -> bool:
        self._turn += 1
        return any(worker.giving.give(connection) for worker in self._next())

    def _next(self) -> list[Worker]:
        """Those that take, first those who left the fewest untaken: one that hangs gets no more. Else in turn."""
        able = [one for one in self._workers.values() if one.takes]
        return sorted(able, key=lambda one: (one.giving.untaken, (one.number + self._turn) % len(self._numbers)))

    def _accept_the_last(self) -> None:
        """What the kernel accepted before the end."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if not self._given(connection):
                connection.close()

    def _pass_on(self, worker: Worker) -> None:
        """What a worker that died never took."""
        for connection in worker.left:
            self._also(self._hand(connection))
        worker.left = []

    def _also(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do it beside everything else; a fault of ours ends all of it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
