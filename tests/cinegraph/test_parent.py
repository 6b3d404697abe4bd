"""How long the parent of workers waits before it starts one again that dies at once, and when it gives one up."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from cinegraph.cli.workers import parent
from cinegraph.cli.workers.parent import Parent
from cinegraph.errors import WorkerFailed


@dataclass(eq=False)
class Mortal:
    """A worker as the parent sees it, without a process: it answers from the start, and ends when it is told."""

    number: int
    changed: Callable[[], None]
    ready: bool = True
    code: int | None = None
    end: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.began, self.pid, self.left = asyncio.get_running_loop().time(), 1, list[Any]()
        self.giving = SimpleNamespace(
            ready=self.ready, leaving=False, untaken=0, drain=lambda: None, finish=lambda: self.die(0)
        )

    def die(self, code: int) -> None:
        self.code = code
        self.end.set()
        self.changed()

    @property
    def ended(self) -> bool:
        return self.end.is_set()

    @property
    def takes(self) -> bool:
        return self.ready and not self.ended

    @property
    def how(self) -> str:
        return f"ended with exit code {self.code}"

    async def wait(self) -> None:
        await self.end.wait()

    async def end_within(self, seconds: float) -> bool:
        await self.wait()
        return True


class Workers:
    """Starts them: after the first of each number, those of the numbers `dying` end at once."""

    def __init__(self, *dying: int) -> None:
        self.dying, self.begun = dying, list[Mortal]()

    async def begin(self, number: int, changed: Callable[[], None]) -> Any:
        again = number in self.dying and any(one.number == number for one in self.begun)
        worker = Mortal(number, changed, ready=not again)
        self.begun.append(worker)
        if again:
            worker.die(1)
        return worker


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the parent waits; none passes."""
    found: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        found.append(seconds)
        await sleep(0)

    monkeypatch.setattr(parent, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": note}))
    return found


async def begun(workers: Workers, count: int) -> tuple[Parent, "asyncio.Task[None]"]:
    """A parent whose workers all answer, and the task that it runs in."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    found, greeted = Parent(listener, count, workers.begin, 0.0), asyncio.Event()
    running = asyncio.ensure_future(found.run(greeted.set))
    await greeted.wait()
    return found, running


async def test_one_that_dies_at_once_is_waited_for_longer_each_time_up_to_half_a_minute(waits: list[float]) -> None:
    """And is never given up while another answers."""
    workers = Workers(1)
    _, running = await begun(workers, 2)
    workers.begun[0].die(1)
    async with asyncio.timeout(20):
        while len(waits) < 9:
            await asyncio.sleep(0)
    assert waits[:9] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_where_none_answers_the_sixth_death_is_the_end(waits: list[float]) -> None:
    workers = Workers(1, 2)
    _, running = await begun(workers, 2)
    workers.begun[1].die(0)  # in order, so it counts for nothing, and the one in its place dies
    workers.begun[0].die(1)
    with pytest.raises(WorkerFailed, match=r"^worker 1 ended with exit code 1, 6 times one after the other$"):
        await asyncio.wait_for(running, 20)
    assert sum(one.number == 1 for one in workers.begun) == 6


async def test_one_that_lived_for_a_while_is_started_again_at_once_each_time(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "STEADY", -1.0)
    workers = Workers()
    _, running = await begun(workers, 1)
    for number in range(8):
        workers.begun[number].die(1)
        async with asyncio.timeout(20):
            while len(workers.begun) < number + 2:
                await asyncio.sleep(0)
    assert waits == []
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
