"""T18: Redis is a shortcut. Without it, flushed, killed in the middle, slow or silent: the same answers to the byte.

It is used for two things: to tell others of changes, for which nothing waits, and to count points, for which a request
waits a moment. Both are over Redis here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis as Blocking

from cinegraph.home import during
from events import redis_bus, redis_points
from events.bus import Bus, Change, LocalBus
from events.points import Level, SharedPoints
from events.redis_bus import CHANNEL, RedisBus
from events.redis_points import RedisPoints
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.web import JSON, bearer, client_over
from tests.conftest import empty
from tests.events.test_redis_bus import PATIENCE, Server, redis, running
from tests.published import serving_over
from tests.trust.proxy import LATENCY, NONE, RESET, TIMEOUT, Proxy, Toxic
from tests.trust.through import LIMIT

__all__ = ["redis"]

LIST = "{ recommendations(first: 3) { edges { score cursor node { title } why { sentence } } } }"
STEPS = [
    ("1", LIST),
    (None, '{ movies(first: 3) { nodes { title } pageInfo { endCursor } } search(query: "alien") { totalCount } }'),
    ("1", 'mutation { rateMovie(movie: "2", rating: 4.5) { __typename ... on Rated { rating movie { title } } } }'),
    ("1", LIST),
    ("1", 'mutation { dismissMovie(movie: "4") { __typename ... on Dismissed { movie { title } } } }'),
    ("1", LIST),
    ("2", '{ me { ratings { nodes { title } } } explain(movie: "3") { score contributions { value } } }'),
    ("2", 'mutation { rateMovie(movie: "none", rating: 4.5) { __typename } }'),
    ("1", 'mutation { removeRating(movie: "2") { __typename } removeDismissal(movie: "4") { __typename } }'),
    ("1", LIST),
]
MIDDLE = 3
"""What happens to Redis happens before this step: after the first write, before the list that shows it."""

Answers = list[tuple[int, bytes]]
Disturb = Callable[[], Awaitable[object]]


class Uses(NamedTuple):
    """What Redis is used for."""

    bus: Bus
    points: SharedPoints | None


async def calm() -> None:
    """Nothing happens."""


async def answers(graph: GraphClient, root: Path, uses: Uses, disturb: Disturb = calm) -> Answers:
    """All steps over the tiny graph as it is at first, with something that happens in the middle."""
    await empty(graph)
    services = replace(api_over(graph, await serving_over(graph, root)).services, **uses._asdict())
    found = Answers()
    async with client_over(services) as http:
        for place, (user, query) in enumerate(STEPS):
            if place == MIDDLE:
                await disturb()
            async with asyncio.timeout(LIMIT):
                headers = {"accept": JSON} | (bearer(user) if user else {})
                response = await http.post("/graphql", json={"query": query}, headers=headers)
            found.append((response.status_code, response.content))
    return found


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[RedisPoints]:
    """Points at a Redis, if it is there."""
    points = RedisPoints(url)
    async with during(points.run()):
        yield points


@asynccontextmanager
async def through(proxy: Proxy) -> AsyncIterator[Uses]:
    """A bus and points that reach Redis through a proxy, if at all."""
    url = f"redis://127.0.0.1:{proxy.port}/0"
    bus = RedisBus(url)
    async with during(bus.run()), counting(url) as points:
        yield Uses(bus, points)


async def without(graph: GraphClient, tmp_path: Path) -> Answers:
    """What is answered where no Redis is set; every step that is no mistake of the client's is answered."""
    found = await answers(graph, tmp_path / "without", Uses(LocalBus(), None))
    assert [status for status, _ in found] == [200] * len(STEPS)
    assert all(b'"errors"' not in content for _, content in found)
    assert found[0][1] != found[3][1] != found[5][1], "what was written is in the next list"
    return found


async def test_t18_with_redis_flushed_killed_and_back_answers_are_the_same(
    graph: GraphClient, tmp_path: Path, redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bus, "PAUSE", 0.05)
    monkeypatch.setattr(redis_points, "PAUSE", 0.05)
    expected = await without(graph, tmp_path)

    def counted() -> int:
        """How often Redis was asked for points."""
        with Blocking.from_url(redis.url) as client:
            return int(client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    def flush() -> None:
        with Blocking.from_url(redis.url) as client:
            client.flushall()

    async def again() -> None:
        await asyncio.to_thread(redis.stop)
        await asyncio.to_thread(redis.start)

    for disturb in (calm, lambda: asyncio.to_thread(flush), again, lambda: asyncio.to_thread(redis.stop)):
        async with running(redis) as bus, counting(redis.url) as points:
            assert await answers(graph, tmp_path / "with", Uses(bus, points), disturb) == expected
        if disturb is calm:
            assert await asyncio.to_thread(counted) > 0, "points were counted at Redis"
        assert points._away or redis.process
    async with through(Proxy(1, port=1)) as nowhere:  # nobody listens there, from the beginning
        assert await answers(graph, tmp_path / "with", nowhere) == expected


@pytest.mark.parametrize("toxic", [LATENCY, TIMEOUT, RESET], ids=lambda one: one.name)
async def test_t18_nothing_waits_for_a_slow_or_silent_redis(
    graph: GraphClient, tmp_path: Path, redis: Server, toxic: Toxic
) -> None:
    """What is told is on its way when the answers have come: no answer waited for it, and for points only a moment."""
    expected = await without(graph, tmp_path)
    async with Proxy(redis.port) as proxy, through(proxy) as uses:
        with Blocking.from_url(redis.url) as client:
            channel = client.pubsub(ignore_subscribe_messages=True)
            channel.subscribe(CHANNEL)
            async with asyncio.timeout(PATIENCE):
                while client.pubsub_numsub(CHANNEL)[0][1] < 2:
                    await asyncio.sleep(0.01)

            async def disturb() -> None:
                proxy.become(toxic)

            assert await answers(graph, tmp_path / "with", uses, disturb) == expected
            assert isinstance(uses.points, RedisPoints)
            assert uses.points._away
            proxy.become(NONE)
            channel.close()


class Strict(RedisBus):
    """A mutant: a write is told before it is answered."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._own = Blocking.from_url(url, socket_timeout=0.2)

    def tell(self, change: Change) -> None:
        self._own.publish(CHANNEL, change.id)


async def test_t18_the_mutant_that_needs_redis_fails_without_it(
    graph: GraphClient, tmp_path: Path, redis: Server
) -> None:
    expected, bus = await without(graph, tmp_path), Strict(redis.url)
    found = await answers(graph, tmp_path / "with", Uses(bus, None), lambda: asyncio.to_thread(redis.stop))
    bus._own.close()
    assert found[:MIDDLE] == expected[:MIDDLE]
    assert found != expected
    assert b"INTERNAL" in found[4][1]


class Demanding(RedisPoints):
    """A mutant: who is not told what is left is turned away."""

    async def take(self, caller: str, points: float, rate: float, full: float) -> Level | None:
        return await super().take(caller, points, rate, full) or Level(False, 0.0)


async def test_t18_the_mutant_that_needs_points_of_redis_turns_callers_away_without_it(
    graph: GraphClient, tmp_path: Path
) -> None:
    expected, points = await without(graph, tmp_path), Demanding("redis://127.0.0.1:1/0")
    async with during(points.run()):
        found = await answers(graph, tmp_path / "with", Uses(LocalBus(), points))
    assert {status for status, _ in found} == {429}
    assert found != expected
