"""Points that workers share over a real Redis: nobody spends more by asking several, and a lost Redis fails nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis import Redis as Blocking

from api.budget import Budget
from api.cost import Cost
from api.errors import Refused
from api.limits import LimitExceeded
from cinegraph.errors import InvalidInput
from cinegraph.home import during
from cinegraph.settings import ApiSettings
from events import redis_points
from events.points import Level
from events.redis_points import PREFIX, RedisPoints
from tests.events.test_redis_bus import Server, redis
from tests.trust.proxy import LATENCY, TIMEOUT, Proxy, Toxic
from tests.trust.through import LIMIT

__all__ = ["redis"]

SLOW = 1e-6
"""Points a second: none in the time of a test."""


@asynccontextmanager
async def running(redis: Server) -> AsyncIterator[RedisPoints]:
    """As one worker has it, with patience: the machine may have much to do."""
    points = RedisPoints(redis.url, seconds=20.0)
    async with during(points.run()):
        await asyncio.sleep(0)
        yield points


def budget(points: RedisPoints | None, workers: int = 2) -> Budget:
    settings = ApiSettings(anonymous_points=50, anonymous_rate=SLOW, workers=workers)
    return Budget(settings, lambda: 0.0, points)


async def test_t31_two_workers_spend_from_one_bucket(redis: Server) -> None:
    async with running(redis) as one, running(redis) as other:
        assert (await budget(one).spend("address a", Cost(3_000))).remaining == 20
        with pytest.raises(Refused, match="30 points and 20 are left"):
            await budget(other).spend("address a", Cost(3_000))
        assert (await budget(other).spend("address a", Cost(2_000))).remaining == 0
        assert (await budget(one).spend("address b", Cost(5_000))).remaining == 0


async def test_t31_as_many_at_once_as_there_are_points(redis: Server) -> None:
    async with running(redis) as one, running(redis) as other:
        taken = await asyncio.gather(*(points.take("a", 1, SLOW, 50) for _ in range(60) for points in (one, other)))
    assert [found.enough for found in taken if found].count(True) == 50
    assert len([found for found in taken if found]) == 120


async def test_t31_the_mutant_of_buckets_of_ones_own_lets_a_caller_spend_twice() -> None:
    one, other = budget(None, workers=1), budget(None, workers=1)
    for alone in (one, other):
        assert (await alone.spend("address a", Cost(5_000))).remaining == 0


async def test_what_was_not_used_comes_back_for_all(redis: Server) -> None:
    async with running(redis) as one, running(redis) as other:
        first = budget(one)
        spent = await first.spend("address a", Cost(5_000))
        assert first.give_back(spent, 10) == 40
        await asyncio.wait(one._returning)
        assert (await budget(other).spend("address a", Cost(1_000))).remaining == 30


async def test_a_bucket_comes_back_by_the_second_and_is_kept_no_longer(redis: Server) -> None:
    async with running(redis) as one:
        assert await one.take("a", 40, 1_000.0, 50.0) == Level(True, 10.0)
        with Blocking.from_url(redis.url) as client:
            assert 0 < client.pttl(f"{PREFIX}a") <= 41
            while client.exists(f"{PREFIX}a"):
                await asyncio.sleep(0.01)
        assert await one.take("a", 50, 1_000.0, 50.0) == Level(True, 0.0)


async def test_where_redis_is_lost_each_worker_counts_alone_and_says_so_once(
    redis: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_points, "PAUSE", 0.05)
    async with running(redis) as points:
        spending = budget(points)
        assert (await spending.spend("address a", Cost(5_000))).remaining == 0
        redis.stop()
        for left in (40, 30):
            spent = await spending.spend("address a", Cost(1_000))
            assert (spent.remaining, spent.shared) == (left, False)
            await asyncio.sleep(0.06)
        assert [record.message.partition(":")[0] for record in caplog.records] == [
            "points are counted by each worker alone until Redis answers again"
        ]
        await asyncio.to_thread(redis.start)
        await asyncio.sleep(0.06)
        assert (await spending.spend("address a", Cost(1_000))).shared
    assert caplog.records[-1].message == "Redis answers again, and points are counted for all workers together"


@pytest.mark.parametrize("toxic", [LATENCY, TIMEOUT], ids=lambda one: one.name)
async def test_t31_who_is_asked_too_slowly_is_not_asked_again_at_once(redis: Server, toxic: Toxic) -> None:
    async with Proxy(redis.port) as proxy:
        points = RedisPoints(f"redis://127.0.0.1:{proxy.port}/0")
        async with during(points.run()):
            await asyncio.sleep(0)
            proxy.become(toxic)
            async with asyncio.timeout(LIMIT):
                assert await points.take("a", 1, SLOW, 50) is None
            asked = proxy.connections
            assert [await points.take("a", 1, SLOW, 50) for _ in range(20)] == [None] * 20
            assert proxy.connections == asked


async def test_without_redis_workers_have_their_part_of_the_rate() -> None:
    settings = ApiSettings(anonymous_points=100, anonymous_rate=60.0, burst_seconds=10.0, workers=3)
    spent = await Budget(settings, lambda: 0.0).spend("address a", Cost(1))
    assert (spent.rate, spent.full, spent.remaining) == (20.0, 200.0, 199)


async def test_a_request_past_its_most_takes_nothing(redis: Server) -> None:
    async with running(redis) as points:
        with pytest.raises(LimitExceeded, match="51 points; 50 is the most"):
            await budget(points).spend("address a", Cost(5_001))
        with Blocking.from_url(redis.url) as client:
            assert client.keys(f"{PREFIX}*") == []


def test_what_is_no_url_of_a_redis_is_said() -> None:
    with pytest.raises(InvalidInput, match="CINEGRAPH_EVENTS__REDIS is no URL of a Redis"):
        RedisPoints("http://127.0.0.1")
