"""A worker as its parent sees it: a process, and what it may be given."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from prometheus_client.multiprocess import mark_process_dead

from cinegraph.cli.workers.handing import Giving
from cinegraph.settings import environment

MODULE = "cinegraph.cli.workers.worker"


class Worker:
    """One process; `changed` is called whenever something about it is new."""

    def __init__(
        self,
        number: int,
        process: asyncio.subprocess.Process,
        giving: Giving,
        changed: Callable[[], None],
        figures: str,
    ) -> None:
        self.number, self.giving = number, giving
        self._process, self._changed, self._figures = process, changed, figures
        self.began = asyncio.get_running_loop().time()
        self.left: list[socket.socket] = []
        self._ended = asyncio.ensure_future(self._watch())

    @classmethod
    async def start(cls, number: int, workers: int, changed: Callable[[], None], figures: str) -> Self:
        """Begin the process, whose figures for Prometheus go to a folder. Its own process group keeps Ctrl-C from it:
        the parent tells it what that means."""
        ours, its = socket.socketpair()
        debug = ["--debug"] if logging.getLogger().level == logging.DEBUG else []
        words = [sys.executable, "-m", MODULE, str(its.fileno()), str(number), str(workers), *debug]
        with its:
            try:
                process = await asyncio.create_subprocess_exec(
                    *words,
                    stdin=asyncio.subprocess.DEVNULL,
                    env=environment(PROMETHEUS_MULTIPROC_DIR=figures),
                    pass_fds=[its.fileno()],
                    process_group=0,
                )
            except BaseException:
                ours.close()
                raise
        return cls(number, process, Giving(ours, changed), changed, figures)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.returncode

    @property
    def ended(self) -> bool:
        return self._ended.done()

    @property
    def takes(self) -> bool:
        """Whether connections may be given to it."""
        return self.giving.ready and not self.giving.leaving and not self.ended

    @property
    def how(self) -> str:
        """How it ended, in words."""
        code = self.code or 0
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def wait(self) -> None:
        """Until it has ended."""
        await asyncio.shield(self._ended)

    async def end_within(self, seconds: float) -> bool:
        """Wait for its end; kill it where that takes longer. Whether it ended by itself."""
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
            return True
        except TimeoutError:
            self.kill()
            await self.wait()
            return False

    def kill(self) -> None:
        """End it without any order."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _watch(self) -> None:
        await self._process.wait()
        self.left = self.giving.close()
        mark_process_dead(self.pid, self._figures)  # type: ignore[no-untyped-call]
        asyncio.get_running_loop().call_soon(self._changed)
