"""What the benchmark attacks with is what it says: each is refused, and in the way that is promised."""

import asyncio

import pytest

from api.context import Services
from benchmarks.attacks import ATTACKS, BODIES, Attack, asked
from tests.api.conftest import services
from tests.api.live import PATIENCE, live

__all__ = ["services"]

STATUSES = dict.fromkeys(BODIES, 400)


@pytest.mark.parametrize("name", BODIES)
async def test_t22_each_document_is_refused(services: Services, name: str) -> None:
    async with live(services, graphiql=False) as server:
        attack = Attack(server.http)
        for body in BODIES[name]:
            await attack.once(asked(server.http, body))
    assert attack.came == {STATUSES[name]: len(BODIES[name])}


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("500 connections that stay in their headers", {408, 0}),
        ("500 connections that stay in their bodies", {408, 0}),
        ("bodies of 10 MB", {413, 0}),
        ("100,000 headers", {431, 0}),
    ],
)
async def test_t22_what_is_slow_or_large_is_refused_or_closed(
    services: Services, name: str, statuses: set[int]
) -> None:
    """Where bytes are left unread, the system resets the connection, and the answer may be lost with it."""
    async with live(services, request_seconds=0.3) as server:
        attack = Attack(server.http)
        going = asyncio.ensure_future(ATTACKS[name](attack))
        async with asyncio.timeout(PATIENCE):
            while not attack.came:
                await asyncio.sleep(0.05)
        for task in (going, *attack.open):
            task.cancel()
        await asyncio.gather(going, *attack.open, return_exceptions=True)
    assert attack.came.keys() <= statuses
