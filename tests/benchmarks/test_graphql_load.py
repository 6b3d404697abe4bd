"""Latency counts from when a request was due, and failures are no answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.graphql.load import Load, Specification
from benchmarks.graphql.measure import percentile

Handler = Callable[[int, asyncio.StreamWriter], Awaitable[None]]
"""Called with the number of a request, and where its answer goes."""


def answer(body: bytes = b'{"data":{}}', status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The address of a server that reads requests one by one, and answers as `handler` does."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0]))
                count += 1
                await handler(count, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql"


def specification(url: str, seconds: float, rate: float | None, connections: int) -> Specification:
    return Specification(url, [{"query": "{ a }"}], seconds, rate, connections)


async def test_who_waits_because_of_a_stall_is_charged_for_it() -> None:
    stall, rate, requests = 0.4, 100, 20

    async def stalling(number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await asyncio.sleep(stall)
        writer.write(answer())

    async with serving(stalling) as url:
        outcome = await Load(specification(url, requests / rate, rate, 1)).run()
    assert len(outcome.latencies) == len(outcome.late) == requests
    least = [1000 * (stall - number / rate) - 1 for number in range(requests)]
    assert all(found >= wanted for found, wanted in zip(outcome.latencies, least, strict=True)), outcome.latencies


async def test_as_fast_as_it_is_answered_each_connection_sends_one_after_the_other() -> None:
    at_once, most = 0, 0

    async def counting(number: int, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        writer.write(answer())

    async with serving(counting) as url:
        outcome = await Load(specification(url, 0.3, None, 3)).run()
    assert most == 3
    assert len(outcome.latencies) > 3
    assert outcome.failed == outcome.unanswered == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(b'{"errors":[{"message":"no"}]}'), '200: {"errors":[{"message":"no"}]}'),
        (answer(b"busy", 503), "503: busy"),
        (None, "the server closed a connection: None"),
    ],
    ids=["errors", "status", "closed"],
)
async def test_what_is_no_answer_counts_as_failed_and_has_no_latency(said: bytes | None, why: str) -> None:
    async def failing(number: int, writer: asyncio.StreamWriter) -> None:
        if number != 2:
            writer.write(answer())
        elif said:
            writer.write(said)
        else:
            writer.close()

    async with serving(failing) as url:
        outcome = await Load(specification(url, 0.1, 50, 1)).run()
    assert (len(outcome.latencies), outcome.failed, outcome.failure) == (4, 1, why)


async def test_an_idle_connection_that_was_closed_is_opened_again() -> None:
    async def closing(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        await writer.drain()
        writer.close()

    async with serving(closing) as url:
        outcome = await Load(specification(url, 0.5, 10, 1)).run()
    assert (len(outcome.latencies), outcome.failed) == (5, 0)


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.99, 10), (0.9, 9), (0.0, 1), (1.0, 10)])
def test_a_percentile_is_the_value_at_its_rank(share: float, value: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value
