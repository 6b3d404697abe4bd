"""Connections that come at once are taken at once, however slowly the loop turns."""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Iterator

import pytest
from uvicorn.loops.auto import auto_loop_factory

from cinegraph.cli import accepting
from cinegraph.cli.accepting import AT_ONCE, Accepting
from cinegraph.cli.serve import bound

CLIENTS = 4 * AT_ONCE


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    found = bound("127.0.0.1", 0)
    yield found
    found.close()


@pytest.fixture
def clients(listener: socket.socket) -> Iterator[list[socket.socket]]:
    """Connected as far as the system is concerned."""
    found = [socket.create_connection(listener.getsockname()) for _ in range(CLIENTS)]
    yield found
    for client in found:
        client.close()


class Taken(list[socket.socket]):
    """The connections that were taken."""

    async def take(self, connection: socket.socket) -> None:
        self.append(connection)

    def close(self) -> None:
        for connection in self:
            connection.close()


async def busy_turns(taken: Taken, count: int) -> int:
    """Turns of a loop with much to do until so many were taken."""
    for turn in range(1_000):
        if len(taken) >= count:
            return turn
        time.sleep(0.001)
        await asyncio.sleep(0)
    raise AssertionError(f"{len(taken)} were taken in 1,000 turns")


def test_hundreds_are_taken_in_a_few_turns_of_the_loop_that_serves(
    listener: socket.socket, clients: list[socket.socket]
) -> None:
    async def turns() -> int:
        taken = Taken()
        one = Accepting(listener, taken.take)
        one.begin()
        found = await busy_turns(taken, CLIENTS)
        await one.end()
        taken.close()
        return found

    with asyncio.Runner(loop_factory=auto_loop_factory(use_subprocess=False)) as runner:
        assert runner.run(turns()) <= 2 * CLIENTS / AT_ONCE + 2


async def test_what_the_system_accepted_before_the_end_is_taken(
    listener: socket.socket, clients: list[socket.socket]
) -> None:
    taken = Taken()
    one = Accepting(listener, taken.take)
    await one.end()
    assert len(taken) == CLIENTS
    taken.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(clients[0].getpeername())


async def test_with_too_many_files_open_it_waits_a_while_and_says_so(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        """A listener whose process has no descriptor left at first."""

        failures = 2

        def accept(self) -> tuple[socket.socket, object]:
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return listener.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(listener, name)

    monkeypatch.setattr(accepting, "PAUSE", 0.01)
    taken = Taken()
    one = Accepting(Full(), taken.take)  # type: ignore[arg-type]
    one.begin()
    client = socket.create_connection(listener.getsockname())
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(30):
            while not taken:
                await asyncio.sleep(0.001)
    assert caplog.text.count("Too many open files") == 2
    await one.end()
    taken.close()
    client.close()
