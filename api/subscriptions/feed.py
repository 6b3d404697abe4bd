"""What every subscription is: an answer now, and one more after each notice that it may be another.

Notices while an answer is made or sent become one, so that a slow reader gets the newest state and nothing piles up.
Each answer takes points: a later one is made when its caller has them, and is newer then.
Whether an answer is another than the one before is seen where it is written (`api/streaming/answers.py`).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from api.context import Context
from cinegraph.deadlines import deadline_of
from cinegraph.errors import CinegraphError
from events.bus import Change

PAUSES: Final = (0.1, 2.0)
"""Seconds after which an answer that failed once, or more often, is tried again, where no notice comes before."""


async def feed(
    context: Context, changes: Iterable[Change], make: Callable[[], Awaitable[Any]]
) -> AsyncGenerator[Any, None]:
    """Answers without end. The first one that fails is the end; a later one is tried again, and where that fails too,
    each kind of error is an event of its own, once, until there is an answer."""
    failures, told = 0, set[type[CinegraphError]]()
    with context.services.bus.listen(changes) as listener:
        yield await _made(context, make)
        await listener.woken()
        while True:
            try:
                if context.pay is not None:
                    await context.pay()
                    listener.take()
                found, failures = await _made(context, make), 0
                told.clear()
            except CinegraphError as error:
                found, failures = error, failures + 1
            if failures > 1 and type(found) not in told:
                told.add(type(found))
                yield found
            elif not failures:
                yield found
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSES[failures > 1] if failures else None):
                    await listener.woken()


async def _made(context: Context, make: Callable[[], Awaitable[Any]]) -> Any:
    context.begin_anew()
    async with context.services.turns:
        with deadline_of(context.time() if context.time else None):
            return await make()
