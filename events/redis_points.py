"""What callers have left to spend, in a Redis that all workers of all machines share.

Redis is asked once for each request, by a script that nothing comes between. Where it is away nobody waits for it and
no request fails: whoever asks is told that it is not known, and it is asked again a second later.
"""

import asyncio
import logging
import time
from typing import Any, Final, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from events.points import Level
from events.redis_url import no_redis

log = logging.getLogger(__name__)

PREFIX: Final = "cinegraph:points:"
PAUSE: Final = 1.0
"""Seconds before a Redis that was away is asked again."""
SECONDS: Final = 0.05
"""How long Redis may take; where it takes longer, one request waits so long in every `PAUSE`, or those of a moment."""
CONNECTIONS: Final = 8
"""Connections of a worker at most; who finds none waits for one."""

# A bucket that is full again is as one that never was, so a key is gone by the time it would be.
SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local points, rate, full = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(kept[1]) or full, tonumber(kept[2]) or now
level = math.min(full, level + math.max(0, now - at) * rate)
local enough = points <= level
if enough then level = math.min(full, level - points) end
redis.call('HSET', KEYS[1], 'level', string.format('%.6f', level), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((full - level) / rate * 1000) + 1)
return {enough and 1 or 0, string.format('%.6f', level)}
"""


class RedisPoints:
    """Buckets at one Redis, which may take some `seconds`. A bucket holds `full` points at most; `rate` come back a
    second."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=seconds,
                socket_connect_timeout=seconds,
                socket_timeout=seconds,
                socket_keepalive=True,
                retry=Retry(
                    NoBackoff(), 1, (Disconnected,)
                ),  # one that Redis had closed since; never a script that ran
            )
        except ValueError as error:
            raise no_redis(error) from error
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(SCRIPT)
        self._again, self._away = 0.0, False
        self._returning: set[asyncio.Task[Any]] = set()

    async def take(self, caller: str, points: float, rate: float, full: float) -> Level | None:
        """Take points where there are enough; None where Redis is away."""
        if time.monotonic() < self._again:
            return None
        try:
            found = cast(Any, self._script)(keys=[PREFIX + caller], args=[points, rate, full])
            enough, level = await found
        except (RedisError, OSError) as error:
            self._again = time.monotonic() + PAUSE
            if not self._away:
                log.warning("points are counted by each worker alone until Redis answers again: %s", error)
            self._away = True
            return None
        if self._away:
            log.warning("Redis answers again, and points are counted for all workers together")
        self._away = False
        return Level(bool(enough), float(level))

    def give_back(self, caller: str, points: float, rate: float, full: float) -> None:
        """Return points; nobody waits for it, and where Redis is away they come back by the second."""
        task = asyncio.ensure_future(self.take(caller, -points, rate, full))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def run(self) -> None:
        """Nothing has to go on; at the end, what is under way is waited for, and the connections are closed."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._returning:
                await asyncio.wait(self._returning)
            await self._redis.aclose()
