"""Attacks on a server, each in a process of its own.

    python -m benchmarks.attacks NAME URL

Prints `begun` when it has, goes on until its standard input ends, then prints as JSON what came of it by status; 0
stands for a connection that was closed without an answer.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

SLOW: Final = 500
"""Connections of a slow attack."""
RATE: Final = 10.0
"""Requests a second of any other."""
AT_ONCE: Final = 100
"""Connections of any other, at most."""
TRICKLE: Final = 1.0
"""Seconds between two bytes of a slow one."""
ACCEPTED: Final = "application/graphql-response+json"
LARGE: Final = 10 * 2**20
"""Bytes of a large body."""


@dataclass
class Attack:
    """One attack that goes on; `came` counts by status."""

    url: str
    came: Counter[int] = field(default_factory=Counter)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = urlsplit(self.url).netloc.partition(":")
        return host, int(port)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple["asyncio.Task[int]", asyncio.StreamWriter]]:
        """A connection of its own, and the status that will come."""
        reader, writer = await asyncio.open_connection(*self.place)
        answer = asyncio.ensure_future(_status(reader))
        try:
            yield answer, writer
        finally:
            answer.cancel()
            writer.transport.abort()

    async def slowly(self, start: bytes, byte: bytes) -> None:
        """Begin a request, and go on with a byte now and then; again as soon as the server has enough of it."""
        while True:
            async with self.connected() as (answer, writer):
                writer.write(start)
                while not (await asyncio.wait([answer], timeout=TRICKLE))[0]:
                    writer.write(byte)
                self.came[answer.result()] += 1

    async def once(self, request: bytes) -> None:
        """A whole request on a connection of its own."""
        try:
            async with self.connected() as (answer, writer):
                writer.write(request)
                self.came[await answer] += 1
        except OSError:
            self.came[0] += 1

    async def often(self, requests: list[bytes]) -> None:
        """One after the other at the rate, answered or not; none while too many are open."""
        for turn in range(sys.maxsize):
            if len(self.open) < AT_ONCE:
                task = asyncio.ensure_future(self.once(requests[turn % len(requests)]))
                self.open.add(task)
                task.add_done_callback(self.open.discard)
            await asyncio.sleep(1 / RATE)


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of the answer; 0 where there is none."""
    try:
        found = re.match(rb"HTTP/1.1 (\d+)", await reader.read(1_000))
    except OSError:
        return 0
    return int(found[1]) if found else 0


# -- what is sent ----------------------------------------------------------------------------------------------------


def _head(url: str, more: str = "") -> bytes:
    parts = urlsplit(url)
    return f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n{more}".encode()


def _many(count: int, text: str) -> str:
    return " ".join(text.replace("#", str(number)) for number in range(count))


def _chain(length: int, last: str) -> str:
    """Fragments of which each has the next one, and the last one something else."""
    fragments = _many(length, "fragment F# on Movie { similar { nodes { ...N# } } }")
    for number in range(length):
        fragments = fragments.replace(f"...N{number} ", f"...F{number + 1} " if number + 1 < length else f"{last} ")
    return f"{{ movie(id: 1) {{ ...F0 }} }} {fragments}"


def _nested(depth: int) -> dict[str, Any]:
    return {"not": _nested(depth - 1)} if depth else {"genres": ["drama"]}


FILTERED: Final = "query($f: MovieFilter, $ids: [ID!]) { movies(first: 1, filter: $f) { totalCount } }"
BODIES: Final[Mapping[str, list[Any]]] = {
    "arrays of 100 operations": [[{"query": "{ __typename }"}] * 100],
    "fragments of fragments, 48 deep": [{"query": _chain(48, "id")}],
    "fragments in a circle": [{"query": _chain(20, "...F0")}],
    "10,000 aliases": [{"query": "{ movie(id: 1) { " + _many(10_000, "a#:id") + " } }"}],
    "one field 30,000 times": [{"query": "{ movie(id: 1) { " + "id " * 30_000 + "} }"}],
    "variables of 95 KB": [
        {"query": FILTERED, "variables": {"f": {"genres": ["x" * 90] * 1_000}}},
        {"query": FILTERED, "variables": {"f": _nested(300)}},
        {"query": FILTERED, "variables": {"ids": ["x"] * 19_000}},
    ],
    "what costs most to refuse": [
        {"query": "{ movie(id: 1) { " + _many(49, "...F#") + " } } " + _many(49, "fragment F# on Movie { id title }")},
        {"query": "{ movie(id: 1) { " + "... on Movie { genres { nodes { id name } } } " * 64 + "} }"},
        {"query": "query($v: Int) { movie(id: [" + "$v " * 199 + "1 " * 580 + "]) { id } }"},
        {"query": "query(" + _many(200, "$v#: X#") + ") { movie(id: 1) { id } }"},
    ],
}


async def _held(attack: Attack, *, more: str, byte: bytes) -> None:
    start = _head(attack.url, more)
    await asyncio.gather(*(attack.slowly(start, byte) for _ in range(SLOW)))


async def _heavy(attack: Attack, *, more: str, body: bytes = b"") -> None:
    await attack.often([_head(attack.url, more) + body])


def asked(url: str, body: Any) -> bytes:
    """A whole request, whose refusal has a status of its own."""
    content = json.dumps(body).encode()
    return _head(url, f"Accept: {ACCEPTED}\r\nContent-Length: {len(content)}\r\n\r\n") + content


async def _asked(attack: Attack, *, bodies: list[Any]) -> None:
    await attack.often([asked(attack.url, body) for body in bodies])


ATTACKS: Final[Mapping[str, Callable[[Attack], Coroutine[Any, Any, None]]]] = {
    f"{SLOW} connections that stay in their headers": partial(_held, more="", byte=b"X"),
    f"{SLOW} connections that stay in their bodies": partial(_held, more="Content-Length: 90000\r\n\r\n", byte=b"x"),
    "bodies of 10 MB": partial(_heavy, more=f"Content-Length: {LARGE}\r\n\r\n", body=b"x" * LARGE),
    "100,000 headers": partial(_heavy, more="X: y\r\n" * 100_000 + "\r\n"),
    **{name: partial(_asked, bodies=bodies) for name, bodies in BODIES.items()},
}


async def attacked(name: str, url: str) -> Counter[int]:
    """Attack until standard input ends."""
    attack = Attack(url)
    going = asyncio.ensure_future(ATTACKS[name](attack))
    await asyncio.sleep(0.3)
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in (going, *attack.open):
        task.cancel()
    return attack.came


if __name__ == "__main__":
    print(json.dumps(asyncio.run(attacked(*sys.argv[1:]))))
