"""What a server looks at again and again, for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from logging import Logger

from cinegraph.errors import CinegraphError


async def again_and_again(
    look: Callable[[], Awaitable[object]], pause: float, log: Logger, failed: str, fault: str
) -> None:
    """Look, and pause so many seconds. An error of ours is told of once, as what `failed`, until a look succeeds; a
    `fault` is logged each time, and ends nothing."""
    told = set[type[Exception]]()
    while True:
        try:
            await look()
            told.clear()
        except CinegraphError as error:
            if type(error) not in told:
                log.warning("could not %s, which is tried on: %s", failed, error)
            told.add(type(error))
        except Exception:
            log.exception("%s", fault)
        await asyncio.sleep(pause)
