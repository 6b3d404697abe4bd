"""Commands that end in order: a signal cancels the work once, and what it opened is closed before the process ends."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from cinegraph.cli.console import say

T = TypeVar("T")
Loops = Callable[[], asyncio.AbstractEventLoop]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signalled(Exception):
    """A signal ended the work."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def run(work: Coroutine[Any, Any, T], loops: Loops | None = None, heeded: Sequence[signal.Signals] = SIGNALS) -> T:
    """Run to the end; raises `Signalled` where a signal that is heeded cancelled the work, and the work did not make
    that its end."""
    with asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(_until_signal(work, heeded))


async def _until_signal(work: Coroutine[Any, Any, T], heeded: Sequence[signal.Signals]) -> T:
    task, received = asyncio.ensure_future(work), list[int]()

    def end(number: int) -> None:
        if received:
            say("it ends already, and stops Neo4j in order first")
        else:
            received.append(number)
            task.cancel()

    with handled(end, heeded):
        try:
            return await task
        except asyncio.CancelledError:
            if not received:
                raise
            raise Signalled(received[0]) from None


@contextmanager
def handled(end: Callable[[int], None], heeded: Sequence[signal.Signals]) -> Iterator[None]:
    """Signals go to `end`, but for those that the process was started to ignore, as nohup does with SIGHUP."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    heard = [number for number in heeded if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


async def apart(work: Callable[[], T]) -> T:
    """The result of a computation that cannot be interrupted, in a thread that the end of the process does not wait
    for."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def deliver(set_it: Callable[..., None], value: object) -> None:
        if not result.done():
            set_it(value)

    def compute() -> None:
        try:
            outcome: tuple[Callable[..., None], object] = result.set_result, work()
        except BaseException as error:
            outcome = result.set_exception, error
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=compute, daemon=True).start()
    return await result
