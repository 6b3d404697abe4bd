"""A crowd that asks all kinds of things at once, as users, visitors, and those who send nonsense: for soaks.

What it sends is known by its seed. `tests/trust/test_soak.py` lets it loose on a small server with small caches,
`benchmarks/soak.py` on a real one for a long time.
"""

import asyncio
import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

USERS: Final = 40
FIELDS: Final = (*("id", "title", "originalTitle", "year", "releaseDate", "runtime", "tagline", "posterPath") * 2,)[:15]
"""As many as may have an alias."""
PAGE: Final = "{ movies(first: %d) { nodes { %s genres { nodes { name } } } } }"
WHAT: Final = "{ recommendations(first: %d) { edges { node { title } why { sentence } } } }"
STREAM: Final = "subscription { recommendationsChanged(first: 1) { modelVersion } }"
STREAMS: Final = 0.03
"""Part of all requests that are streams, left some milliseconds after they began."""
LONGEST: Final = 0.05
"""Seconds after which a stream is left at the latest."""
LENGTH: Final = re.compile(rb"content-length: (\d+)", re.IGNORECASE)

Make = Callable[[random.Random, Sequence[str]], dict[str, Any]]


def _new(rng: random.Random, _: Sequence[str]) -> dict[str, Any]:
    """A document that nobody has sent before, of a statement that the graph has planned."""
    fields = [f"a{rng.randrange(10**9)}: {name}" for name in FIELDS]
    return {"query": PAGE % (rng.randint(1, 20), " ".join(fields))}


def _registered(rng: random.Random, _: Sequence[str]) -> dict[str, Any]:
    """A new document that is to be remembered by its hash, of an operation with a new name."""
    text = f"query Q{rng.randrange(10**9)} {{ genres(first: 1) {{ totalCount }} }}"
    asked = {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}
    return {"query": text, "extensions": {"persistedQuery": asked}}


GOOD: Final[dict[str, Make]] = {
    "known": lambda _, __: {"query": PAGE % (3, "title")},
    "new": _new,
    "registered": _registered,
    "variables": lambda rng, movies: {
        "query": "query($id: ID!) { movie(id: $id) { title cast(first: 3) { nodes { name } } } }",
        "variables": {"id": rng.choice(movies)},
    },
    "recommended": lambda rng, _: {"query": WHAT % rng.randint(1, 5)},
    "rated": lambda rng, movies: {
        "query": "mutation($movie: ID!) { rateMovie(movie: $movie, rating: 4.0) { __typename } }",
        "variables": {"movie": rng.choice(movies[:200])},
    },
}
"""What is answered, by one who is signed in; everybody else may not rate."""
BAD: Final[dict[str, Make]] = {
    "invalid": lambda rng, _: {"query": f"{{ nothing{rng.randrange(10**9)} }}"},
    "broken": lambda rng, _: {"query": "{" * rng.randint(1, 9)},
    "dear": lambda _, __: {"query": "{ movies(first: 100) { nodes { cast(first: 100) { nodes { name } } } } }"},
    "unknown": lambda rng, _: {
        "extensions": {"persistedQuery": {"version": 1, "sha256Hash": f"{rng.randrange(16**64):064x}"}}
    },
}
"""What is refused."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One request as it goes over the wire; of a stream, the seconds after which it is left."""

    kind: str
    content: bytes
    leaves: float | None = None


@dataclass(slots=True)
class Came:
    """What came of all: milliseconds of each answer in their order, and how many answers of which kind and status;
    `failed` are those that should have been good and were not."""

    took: list[float] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failed: int = 0
    failure: str = ""


@dataclass
class Crowd:
    """Asks a server; `token` makes one for a user, `movies` are ids of the catalogue."""

    url: str
    token: Callable[[str], str]
    movies: Sequence[str]
    at_once: int = 20
    _tokens: dict[str, str] = field(default_factory=dict)

    async def press(self, requests: int, seed: int) -> Came:
        """So many requests, some at once, over kept connections, which are closed at the end."""
        came, asked = Came(), self.asked(requests, seed)
        await asyncio.gather(*(self._one(asked, came) for _ in range(self.at_once)))
        return came

    def asked(self, requests: int, seed: int) -> Iterator[Asking]:
        """What is asked, in its order."""
        rng = random.Random(seed)
        for _ in range(requests):
            user = rng.choice((None, *(f"soak-{number}" for number in range(USERS))))
            if rng.random() < STREAMS:
                yield Asking(
                    "stream", self._request({"query": STREAM}, user, "text/event-stream"), rng.random() * LONGEST
                )
                continue
            kind = rng.choice((*GOOD, *BAD))
            make = GOOD.get(kind) or BAD[kind]
            yield Asking(kind if user else f"{kind} of nobody", self._request(make(rng, self.movies), user))

    def _request(self, body: dict[str, Any], user: str | None, accept: str = "application/json") -> bytes:
        parts, content = urlsplit(self.url), json.dumps(body).encode()
        if user is not None and user not in self._tokens:
            self._tokens[user] = self.token(user)
        lines = [
            f"POST {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            f"Accept: {accept}",
            f"Content-Length: {len(content)}",
            *([f"Authorization: Bearer {self._tokens[user]}"] if user else []),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + content

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def _one(self, asked: Iterator[Asking], came: Came) -> None:
        reader, writer = await self._open()
        for one in asked:
            if one.leaves is not None:
                await self._look_in(one.content, one.leaves)
                continue
            began = time.perf_counter()
            writer.write(one.content)
            status, body = await _answer(reader)
            came.took.append((time.perf_counter() - began) * 1000)
            came.statuses[one.kind, status] += 1
            if one.kind in GOOD and (status != 200 or b'"errors"' in body):
                came.failed += 1
                came.failure = f"{one.kind}: {status} {body[:300].decode(errors='replace')}"
        writer.close()
        await writer.wait_closed()

    async def _look_in(self, content: bytes, seconds: float) -> None:
        """Begin a stream, and go."""
        _, writer = await self._open()
        writer.write(content)
        await asyncio.sleep(seconds)
        writer.close()
        await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    assert length is not None, head
    return int(head[9:12]), await reader.readexactly(int(length[1]))
