"""Notices over Redis (pub/sub): a write through one worker wakes those who listen at another.

Redis is a shortcut, not a store. Where it is away nothing waits and no write fails; what was missed is found by its
version, and whoever listens is woken when the connection is back.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from events.bus import Change, Kind, LocalBus
from events.redis_url import no_redis

log = logging.getLogger(__name__)

CHANNEL: Final = "cinegraph:changes"
WAITING: Final = 10_000
"""Notices that wait to be sent at most; more than these are left to the versions."""
PAUSE: Final = 1.0
"""Seconds before a connection is tried again."""
SECONDS: Final = 5.0
"""How long Redis may take to connect or answer, and how often a quiet connection is tried."""


class RedisBus(LocalBus):
    """Reaches every process at the same Redis, this one at once."""

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            self._redis = Redis.from_url(
                url,
                socket_connect_timeout=SECONDS,
                socket_timeout=SECONDS,
                socket_keepalive=True,
                health_check_interval=SECONDS,
            )
        except ValueError as error:
            raise no_redis(error) from error
        self._me = secrets.token_hex(8)
        self._outgoing: asyncio.Queue[Change] = asyncio.Queue(WAITING)

    def tell(self, change: Change) -> None:
        self.wake(change)
        if not self._outgoing.full():
            self._outgoing.put_nowait(change)

    async def run(self) -> None:
        """Send and receive, over connections that are made again where they break."""
        try:
            await asyncio.gather(self._again(self._send, "tell"), self._again(self._receive, "hear"))
        finally:
            await self._redis.aclose()

    async def _again(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        while True:
            try:
                await work()
            except (RedisError, OSError) as error:
                log.warning("cannot %s other workers over Redis, which is tried on: %s", what, error)
            await asyncio.sleep(PAUSE)

    async def _send(self) -> None:
        while True:
            change = await self._outgoing.get()
            await self._redis.publish(CHANNEL, json.dumps([self._me, *change]))

    async def _receive(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            for change in list(self.heard):
                self.wake(change)  # what was told while nobody listened
            while True:
                await self._take(channel)

    async def _take(self, channel: PubSub) -> None:
        message = await channel.get_message(timeout=SECONDS)
        if message is None:
            return
        try:
            sender, kind, id_ = json.loads(message["data"])
            change = Change(Kind(kind), str(id_))
        except (ValueError, TypeError):
            log.warning("a message on %s is none of ours; it is left alone", CHANNEL)
            return
        if sender != self._me:
            self.wake(change)
