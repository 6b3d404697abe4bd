"""A worker: a process with a loop, a model and a catalogue of its own, that answers what its parent accepts.

`python -m cinegraph.cli.workers.worker DESCRIPTOR NUMBER WORKERS`, by `process.py` alone.
"""

import asyncio
import socket
import sys
from contextlib import suppress
from functools import partial

from uvicorn.loops.auto import auto_loop_factory

from cinegraph import logs
from cinegraph.cli import exit_code_of, options
from cinegraph.cli.serve import Server, answer
from cinegraph.cli.signals import Signalled, run
from cinegraph.cli.workers.handing import LEAVING, Taking
from cinegraph.home import open_graph
from cinegraph.settings import FiguresSettings, Settings, load_settings

LAST_WORDS = 0.1
"""Seconds in which a request that is on its way, on a connection that was just given, may still come."""


class Handed:
    """Connections come from the parent, which also says when the last was given."""

    def __init__(self, taking: Taking) -> None:
        self._taking = taking
        self.patience: float | None = None
        """Seconds to wait for the parent's word, which does not come for what only this worker knows."""
        self._opening: set[asyncio.Task[None]] = set()

    def opened(self, server: Server) -> None:
        """The server answers: connections may come."""
        self._taking.begin(partial(self._take, server))

    async def closed(self) -> None:
        """Until nothing comes any more."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._taking.finished.wait(), self.patience)
        if self._opening:
            await asyncio.wait(self._opening)
        await asyncio.sleep(LAST_WORDS)

    def _take(self, server: Server, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.ensure_future(server.answer_on(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)


async def _until_told(settings: Settings, end: socket.socket) -> None:
    """Serve until the parent says that it is enough, or a signal does."""
    taking = Taking(end)
    door = Handed(taking)
    serving = asyncio.ensure_future(_serve(settings, door))
    told = asyncio.ensure_future(taking.drained.wait())
    try:
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        taking.say(LEAVING)
        door.patience = settings.api.drain_seconds
    finally:
        told.cancel()
        if not serving.done():
            serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(settings: Settings, door: Handed) -> None:
    async with open_graph(settings) as client:
        await answer(settings, client, door, FiguresSettings().multiproc_dir)


def work(descriptor: int, number: int, workers: int) -> None:
    """What the process does."""
    given = load_settings()
    settings = given.model_copy(update={"api": given.api.model_copy(update={"workers": workers})})
    logs.write_as(settings.log.format, settings.log.level, number)
    with socket.socket(fileno=descriptor) as end, suppress(Signalled):
        run(_until_told(settings, end), auto_loop_factory())


if __name__ == "__main__":
    debug = "--debug" in sys.argv
    options(debug, False)
    sys.exit(exit_code_of(partial(work, *map(int, sys.argv[1:4])), debug))
