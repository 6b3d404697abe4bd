"""T08: what was written through one worker is read through any other, ten thousand times of ten thousand."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import api.queries.recommendations
from graph.client import Address, GraphClient
from recommenders.serving import Serving
from tests.api.harness import Api, api_over
from tests.conftest import GRAPH_SETTINGS
from tests.published import POPULAR, serving_over

DISMISSED = {"3", "4"}
"""Films that come and go; another is rated."""
RATING = "{ me { ratings(first: 1) { edges { rating } } } }"
PAGE = "{ recommendations(first: 5) { nodes { id } } }"


@pytest.fixture
async def workers(graph: GraphClient, local_address: Address, tmp_path: Path) -> AsyncIterator[list[Api]]:
    """Two applications with nothing in common but the graph: connections, bookmarks, histories, catalogue, plans."""
    async with AsyncExitStack() as stack:
        first = await serving_over(graph, tmp_path, POPULAR)
        other = await stack.enter_async_context(GraphClient(local_address, GRAPH_SETTINGS))
        second = Serving(other.reader, tmp_path)
        await second.refresh()
        yield [api_over(graph, first), api_over(other, second)]


@dataclass
class Person:
    """A user who writes here and reads there; `violations` are reads that knew less than was written."""

    user: str
    workers: list[Api]
    seed: int
    rating: float | None = None
    gone: set[str] = field(default_factory=set)
    violations: int = 0

    async def live(self, pairs: int) -> None:
        dice = random.Random(self.seed)
        for _ in range(pairs):
            writing, reading = dice.sample(self.workers, 2)
            if dice.random() < 0.3:
                await self.rate(writing, reading, dice)
            else:
                await self.dismiss(writing, reading, dice)

    async def rate(self, writing: Api, reading: Api, dice: random.Random) -> None:
        """Another rating than before."""
        self.rating = dice.choice([rating for rating in (1.0, 2.5, 4.0, 5.0) if rating != self.rating])
        await self.change(writing, f'rateMovie(movie: "2", rating: {self.rating})')
        edges = (await reading.ask(RATING, self.user))["me"]["ratings"]["edges"]
        self.violations += [edge["rating"] for edge in edges] != [self.rating]

    async def dismiss(self, writing: Api, reading: Api, dice: random.Random) -> None:
        """A film is gone, or there again."""
        movie = dice.choice(sorted(DISMISSED))
        await self.change(writing, f'{"removeDismissal" if movie in self.gone else "dismissMovie"}(movie: "{movie}")')
        self.gone ^= {movie}
        shown = {
            node["id"].removeprefix("Movie:")
            for node in (await reading.ask(PAGE, self.user))["recommendations"]["nodes"]
        }
        self.violations += shown & DISMISSED != DISMISSED - self.gone

    async def change(self, worker: Api, text: str) -> None:
        await worker.ask(f"mutation {{ {text} {{ __typename }} }}", self.user)


async def violations(workers: list[Api], pairs: int) -> int:
    """Of so many pairs of a write and a read, by eight users at once."""
    people = [Person(f"person-{seed}", workers, seed) for seed in range(8)]
    await asyncio.gather(*(person.live(pairs // len(people)) for person in people))
    return sum(person.violations for person in people)


@pytest.mark.slow
async def test_t08_ten_thousand_writes_are_each_read_at_another_worker(workers: list[Api]) -> None:
    assert await violations(workers, int(os.environ.get("T08_PAIRS", "10000"))) == 0


async def test_t08_the_mutant_that_does_not_check_a_history_is_seen(
    workers: list[Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.queries.recommendations, "refuse_stale", lambda history, read: None)
    assert await violations(workers, 80) > 10
