"""T09: whoever goes through a list by cursors, while others write, sees all that was there the whole time, each once.

`steady` movies, people and ratings stay; `passing` ones come and go between the pages, before, at and after the place
where the reader is, with keys that tie with those of steady ones. Order and ties are those of the list as it was.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.compiler import roots
from api.compiler.compiler import Source
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.models import Published, Version, publish
from recommenders.artifacts import save_artifact
from recommenders.scorers import ItemItemScorer
from recommenders.serving import Serving
from tests.api.harness import Api, api_over
from tests.conftest import GRAPH_SETTINGS, empty

STEADY, PASSING = 24, 12
OWN = "reader"
ADD = WriteStatement(
    "add",
    """
    UNWIND $items AS i
    MERGE (hub:Movie {id: 'hub'}) ON CREATE SET hub.title = 'Hub', hub.popularity = 3.0, hub.year = 1960
    MERGE (star:Person {id: 'star'}) SET star.name = 'Star'
    MERGE (drama:Genre {id: 'drama'}) SET drama.name = 'Drama'
    MERGE (reader:User {id: 'reader'}) ON CREATE SET reader.version = 0
    MERGE (m:Movie {id: $kind + i.n})
    SET m.title = 'Lantern ' + i.word, m.popularity = i.popularity, m.year = i.year, m.ratingMean = i.mean
    MERGE (m)-[g:HAS_GENRE]->(drama)
    SET g.movieId = m.id, g.genreId = 'drama', g.popularity = m.popularity, g.year = coalesce(m.year, 0)
    MERGE (star)-[:ACTED_IN]->(m)
    MERGE (p:Person {id: $kind + 'p' + i.n}) SET p.name = 'Player ' + i.word
    MERGE (p)-[a:ACTED_IN]->(hub) SET a.order = i.place
    MERGE (u:User {id: $kind + 'u' + i.n}) ON CREATE SET u.version = 0
    MERGE (u)-[r:RATED]->(hub) SET r.userId = u.id, r.movieId = 'hub', r.rating = i.rating, r.at = i.place
    MERGE (reader)-[o:RATED]->(m) SET o.userId = 'reader', o.movieId = m.id, o.rating = i.rating, o.at = i.place
    """,
    frozenset({"kind", "items"}),
)
REMOVE = WriteStatement(
    "remove",
    "UNWIND $items AS i MATCH (n) WHERE n.id IN [$kind + i.n, $kind + 'p' + i.n, $kind + 'u' + i.n] DETACH DELETE n",
    frozenset({"kind", "items"}),
)
CHANGED = WriteStatement("changed", "MATCH (m:Meta {id: 'graph'}) SET m.version = m.version + 1", frozenset())
IDS = "nodes { ... on Node { id } } pageInfo { endCursor hasNextPage }"
RATED = "edges { rating at } pageInfo { endCursor hasNextPage }"
LISTS = {
    "movies by popularity": f"page: movies(first: $n, after: $after) {{ {IDS} }}",
    "movies by year": f"page: movies(sort: YEAR, first: $n, after: $after) {{ {IDS} }}",
    "movies by rating": f"page: movies(sort: RATING, first: $n, after: $after) {{ {IDS} }}",
    "movies by title": f"page: movies(sort: TITLE, first: $n, after: $after) {{ {IDS} }}",
    "movies of a filter": f'page: movies(first: $n, after: $after, filter: {{genres: ["drama"]}}) {{ {IDS} }}',
    "people": f"page: people(first: $n, after: $after) {{ {IDS} }}",
    "movies of a genre": f'genre(id: "drama") {{ page: movies(first: $n, after: $after) {{ {IDS} }} }}',
    "by year of a genre": f'genre(id: "drama") {{ page: movies(sort: YEAR, first: $n, after: $after) {{ {IDS} }} }}',
    "filmography": f'person(id: "star") {{ page: actedIn(first: $n, after: $after) {{ {IDS} }} }}',
    "cast": f'movie(id: "hub") {{ page: cast(first: $n, after: $after) {{ {IDS} }} }}',
    "ratings of a movie": f'movie(id: "hub") {{ page: ratings(first: $n, after: $after) {{ {RATED} }} }}',
    "ratings of a user": f"me {{ page: ratings(first: $n, after: $after) {{ {IDS} }} }}",
    "search": f'page: search(query: "lantern", kinds: [MOVIE], first: $n, after: $after) {{ {IDS} }}',
    "search in two words": f'page: search(query: "lantern blue", first: $n, after: $after) {{ {IDS} }}',
    "autocomplete": f'page: autocomplete(prefix: "lant", first: $n, after: $after) {{ {IDS} }}',
    "recommendations": f'page: recommendations(liked: ["hub"], first: $n, after: $after) {{ {IDS} }}',
}
FOUND = frozenset({"search", "search in two words", "autocomplete"})
"""Lists whose order follows from all that is there: how rare a word is changes with every movie that has it."""

Write = tuple[bool, int]
"""Whether a passing one comes, or goes, and which."""
Between = Callable[[], Awaitable[None]]
Reading = Callable[["Shelf", str, int, Between], Awaitable[list[str]]]


def item(number: int, kind: str) -> dict[str, Any]:
    """One movie with its player and its rater; passing ones tie with steady ones, or stand between two."""
    place = number if kind == "s" else 2 * number
    return {
        "n": f"{number:02}",
        "word": f"{place // 2:02}{' blue' * (place // 3 % 3)}{' hour' * (place // 3 % 2)}",
        "popularity": float(place // 3),
        "year": None if number % 8 == 7 else 1950 + place // 2,
        "mean": None if number % 5 == 4 else float(place % 4),
        "place": place // 2,
        # a rating shows nothing of who gave it: a half star, and a time of its own, tell steady from passing
        "rating": 4.0 if kind == "s" else 3.5,
    }


@dataclass
class Shelf:
    """The API, and what is written beside it."""

    api: Api
    expected: dict[str, list[str]]

    async def page(self, name: str, size: int, after: str | None) -> tuple[list[str], dict[str, Any]]:
        """The ids on one page, and where it stands."""
        user = OWN if "me {" in LISTS[name] else None
        query = f"query($n: Int!, $after: String) {{ {LISTS[name]} }}"
        data = await self.api.ask(query, user, n=size, after=after)
        found = data.get("page") or next(iter(data.values()))["page"]
        rows = found.get("nodes") or found.get("edges") or []
        return [row.get("id") or f"{row['rating']} {row['at']}" for row in rows], found["pageInfo"]

    async def write(self, writes: list[Write], writer: GraphClient | None = None) -> None:
        """Let passing ones come and go."""
        to = (writer or self.api.graph).writer
        for comes, number in writes:
            await to.write(ADD if comes else REMOVE, kind="x", items=[item(number, "x")])

    async def seen(self) -> None:
        """The catalogue in memory is read again, as a moment after every ingestion."""
        await self.api.graph.writer.write(CHANGED)
        await self.api.services.serving.refresh()


def steady(ids: list[str]) -> list[str]:
    """Those that were there the whole time."""
    return [one for one in ids if not one.partition(":")[2].startswith("x") and not one.startswith("3.5 ")]


async def by_cursor(shelf: Shelf, name: str, size: int, between: Between) -> list[str]:
    """All pages, with writes between them."""
    found, after, more = list[str](), None, True
    while more:
        page, info = await shelf.page(name, size, after)
        found += page
        assert len(found) < 10 * (STEADY + PASSING), "it never ends"
        after, more = info["endCursor"], info["hasNextPage"]
        await between()
    return found


async def by_offset(shelf: Shelf, name: str, size: int, between: Between) -> list[str]:
    """A mutant: pages that begin after as many as were shown."""
    found, offset = list[str](), 0
    while page := (await shelf.page(name, 100, None))[0][offset : offset + size]:
        found += page
        offset += size
        await between()
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shelf(migrated: GraphClient, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Steady ones alone, with a model that knows half of the passing ones, and what each list is then."""
    await empty(migrated)
    await migrated.writer.write(ADD, kind="s", items=[item(number, "s") for number in range(STEADY)])
    root = tmp_path_factory.mktemp("models")
    movies = ["hub", *(f"s{n:02}" for n in range(STEADY)), *(f"x{n:02}" for n in range(PASSING // 2))]
    weights = np.zeros((len(movies), len(movies)), np.float32)
    weights[0, 1 : STEADY + 1] = [(1 + n // 2) / 32 for n in range(STEADY)]
    weights[0, STEADY + 1 :] = [(1 + n) / 16 for n in range(PASSING // 2)]
    scorer = ItemItemScorer(weights, np.arange(len(movies), dtype=np.int32), np.ones(len(movies), np.float32))
    about: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": "f" * 64}
    version = save_artifact(root, "ease", scorer, np.array(movies), created_at=1, **about)
    await publish(migrated.writer, Version(version, "ease", {}, "f" * 64, {}, version), Published(similar=[]))
    serving = Serving(migrated.reader, root)
    await serving.refresh()
    found = Shelf(api_over(migrated, serving), {})
    for name in LISTS:
        found.expected[name] = (await found.page(name, 100, None))[0]
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def tidy(shelf: Shelf) -> AsyncIterator[Shelf]:
    """Without passing ones, before and after."""
    await reset(shelf)
    yield shelf
    await reset(shelf)


async def reset(shelf: Shelf) -> None:
    await shelf.api.graph.writer.write(REMOVE, kind="x", items=[item(number, "x") for number in range(PASSING)])
    await shelf.seen()


async def holds(shelf: Shelf, name: str, size: int, between: Between, reading: Reading = by_cursor) -> None:
    """Nothing that was there throughout is skipped or repeated, and the order is that of the list."""
    found, expected = steady(await reading(shelf, name, size, between)), shelf.expected[name]
    assert sorted(found) == sorted(expected), (set(expected) - set(found), len(found) - len(set(found)))
    if name not in FOUND:
        assert found == expected


def test_each_list_has_what_stays(shelf: Shelf) -> None:
    counts = {name: len(ids) for name, ids in shelf.expected.items()}
    assert set(counts.values()) == {15, STEADY, STEADY + 1}, counts
    assert all(len(set(ids)) == len(ids) for name, ids in shelf.expected.items() if name != "ratings of a movie")


WRITES = st.lists(st.tuples(st.booleans(), st.integers(0, PASSING - 1)), max_size=4)


@pytest.mark.parametrize("name", LISTS)
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=WRITES, writes=st.lists(WRITES, min_size=1, max_size=8), size=st.integers(1, 9))
async def test_t09_nothing_that_stays_is_skipped_or_repeated(
    tidy: Shelf, name: str, before: list[Write], writes: list[list[Write]], size: int
) -> None:
    await reset(tidy)
    await tidy.write(before)
    turns = cycle(writes)

    async def between() -> None:
        await tidy.write(next(turns))
        if name == "recommendations":
            await tidy.seen()

    await holds(tidy, name, size, between)


@pytest.mark.parametrize("name", ["movies by year", "cast", "ratings of a user", "search"])
async def test_t09_the_mutant_that_pages_by_offset_skips_and_repeats(tidy: Shelf, name: str) -> None:
    for comes in (True, False):
        await tidy.write([(not comes, number) for number in range(PASSING)])
        turns = iter(range(PASSING))

        async def between(comes: bool = comes, turns: Any = turns) -> None:
            await tidy.write([(comes, number) for number in turns])

        with pytest.raises(AssertionError):
            await holds(tidy, name, 5, between, by_offset)


async def test_t09_the_mutant_that_pages_a_search_by_its_scores_repeats(
    tidy: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words become less rare with every document that the index never had; it forgets none that is taken out."""
    monkeypatch.setattr(roots, "Source", lambda *given, restless=False, **more: Source(*given, **more))
    mutant = Shelf(api_over(tidy.api.graph, tidy.api.services.serving), tidy.expected)
    for turn, name in enumerate(("search", "search in two words"), 1):
        more = [item(number, "x") for number in range(PASSING, PASSING + 40 * turn)]

        async def between(more: Any = more) -> None:
            await tidy.api.graph.writer.write(ADD, kind="x", items=more)

        with pytest.raises(AssertionError):
            await holds(mutant, name, 5, between)
        await tidy.api.graph.writer.write(REMOVE, kind="x", items=more)


async def test_t09_a_writer_beside_the_reader_hides_nothing(tidy: Shelf) -> None:
    """The same with writes at any moment, also within a statement, from another connection."""
    rng, written, reading = random.Random(9), 0, True

    async def write() -> None:
        nonlocal written
        async with GraphClient(tidy.api.graph.address, GRAPH_SETTINGS) as other:
            while reading:
                await tidy.write([(rng.random() < 0.5, rng.randrange(PASSING))], other)
                written += 1

    async def nothing() -> None:
        return None

    writing = asyncio.create_task(write())
    try:
        for size in (2, 5, 7):
            for name in LISTS:
                await holds(tidy, name, size, nothing)
    finally:
        reading = False
        await writing
    assert written > 10
