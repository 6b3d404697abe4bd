"""`graphql-transport-ws` as a raw socket sees it: who is let in, what is said, and what a connection ends with."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.auth import AUDIENCE, ISSUER
from api.context import Services
from graph.client import GraphClient
from tests.api.live import Client, Live, live
from tests.api.web import ALIEN, RATE, SECRET, TITLE, bearer, ratings_of

MOVIE = 'subscription { movieChanged(id: "1") { title } }'
MOVIE_IS = {"movieChanged": {"title": "Alien"}}


@pytest_asyncio.fixture(loop_scope="session")
async def server(services: Services) -> AsyncIterator[Live]:
    async with live(services) as running:
        yield running


# -- who is let in ---------------------------------------------------------------------------------------------------


async def test_t41_nothing_is_run_before_connection_init(server: Live, migrated: GraphClient) -> None:
    sent = migrated.session.statements
    async with server.client(init=False) as client:
        await client.subscribe(MOVIE)
        assert (await client.closed())[0] == 4401
    assert migrated.session.statements == sent


async def test_t41_connection_init_has_to_come_in_time(services: Services) -> None:
    async with live(services, init_seconds=0.1) as server, server.client(init=False) as client:
        assert await client.closed() == (4408, "connection_init did not come within 0.1 seconds")


async def test_a_second_connection_init_ends_the_connection(server: Live) -> None:
    async with server.client() as client:
        await client.say({"type": "connection_init"})
        assert (await client.closed())[0] == 4429


@pytest.mark.parametrize("protocol", ["graphql-ws", "graphql-transport-ws2", "chat"])
async def test_n13_no_other_protocol_is_spoken(server: Live, protocol: str) -> None:
    async with server.client(init=False, protocol=protocol) as client:
        assert client.socket.subprotocol is None
        assert await client.closed() == (4406, "the protocol spoken here is graphql-transport-ws")
    async with connect(server.ws, compression=None, proxy=None) as socket:
        assert (await Client(socket).closed())[0] == 4406


FORGED = {
    "no token": "Bearer x",
    "another secret": bearer("1", b"x" * 32)["Authorization"],
    "expired": bearer("1", days=-1)["Authorization"],
    "another scheme": "Basic dXNlcjpwYXNz",
    "no text": 7,
}


@pytest.mark.parametrize("case", FORGED)
async def test_a_wrong_token_ends_the_connection(server: Live, case: str) -> None:
    async with server.client(init=False) as client:
        await client.say({"type": "connection_init", "payload": {"Authorization": FORGED[case]}})
        assert (await client.closed())[0] == 4403


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
async def test_the_token_comes_with_connection_init_or_with_the_handshake(server: Live, name: str) -> None:
    token = bearer("1")["Authorization"]
    me = "{ me { id } }"
    async with server.client(init=False) as client:
        await client.say({"type": "connection_init", "payload": {name: token}})
        assert await client.hear() == {"type": "connection_ack"}
        await client.subscribe(me)
        assert await client.data() == {"me": {"id": "User:1"}}
    async with server.client(additional_headers={name: token}) as client:
        await client.subscribe(me)
        assert await client.data() == {"me": {"id": "User:1"}}


async def test_the_end_of_the_token_is_the_end_of_the_connection(server: Live) -> None:
    claims = {"sub": "1", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 2}
    token = jwt.encode(claims, SECRET, "HS256")
    async with server.client(init=False) as client:
        await client.say({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        await client.hear()
        await client.subscribe(MOVIE)
        assert await client.data() == MOVIE_IS
        assert await client.closed() == (4403, "the token has expired; connect with a new one")
    assert time.time() >= claims["exp"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1", "http://[", "x"])
async def test_t41_pages_of_other_origins_are_refused_at_the_handshake(server: Live, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with server.client(origin=origin):
            pass
    response = refused.value.response
    assert response.status_code == 403
    assert json.loads(response.body)["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_t41_the_servers_own_pages_and_those_of_allowed_origins_are_let_in(services: Services) -> None:
    async with live(services, origins=("https://films.example",)) as server:
        for origin in (f"http://127.0.0.1:{server.port}", "https://films.example"):
            async with server.client(origin=origin) as client:
                await client.subscribe(TITLE)
                assert await client.data() == ALIEN


async def test_more_streams_than_a_process_may_have_are_refused(services: Services) -> None:
    async with live(services, max_streams=2) as server:
        async with server.client(), server.client():
            with pytest.raises(InvalidStatus) as refused:
                async with server.client():
                    pass
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["Retry-After"] == "5"
        await server.closed_all()
        async with server.client() as client:
            await client.subscribe(TITLE)
            assert await client.data() == ALIEN


# -- what is said ----------------------------------------------------------------------------------------------------


async def test_a_subscription_shows_what_is_and_ends_where_its_client_completes_it(server: Live) -> None:
    async with server.client() as client:
        await client.subscribe(MOVIE, "one")
        assert await client.data("one") == MOVIE_IS
        await client.say({"type": "complete", "id": "one"})
        await client.subscribe(MOVIE, "one")
        assert await client.data("one") == MOVIE_IS
        await client.quiet()


async def test_queries_and_mutations_are_answered_once_and_completed(server: Live, migrated: GraphClient) -> None:
    async with server.client("ws") as client:
        await client.subscribe(TITLE, "q")
        assert await client.data("q") == ALIEN
        assert await client.hear() == {"id": "q", "type": "complete"}
        await client.subscribe(RATE, "m")
        assert await client.data("m") == {"rateMovie": {"__typename": "Rated"}}
        assert await client.hear() == {"id": "m", "type": "complete"}
    assert await ratings_of(migrated, "ws") == 1


async def test_a_ping_is_answered_also_before_connection_init(server: Live) -> None:
    async with server.client(init=False) as client:
        await client.say({"type": "ping"})
        assert await client.hear() == {"type": "pong"}
        await client.say({"type": "ping", "payload": {"n": 1}})
        assert await client.hear() == {"type": "pong", "payload": {"n": 1}}
        await client.say({"type": "pong"})
        await client.init(None)


async def test_the_server_pings(services: Services) -> None:
    async with live(services, ping_seconds=0.05) as server, server.client() as client:
        for _ in range(2):
            assert json.loads(await client.socket.recv()) == {"type": "ping"}
            await client.say({"type": "pong"})


async def test_an_id_that_is_in_use_ends_the_connection(server: Live) -> None:
    async with server.client() as client:
        await client.subscribe(MOVIE)
        await client.data()
        await client.subscribe(MOVIE)
        assert (await client.closed())[0] == 4409


async def test_t41_a_connection_runs_twenty_operations_at_most(server: Live) -> None:
    async with server.client() as client:
        for i in range(20):
            await client.subscribe(MOVIE, str(i))
        assert sorted([(await client.hear())["id"] for _ in range(20)], key=int) == [str(i) for i in range(20)]
        await client.subscribe(MOVIE, "one more")
        assert await client.refused("one more") == "TOO_MANY_SUBSCRIPTIONS"
        await client.say({"type": "complete", "id": "7"})
        await client.subscribe(MOVIE, "7")
        assert await client.data("7") == MOVIE_IS


WRONG: dict[str, Any] = {
    "no JSON": "{",
    "half of a surrogate pair": '{"type": "ping", "payload": {"x": "\\ud800"}}',
    "deep": "[" * 50_000,
    "a list": [],
    "no type": {},
    "a type that is a list": {"type": []},
    "an unknown type": {"type": "start", "id": "a", "payload": {"query": MOVIE}},
    "bytes": b'{"type": "ping"}',
    "no id": {"type": "subscribe", "payload": {"query": MOVIE}},
    "an empty id": {"type": "subscribe", "id": "", "payload": {"query": MOVIE}},
    "a number as id": {"type": "subscribe", "id": 1, "payload": {"query": MOVIE}},
    "a long id": {"type": "subscribe", "id": "a" * 201, "payload": {"query": MOVIE}},
    "no payload": {"type": "subscribe", "id": "a"},
    "a text as payload": {"type": "ping", "payload": "x"},
    "complete without an id": {"type": "complete"},
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_message_of_no_known_form_ends_the_connection(server: Live, case: str) -> None:
    async with server.client() as client:
        await client.say(WRONG[case])
        code, reason = await client.closed()
    assert code == 4400
    assert reason


async def test_a_message_past_the_limit_of_bytes_ends_the_connection(services: Services) -> None:
    async with live(services, max_bytes=1_000) as server, server.client() as client:
        await client.say({"type": "ping", "payload": {"x": "y" * 1_000}})
        assert (await client.closed())[0] == 1009


REFUSED = {
    "not GraphQL": ("{", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown field": ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
    "two root fields": (
        'subscription { a: movieChanged(id: "1") { id } b: movieChanged(id: "2") { id } }',
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "two root fields by a fragment": (
        'subscription { ...F } fragment F on Subscription { a: movieChanged(id: "1") { id } '
        'b: movieChanged(id: "2") { id } }',
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "an introspection field": ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
    "too deep": (
        'subscription { movieChanged(id: "1") { '
        + "directors { nodes { directed { nodes { " * 3
        + "id"
        + " } } } }" * 3
        + " } }",
        "LIMIT_EXCEEDED",
    ),
    "too many aliases": (
        'subscription { movieChanged(id: "1") { ' + " ".join(f"a{i}: id" for i in range(16)) + " } }",
        "LIMIT_EXCEEDED",
    ),
    "too many nodes": (
        'subscription { movieChanged(id: "1") { cast(first: 100) { nodes { actedIn(first: 100) { nodes { '
        "cast(first: 100) { nodes { id } } } } } } } }",
        "LIMIT_EXCEEDED",
    ),
    "an id of something else": ('subscription { movieChanged(id: "Person:1") { id } }', "INVALID_INPUT"),
    "nobody's recommendations": ("subscription { recommendationsChanged { modelVersion } }", "NOT_SIGNED_IN"),
    "no query": ("", "BAD_REQUEST"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_t41_a_subscription_has_the_limits_of_a_query(server: Live, case: str) -> None:
    query, code = REFUSED[case]
    async with server.client() as client:
        await client.subscribe(query)
        assert await client.refused() == code
        await client.subscribe(MOVIE)  # the id is free, and the connection is there
        assert await client.data() == MOVIE_IS


async def test_variables_are_taken_and_limited(server: Live) -> None:
    query = "subscription($id: ID!, $x: String) { movieChanged(id: $id) { title } }"
    unused = query.replace(", $x: String", "")
    deep: Any = []
    for _ in range(70):
        deep = [deep]
    async with server.client() as client:
        await client.subscribe(unused, id="1")
        assert await client.data() == MOVIE_IS
        await client.subscribe(unused, "b", id=deep)
        assert await client.refused("b") == "LIMIT_EXCEEDED"
        await client.subscribe(unused, "c")
        assert await client.refused("c") == "GRAPHQL_VALIDATION_FAILED"


# -- the end ---------------------------------------------------------------------------------------------------------


async def test_a_client_that_goes_leaves_nothing_behind(server: Live, services: Services) -> None:
    async with server.client() as client:
        for i in range(3):
            await client.subscribe(MOVIE, str(i))
            await client.data(str(i))
        assert len(services.bus.heard) == 2
        client.socket.transport.abort()
    await server.closed_all()
    assert list(services.bus.heard) == []


async def test_the_end_of_the_server_is_told(services: Services) -> None:
    async with live(services) as server, server.client() as client:
        await client.subscribe(MOVIE)
        await client.data()
        ending = asyncio.create_task(server.app.state.streams.end())
        assert await client.closed() == (1001, "the server is going away")
        await ending
        assert server.open == 0
        with pytest.raises(InvalidStatus) as refused:
            async with server.client():
                pass
        assert refused.value.response.status_code == 503
