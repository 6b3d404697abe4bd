"""What subscriptions push: to whom, after what, and when nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.context import Context, Services
from api.subscriptions import feed as feeds
from api.subscriptions.feed import feed
from cinegraph.errors import GraphConflict, GraphUnavailable, NotFound
from events.bus import CATALOGUE, Change, Kind
from events.versions import Versions
from graph.actions import rate, unrate
from graph.catalog import WriteStatement
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.live import Client, Live, live
from tests.api.test_mutations import FIELDS, VALUES
from tests.published import FACTORS, publish_model, serving_over

PAGE = "first: 3) { edges { score node { id title } why { sentence } } pageInfo { endCursor } }"
CHANGED = f"subscription {{ recommendationsChanged({PAGE} }}"
ASKED = f"{{ recommendations({PAGE} }}"
RATINGS = 'subscription { movieChanged(id: "1") { title ratings { totalCount } } }'
RENAME = WriteStatement(
    "rename",
    "MATCH (m:Movie {id: '1'}) SET m.title = $title WITH m MATCH (g:Meta) SET g.version = g.version + 1",
    frozenset({"title"}),
)
DELETE = WriteStatement(
    "delete",
    "MATCH (m:Movie {id: '4'}) DETACH DELETE m WITH count(*) AS n MATCH (g:Meta) SET g.version = g.version + 1",
    frozenset(),
)


@pytest_asyncio.fixture(loop_scope="session")
async def server(services: Services) -> AsyncIterator[Live]:
    async with live(services) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def own(graph: GraphClient, tmp_path: Path) -> Services:
    """Services over a graph that the test may change."""
    return api_over(graph, await serving_over(graph, tmp_path)).services


async def answered(client: Client, query: str) -> Any:
    """What a query says over a connection that has nothing else to say."""
    await client.subscribe(query, "ask")
    found = await client.data("ask")
    assert (await client.hear())["type"] == "complete"
    return found


async def write(server: Live, user: str, call: str) -> None:
    """A mutation by the same worker, over another connection."""
    async with server.client(user) as client:
        await answered(client, f"mutation {{ {call} {{ __typename }} }}")


# -- recommendationsChanged ------------------------------------------------------------------------------------------


async def test_n13_a_rating_pushes_the_page_that_a_query_would_answer(server: Live) -> None:
    async with server.client("n13") as client, server.client("n13") as asking:
        await client.subscribe(CHANGED)
        first = (await client.data())["recommendationsChanged"]
        assert [edge["node"]["id"] for edge in first["edges"]] == ["Movie:2", "Movie:1", "Movie:3"]
        await write(server, "n13", 'rateMovie(movie: "1", rating: 5.0)')
        second = (await client.data())["recommendationsChanged"]
        assert [edge["node"]["id"] for edge in second["edges"]] == ["Movie:2", "Movie:3", "Movie:4"]
        assert second["edges"][0]["why"]
        assert second == (await answered(asking, ASKED))["recommendations"]
        await client.quiet()


UNDONE = {"removeRating": "rateMovie", "removeDismissal": "dismissMovie", "removeViews": "recordView"}


@pytest.mark.parametrize("field", FIELDS)
async def test_every_mutation_of_the_callers_history_pushes(server: Live, field: str) -> None:
    user, movie = f"push-{field}", "Genre:comedy" if field == "setPreferences" else "2"

    def call(name: str) -> str:
        return FIELDS[name].format(movie=movie, value=VALUES.get(name))

    if field in UNDONE:
        await write(server, user, call(UNDONE[field]))
    async with server.client(user) as client, server.client(user) as asking:
        await client.subscribe(CHANGED)
        first = await client.data()
        await write(server, user, call(field))
        second = await client.data()
        assert second != first
        assert second["recommendationsChanged"] == (await answered(asking, ASKED))["recommendations"]


async def test_nothing_is_pushed_where_the_page_stayed_the_same(server: Live) -> None:
    await write(server, "same", 'rateMovie(movie: "5", rating: 3.0)')
    async with server.client("same") as client:
        await client.subscribe(CHANGED)
        await client.data()
        await write(server, "same", 'rateMovie(movie: "5", rating: 3.0)')
        await client.quiet()
        await write(server, "same", 'rateMovie(movie: "2", rating: 3.0)')
        await client.data()


async def test_another_users_changes_are_not_pushed_and_not_even_looked_at(server: Live, migrated: GraphClient) -> None:
    async with server.client("me") as me, server.client("they") as they:
        for client in (me, they):
            await client.subscribe(CHANGED)
        mine, theirs = await me.data(), await they.data()
        assert mine == theirs
        await write(server, "they", 'rateMovie(movie: "2", rating: 5.0)')
        assert await they.data() != theirs
        await me.quiet()
        sent = migrated.session.statements
        server_bus = server.app.state.endpoint._services.bus
        server_bus.tell(Change(Kind.USER, "they"))
        await they.quiet()
        alone = migrated.session.statements - sent
        sent = migrated.session.statements
        server_bus.tell(Change(Kind.USER, "nobody"))
        await me.quiet()
        assert alone > 0
        assert migrated.session.statements == sent


async def test_many_writes_end_in_the_newest_page(server: Live) -> None:
    async with server.client("burst") as client, server.client("burst") as asking:
        await client.subscribe(CHANGED)
        await client.data()
        await asyncio.gather(
            *(write(server, "burst", f'rateMovie(movie: "{i % 4 + 1}", rating: 4.0)') for i in range(12))
        )
        last = (await answered(asking, ASKED))["recommendations"]
        events = 0
        while True:
            found = (await client.data())["recommendationsChanged"]
            events += 1
            if found == last:
                break
        assert events <= 12
        await client.quiet()


async def test_a_new_model_pushes(own: Services, graph: GraphClient, tmp_path: Path) -> None:
    query = "subscription { recommendationsChanged(first: 2) { modelVersion graphVersion edges { score } } }"
    async with live(own) as server, server.client("1") as client:
        await client.subscribe(query)
        first = (await client.data())["recommendationsChanged"]
        version = await publish_model(graph, tmp_path, FACTORS, "ials")
        await own.serving.refresh()
        second = (await client.data())["recommendationsChanged"]
        assert first["modelVersion"] != second["modelVersion"] == version
        await own.serving.refresh()
        await client.quiet()


# -- movieChanged ----------------------------------------------------------------------------------------------------


async def test_anybodys_rating_pushes_the_movie_to_everybody(server: Live) -> None:
    async with server.client() as client, server.client() as other:
        await client.subscribe(RATINGS)
        count = (await client.data())["movieChanged"]["ratings"]["totalCount"]
        await other.subscribe(RATINGS.replace('"1"', '"2"'))
        await other.data()
        await write(server, "rating", 'rateMovie(movie: "1", rating: 4.0)')
        assert (await client.data())["movieChanged"]["ratings"]["totalCount"] == count + 1
        await write(server, "rating", 'removeRating(movie: "Movie:1")')
        assert (await client.data())["movieChanged"]["ratings"]["totalCount"] == count
        await other.quiet()


async def test_an_ingestion_pushes_what_it_changed_and_null_ends_a_movie_that_is_gone(
    own: Services, graph: GraphClient
) -> None:
    gone = 'subscription { movieChanged(id: "4") { title } }'
    async with live(own) as server, server.client() as client:
        await client.subscribe('subscription { movieChanged(id: "Movie:1") { title } }')
        assert await client.data() == {"movieChanged": {"title": "Alien"}}
        await client.subscribe(gone, "gone")
        assert await client.data("gone") == {"movieChanged": {"title": "Amélie"}}
        await graph.writer.write(RENAME, title="Alien (restored)")
        await own.serving.refresh()
        assert await client.data() == {"movieChanged": {"title": "Alien (restored)"}}
        await graph.writer.write(DELETE)
        await own.serving.refresh()
        assert await client.data("gone") == {"movieChanged": None}
        assert await client.hear() == {"id": "gone", "type": "complete"}
        await client.quiet()


async def test_a_movie_that_never_was_is_null_and_the_end(server: Live) -> None:
    async with server.client() as client:
        await client.subscribe('subscription { movieChanged(id: "unknown") { title } }')
        assert await client.data() == {"movieChanged": None}
        assert await client.hear() == {"id": "a", "type": "complete"}


# -- what others wrote -----------------------------------------------------------------------------------------------


async def test_what_another_process_wrote_is_found_by_its_version(server: Live, services: Services) -> None:
    graph, versions = services.graph, Versions(services.bus, services.graph)
    async with server.client("elsewhere") as client:
        await client.subscribe(CHANGED)
        await client.data()
        await client.subscribe(RATINGS, "movie")
        count = (await client.data("movie"))["movieChanged"]["ratings"]["totalCount"]
        await versions.look()
        await client.quiet()
        await rate(graph, "elsewhere", "2", 5.0, 1)
        await versions.look()
        assert (await client.data())["recommendationsChanged"]["edges"][0]["node"]["id"] != "Movie:2"
        await rate(graph, "somebody", "1", 5.0, 2)
        await versions.look()
        assert (await client.data("movie"))["movieChanged"]["ratings"]["totalCount"] == count + 1
        await unrate(graph, "somebody", "1")
        await versions.look()
        assert (await client.data("movie"))["movieChanged"]["ratings"]["totalCount"] == count


async def test_looking_costs_nothing_where_nobody_listens_and_two_statements_at_most(
    services: Services, migrated: GraphClient
) -> None:
    versions = Versions(services.bus, services.graph)
    sent = migrated.session.statements
    await versions.look()
    assert migrated.session.statements == sent
    changes = [Change(Kind.USER, str(i)) for i in range(1_000)] + [Change(Kind.MOVIE, str(i)) for i in range(1_000)]
    with services.bus.listen([*changes, CATALOGUE]) as listener:
        await versions.look()
        assert migrated.session.statements == sent + 2
        await listener.woken()  # something may have happened before the first look
        await versions.look()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await listener.woken()


# -- what fails ------------------------------------------------------------------------------------------------------


async def test_a_later_answer_that_fails_is_tried_again_and_said_once_where_that_fails_too(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAUSES", (0.01, 0.01))
    away, conflict = GraphUnavailable("away"), GraphConflict("too fast")
    answers: list[Any] = ["one", conflict, "two", away, away, away, conflict, conflict, "three", away, away]

    async def make() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with aclosing(feed(Context(services, "1", "test"), [CATALOGUE], make)) as events:
        assert await anext(events) == "one"
        services.bus.tell(CATALOGUE)
        assert await anext(events) == "two"
        services.bus.tell(CATALOGUE)
        assert [await anext(events) for _ in range(3)] == [away, conflict, "three"]
        services.bus.tell(CATALOGUE)
        assert await anext(events) is away
    assert answers == []


async def test_a_first_answer_that_fails_is_the_end(services: Services) -> None:
    async def make() -> Any:
        raise NotFound("nothing")

    events = feed(Context(services, "1", "test"), [CATALOGUE], make)
    with pytest.raises(NotFound):
        await anext(events)
    with pytest.raises(StopAsyncIteration):
        await anext(events)
    assert list(services.bus.heard) == []
