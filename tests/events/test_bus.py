"""Notices: who gets them, and that they never pile up."""

import asyncio

import pytest

from events.bus import CATALOGUE, Change, Kind, Listener, LocalBus

ANNA, BEN = Change(Kind.USER, "anna"), Change(Kind.USER, "ben")


async def woken(listener: Listener) -> bool:
    """Whether there is a notice."""
    try:
        async with asyncio.timeout(0.02):
            await listener.woken()
    except TimeoutError:
        return False
    return True


async def test_who_listens_to_a_change_is_told_and_nobody_else() -> None:
    bus = LocalBus()
    with bus.listen([ANNA, CATALOGUE]) as anna, bus.listen([BEN, CATALOGUE]) as ben:
        bus.tell(ANNA)
        bus.tell(Change(Kind.MOVIE, "anna"))
        assert (await woken(anna), await woken(ben)) == (True, False)
        bus.wake(CATALOGUE)
        assert (await woken(anna), await woken(ben)) == (True, True)


async def test_notices_that_were_not_taken_are_one() -> None:
    bus = LocalBus()
    with bus.listen([ANNA]) as anna:
        for _ in range(1_000):
            bus.tell(ANNA)
        assert await woken(anna)
        assert not await woken(anna)


async def test_who_stopped_listening_leaves_nothing() -> None:
    bus = LocalBus()
    with bus.listen([ANNA, ANNA]) as one, bus.listen([ANNA]):
        assert list(bus.heard) == [ANNA]
        bus.tell(ANNA)
        assert await woken(one)
    assert list(bus.heard) == []
    bus.tell(ANNA)


async def test_a_failure_of_who_listened_leaves_nothing() -> None:
    bus = LocalBus()
    with pytest.raises(RuntimeError), bus.listen([ANNA]):
        raise RuntimeError
    assert list(bus.heard) == []
