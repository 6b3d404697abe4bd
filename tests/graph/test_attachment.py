"""Who looks after a server goes on whatever happens. Fakes stand in, since a real server does not fail at will."""

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from cinegraph.errors import PortInUse, StartFailed
from cinegraph.settings import GraphSettings
from graph.attachment import attached, watch
from graph.client import Address
from graph.local import LocalServer
from graph.running import Running
from graph.threads import stoppable
from graph.users import Users


class Failing(LocalServer):
    """Always dead; each attempt to start it gives the next of these."""

    def __init__(self, folder: Path, outcomes: list[Exception | Running]) -> None:
        super().__init__(folder, folder, GraphSettings())
        self.outcomes = outcomes
        self.done = asyncio.Event()

    def died(self) -> bool:
        return bool(self.outcomes)

    def revive(self, ending: threading.Event | None = None) -> Running | None:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Running):
            return outcome
        raise outcome


async def test_what_hinders_a_start_is_logged_once_for_each_kind_and_tried_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [PortInUse("taken"), PortInUse("taken"), StartFailed("ended"), RuntimeError("a fault")]
    server = Failing(tmp_path, [*failures, Running(7, 0.0, 4242)])
    with caplog.at_level(logging.WARNING):
        watcher = asyncio.create_task(watch(server, 0.001))
        while server.outcomes or "runs again" not in caplog.text:
            await asyncio.sleep(0.01)
    assert [record.getMessage() for record in caplog.records] == [
        "the local Neo4j died; it is started again",
        "the local Neo4j could not be started again, which is tried on: taken",
        "the local Neo4j could not be started again, which is tried on: ended",
        "the local Neo4j could not be started again, which is tried on: a fault",
        "the local Neo4j runs again at bolt://127.0.0.1:4242, process 7",
    ]
    watcher.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watcher


class Slow(LocalServer):
    """Attaches only once it is told to end, when it is too late."""

    released = False
    attaching: asyncio.Event

    def attach(self, ending: threading.Event | None = None, progress: object = None) -> Address:
        assert ending is not None
        self.loop.call_soon_threadsafe(self.attaching.set)
        assert ending.wait(10)
        return Address("", "", "", "")

    def release(self) -> None:
        self.released = True

    loop: asyncio.AbstractEventLoop


async def test_a_cancellation_while_it_is_attached_to_releases_it(tmp_path: Path) -> None:
    server = Slow(tmp_path, tmp_path, GraphSettings())
    server.loop, server.attaching = asyncio.get_running_loop(), asyncio.Event()

    async def use() -> None:
        async with attached(server):
            raise AssertionError("it was cancelled before")

    task = asyncio.create_task(use())
    await server.attaching.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.released


async def test_work_that_is_cancelled_is_waited_for() -> None:
    begun, left = threading.Event(), []

    def work(ending: threading.Event) -> None:
        begun.set()
        assert ending.wait(10)
        left.append("in order")

    task = asyncio.create_task(stoppable(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left == ["in order"]


def test_users_know_each_other_and_not_those_who_left(tmp_path: Path) -> None:
    one, two = Users(tmp_path / "users"), Users(tmp_path / "users")
    assert one.others() == []
    one.enter()
    two.enter()
    assert len(one.others()) == len(two.others()) == 1
    (tmp_path / "users" / "1-of-a-killed-process").touch()
    assert len(one.others()) == 1
    two.leave()
    assert one.others() == []
    two.enter()
    assert len(list((tmp_path / "users").iterdir())) == 2, "what a killed process left is gone"
    one.leave()
    two.leave()
