"""Slow work in a thread that ends in order when whoever waits for it is cancelled."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def stoppable(work: Callable[[threading.Event], T]) -> T:
    """The result of `work`, in a thread. Where we are cancelled, the event is set, and the work is waited for: it
    must look at the event now and then, and leave nothing half done."""
    ending = threading.Event()
    thread = asyncio.ensure_future(asyncio.to_thread(work, ending))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        ending.set()
        await asyncio.wait([thread])
        if not thread.cancelled():
            thread.exception()  # seen, so that nobody is told of it later
        raise
