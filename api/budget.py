"""Points that a caller may spend: a leaky bucket for each, which all workers share where there is a Redis.

A bucket holds what some seconds bring, so that a page may ask for much at once; what was asked for and not used comes
back. Without a Redis each worker has buckets of its own, which get its part of the rate: together they bring no more
than one would, but a caller who always comes to the same worker has that part alone. Anonymous callers are told apart
by their network address (IPv6: its first 64 bits, which one line has), which is kept nowhere else.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from api.cost import Cost
from api.errors import Refused
from api.limits import LimitExceeded
from cinegraph.settings import ApiSettings
from events.points import SharedPoints

CALLERS: Final = 100_000
"""Buckets in memory at most; those that were used least recently go first."""


@dataclass(slots=True)
class Bucket:
    """What a caller had left at a time, in points."""

    level: float
    at: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What a request took from its caller's bucket: `points` of at most `most`; `remaining` is what it left there."""

    caller: str
    cost: Cost
    points: int
    most: int
    remaining: int | None
    rate: float = 0.0
    full: float = 0.0
    shared: bool = False
    """Whether the bucket is that of all workers."""


def caller_key(user_id: str | None, address: str | None) -> str:
    """Whose bucket it is."""
    if user_id is not None:
        return f"user {user_id}"
    try:
        found = ip_address(address or "")
    except ValueError:
        return f"address {address}"
    if isinstance(found, IPv6Address):  # a socket for both kinds of addresses shows one of IPv4 as one of IPv6
        return f"address {found.ipv4_mapped or hex(int(found) >> 64)}"
    return f"address {found}"


class Budget:
    """What requests and callers may spend, of their `shared` buckets where these answer."""

    def __init__(
        self,
        settings: ApiSettings,
        clock: Callable[[], float] = time.monotonic,
        shared: SharedPoints | None = None,
    ) -> None:
        self._settings, self._clock, self._shared = settings, clock, shared
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    async def spend(self, caller: str, cost: Cost) -> Spent:
        """Take the points of a cost before anything runs; raises `LimitExceeded` for more than one request may cost,
        `Refused` with 429 where the caller has to wait."""
        if self._shared is not None:
            asked = self._asked(caller, cost, workers=1)
            if asked.remaining is None:
                return asked
            found = await self._shared.take(caller, asked.points, asked.rate, asked.full)
            if found is not None:
                if not found.enough:
                    raise _refusal(asked, found.level)
                return replace(asked, remaining=int(found.level), shared=True)
        return self.take(caller, cost)

    def take(self, caller: str, cost: Cost) -> Spent:
        """The same, of the bucket of this process."""
        asked = self._asked(caller, cost, self._settings.workers)
        if asked.remaining is None:
            return asked
        bucket = self._bucket(caller, asked.rate, asked.full)
        if bucket.level < asked.points:
            raise _refusal(asked, bucket.level)
        bucket.level -= asked.points
        return replace(asked, remaining=int(bucket.level))

    def give_back(self, spent: Spent, actual: int) -> int | None:
        """Return what was not used; what is left after it."""
        if spent.shared and self._shared is not None and spent.remaining is not None:
            self._shared.give_back(spent.caller, spent.points - actual, spent.rate, spent.full)
            return min(int(spent.full), spent.remaining + spent.points - actual)
        bucket = self._buckets.get(spent.caller)
        if spent.remaining is None or bucket is None:
            return spent.remaining
        bucket.level += spent.points - actual
        return int(bucket.level)

    def _asked(self, caller: str, cost: Cost, workers: int) -> Spent:
        """What is to be taken, from a bucket of one of so many workers; `remaining` is None where nothing is counted.
        A bucket holds what the dearest request costs, whatever its part of the rate."""
        signed_in, settings, points = caller.startswith("user "), self._settings, cost.points
        most = settings.user_points if signed_in else settings.anonymous_points
        rate = (settings.user_rate if signed_in else settings.anonymous_rate) / workers
        if points > most:
            visitor = "" if signed_in else f" without signing in, {settings.user_points:,} with a token"
            raise LimitExceeded(
                f"the operation may cost {points:,} points; {most:,} is the most{visitor}: ask for smaller pages "
                "(first) or fewer levels"
            )
        full = max(rate * settings.burst_seconds, most)
        return Spent(caller, cost, points, most, 0 if rate else None, rate, full)

    def _bucket(self, caller: str, rate: float, full: float) -> Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(caller, Bucket(full, now))
        self._buckets.move_to_end(caller)
        bucket.level, bucket.at = min(full, bucket.level + (now - bucket.at) * rate), now
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        return bucket


def _refusal(asked: Spent, level: float) -> Refused:
    wait = ceil((asked.points - level) / asked.rate)
    return Refused(
        429,
        "RATE_LIMITED",
        f"the operation may cost {asked.points:,} points and {int(level):,} are left; {asked.rate:,g} come back a "
        f"second: try again in {wait} s",
        again=wait,
    )
