"""Server-sent events: `graphql-sse` in its mode of one operation a request, as a client of HTTP sees it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio

from api.auth import AUDIENCE, ISSUER
from api.context import Services
from api.documents import Documents
from graph.client import GraphClient
from tests.api.live import PATIENCE, Live, live
from tests.api.web import ALIEN, GRAPHQL, JSON, RATE, SECRET, TITLE, bearer, ratings_of, refused

EVENTS = "text/event-stream"
MOVIE = 'subscription { movieChanged(id: "1") { title } }'
RATINGS = 'subscription { movieChanged(id: "1") { ratings { totalCount } } }'
MOVIE_IS = {"data": {"movieChanged": {"title": "Alien"}}}
ANY = f"{GRAPHQL}, {JSON}, {EVENTS}, multipart/mixed"
"""What urql says that it takes, whatever it asks."""


@dataclass
class Stream:
    """A response that is being read."""

    response: httpx.Response
    lines: AsyncIterator[str]

    async def event(self) -> tuple[str, Any]:
        """The next event's name and data; comments are passed over."""
        name = ""
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data:") and name:
                    data = line.removeprefix("data:").strip()
                    return name, json.loads(data) if data else None
        return "end", None


@asynccontextmanager
async def stream(server: Live, query: str, *, accept: str = EVENTS, **more: Any) -> AsyncIterator[Stream]:
    headers = {"accept": accept, **more.pop("headers", {})}
    async with (
        httpx.AsyncClient(timeout=PATIENCE) as client,
        client.stream("POST", server.http, json={"query": query, **more}, headers=headers) as response,
    ):
        yield Stream(response, response.aiter_lines())


async def post(server: Live, query: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        return await client.post(server.http, json={"query": query}, headers={"accept": EVENTS, **headers})


@pytest_asyncio.fixture(loop_scope="session")
async def server(services: Services) -> AsyncIterator[Live]:
    async with live(services) as running:
        yield running


async def test_a_subscription_is_a_stream_of_what_is_and_what_becomes(server: Live, services: Services) -> None:
    async with stream(server, RATINGS) as movie:
        assert movie.response.status_code == 200
        assert movie.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert movie.response.headers["cache-control"] == "private, no-store"
        name, first = await movie.event()
        assert name == "next"
        async with server.client("sse") as client:
            await client.subscribe(RATE.replace('"5"', '"1"'))
            await client.data()
        count = first["data"]["movieChanged"]["ratings"]["totalCount"]
        assert await movie.event() == ("next", {"data": {"movieChanged": {"ratings": {"totalCount": count + 1}}}})
    await server.closed_all()
    assert list(services.bus.heard) == []


async def test_a_query_and_a_mutation_are_one_event_and_the_end(server: Live, migrated: GraphClient) -> None:
    assert (await post(server, TITLE)).text == (
        'event: next\ndata: {"data":{"movie":{"title":"Alien"}}}\n\nevent: complete\ndata: \n\n'
    )
    before = await ratings_of(migrated, "sse-2")
    async with stream(server, RATE, headers=bearer("sse-2")) as mutation:
        assert await mutation.event() == ("next", {"data": {"rateMovie": {"__typename": "Rated"}}})
        assert await mutation.event() == ("complete", None)
        assert await mutation.event() == ("end", None)
    assert await ratings_of(migrated, "sse-2") == before + 1


async def test_get_is_for_queries_and_subscriptions_alone(server: Live, migrated: GraphClient) -> None:
    before = await ratings_of(migrated, "1")
    headers = {"accept": EVENTS, **bearer("1")}
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        query = await client.get(server.http, params={"query": TITLE}, headers=headers)
        mutation = await client.get(server.http, params={"query": RATE}, headers=headers)
        unknown = {"query": "subscription($id: ID!) { movieChanged(id: $id) { title } }", "variables": '{"id": "?"}'}
        gone = await client.get(server.http, params=unknown, headers=headers)
    assert 'data: {"data":{"movie":{"title":"Alien"}}}' in query.text
    assert "errors" in mutation.text
    assert "data" not in json.loads(mutation.text.splitlines()[1].removeprefix("data: "))
    assert gone.text == 'event: next\ndata: {"data":{"movieChanged":null}}\n\nevent: complete\ndata: \n\n'
    assert await ratings_of(migrated, "1") == before


async def test_who_takes_json_too_gets_events_for_a_subscription_alone(server: Live) -> None:
    assert (await post(server, TITLE, accept=ANY)).json() == {"data": ALIEN}
    async with stream(server, MOVIE, accept=ANY) as movie:
        assert await movie.event() == ("next", MOVIE_IS)


async def test_who_takes_no_events_is_told_what_a_subscription_needs(server: Live) -> None:
    error = refused(await post(server, MOVIE, accept=JSON), 406, "NOT_ACCEPTABLE")
    assert "text/event-stream" in error["message"]


STREAMED = {
    "not GraphQL": ("{", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown field": ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
    "nobody's recommendations": ("subscription { recommendationsChanged { modelVersion } }", "NOT_SIGNED_IN"),
}


@pytest.mark.parametrize("case", STREAMED)
async def test_errors_of_graphql_are_an_event_and_the_end(server: Live, case: str) -> None:
    query, code = STREAMED[case]
    async with stream(server, query) as answer:
        name, body = await answer.event()
        assert (name, list(body)) == ("next", ["errors"])
        assert body["errors"][0]["extensions"]["code"] == code
        assert await answer.event() == ("complete", None)


async def test_what_may_not_be_asked_has_the_status_of_any_request(server: Live) -> None:
    deep = 'subscription { movieChanged(id: "1") { ' + " ".join(f"a{i}: id" for i in range(16)) + " } }"
    refused(await post(server, deep), 400, "LIMIT_EXCEEDED")
    refused(await post(server, MOVIE, Authorization="Bearer x"), 401, "NOT_SIGNED_IN")
    refused(await post(server, MOVIE, Origin="https://elsewhere.example"), 403, "FORBIDDEN")
    refused(await post(server, ""), 400, "BAD_REQUEST")
    refused(await post(server, MOVIE, **{"content-type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_process_has_so_many_streams_at_most(services: Services) -> None:
    async with live(services, max_streams=1) as server, stream(server, MOVIE) as movie:
        await movie.event()
        response = await post(server, MOVIE)
        refused(response, 503, "OVERLOADED")
        assert response.headers["retry-after"] == "5"


async def test_trusted_documents_are_the_only_ones_where_that_is_said(services: Services) -> None:
    documents = Documents({"movie": MOVIE}, only_trusted=True)
    async with live(services, documents) as server, server.client() as client:
        async with stream(server, "", documentId="movie") as movie:
            assert await movie.event() == ("next", MOVIE_IS)
        refused(await post(server, RATINGS), 403, "DOCUMENT_NOT_TRUSTED")
        await client.say({"type": "subscribe", "id": "a", "payload": {"documentId": "movie"}})
        assert await client.data() == MOVIE_IS["data"]
        await client.subscribe(RATINGS, "b")
        assert await client.refused("b") == "DOCUMENT_NOT_TRUSTED"


async def test_a_quiet_stream_shows_signs_of_life(services: Services) -> None:
    async with live(services, ping_seconds=0.05) as server, stream(server, MOVIE) as movie:
        await movie.event()
        lines = [await anext(movie.lines) for _ in range(6)]
    assert lines.count(":") >= 2


async def test_the_end_of_the_token_is_the_end_of_the_stream(server: Live) -> None:
    claims = {"sub": "1", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 2}
    token = jwt.encode(claims, SECRET, "HS256")
    async with stream(server, MOVIE, headers={"Authorization": f"Bearer {token}"}) as movie:
        await movie.event()
        name, body = await movie.event()
        assert (name, body["errors"][0]["extensions"]["code"]) == ("next", "NOT_SIGNED_IN")
        assert await movie.event() == ("complete", None)
    assert time.time() >= claims["exp"]


async def test_the_end_of_the_server_ends_the_stream_without_completing_it(services: Services) -> None:
    async with live(services) as server, stream(server, MOVIE) as movie:
        await movie.event()
        await server.app.state.streams.end()
        assert server.open == 0
        assert await movie.event() == ("end", None)
        refused(await post(server, MOVIE), 503, "OVERLOADED")
