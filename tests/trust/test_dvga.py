"""T37: what Damn Vulnerable GraphQL Application teaches: https://github.com/dolevf/Damn-Vulnerable-GraphQL-Application

Each of the 23 scenarios of its README is one function here, by its name. Where it needs something that is not here (a
shell, an upload, a password), the function shows that there is no such door, and that what is sent stays a value.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.context import Services
from graph.client import GraphClient
from tests.api.live import live
from tests.api.web import ALIEN, RATE, bearer, client_over, ratings_of, refused
from tests.trust import dvga_doors  # noqa: F401
from tests.trust.attacked import TAKING_TEXT, Target, commands, connections, doings, everywhere, no_door, writes
from tests.trust.dvga import DVGA, SCENARIOS, scenario
from tests.trust.test_cop import nested


@pytest_asyncio.fixture(loop_scope="session")
async def target(
    services: Services, migrated: GraphClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Target]:
    async with client_over(services, graphiql=False) as http:
        yield Target(http, services, migrated, monkeypatch, caplog)


@pytest.mark.parametrize("name", [name for names in DVGA.values() for name in names])
async def test_t37_dvga(target: Target, name: str) -> None:
    await SCENARIOS[name](target)


def test_t37_there_are_as_many_as_dvga_has() -> None:
    assert set(SCENARIOS) == {name for names in DVGA.values() for name in names}
    assert len(SCENARIOS) == 23


def test_doings_are_seen(tmp_path: Any) -> None:
    """The mutant: what does such things is noticed."""
    import os
    import socket
    import subprocess

    with doings() as found, socket.create_server(("127.0.0.1", 0)) as server:
        subprocess.run(["true"], check=True)
        os.system("true")
        (tmp_path / "x").write_text("x")
        with socket.create_connection(server.getsockname()):
            pass
    assert {"subprocess.Popen", "os.system"} <= set(commands(found))
    assert str(tmp_path / "x") in map(str, writes(found))
    assert len(connections(found, 0)) == 1


# -- reconnaissance --------------------------------------------------------------------------------------------------


@scenario("Discovering GraphQL")
async def _(target: Target) -> None:
    """The endpoint is where it is said to be; no other path leads to one, and a look at it tells no more."""
    for path in ("/", "/graphiql", "/console", "/playground", "/altair", "/explorer", "/v1/graphql", "/api", "/query"):
        for method in ("GET", "POST"):
            found = await target.http.request(method, path, params={"query": "{__typename}"})
            assert found.status_code in (404, 405)
            assert "raph" not in found.text
    refused(await target.http.get("/graphql"), 403, "FORBIDDEN")


@scenario("Fingerprinting GraphQL")
async def _(target: Target) -> None:
    """What is asked to tell engines apart is answered in words that name none, and heads name no server."""
    asked = (
        "queryy { __typename }",
        "query @deprecated { __typename }",
        "{ __typename @skip }",
        "{}",
        "query { @ }",
        "",
    )
    async with live(target.services, graphiql=False) as server, httpx.AsyncClient() as http:
        for query in asked:
            found = await http.post(server.http, json={"query": query})
            assert not {"server", "x-powered-by", "via"} & set(found.headers)
            assert not re.search(r"graphql-core|strawberry|graphene|python|starlette|uvicorn|\d\.\d+\.\d", found.text)
            assert "extensions" not in found.json()


# -- denial of service -----------------------------------------------------------------------------------------------


@scenario("Batch Query Attack")
async def _(target: Target) -> None:
    before = await ratings_of(target.graph, "1")
    for count in (1, 2, 100):
        batch = [{"query": RATE}] * count
        refused(await target.http.post("/graphql", json=batch, headers=bearer()), 400, "BAD_REQUEST")
    assert await ratings_of(target.graph, "1") == before


@scenario("Deep Recursion Query Attack")
async def _(target: Target) -> None:
    for pairs in (5, 10, 50):
        inner = "similar { nodes { " * pairs + "id" + " } }" * pairs
        await target.limited(f"{{ movie(id: 1) {{ {inner} }} }}")
    spread = "fragment F on Movie { similar { nodes { ...G } } } fragment G on Movie { similar { nodes { ...H } } }"
    deepest = "fragment H on Movie { similar { nodes { similar { nodes { similar { nodes { id } } } } } } }"
    await target.limited(f"{{ movie(id: 1) {{ ...F }} }} {spread} {deepest}")


@scenario("Resource Intensive Query Attack")
async def _(target: Target) -> None:
    """Its `systemUpdate` always takes long; here a field takes what its pages may reach, and that is limited."""
    wide = "similar(first: 100) { nodes { cast(first: 100) { nodes { id } } } }"
    await target.limited(f"{{ movies(first: 100) {{ nodes {{ {wide} }} }} }}")
    before = target.graph.session.statements
    hops = await target.sent('{ paths(from: "Movie:1", to: "Movie:2", maxHops: 7) { nodes { length } } }')
    assert hops.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert target.graph.session.statements == before


@scenario("Field Duplication Attack")
async def _(target: Target) -> None:
    await target.limited(f"{{ movie(id: 1) {{ {'title ' * 1_000} }} }}")
    await target.limited(f"{{ movie(id: 1) {{ {'title ' * 11} }} }}")
    before = target.graph.session.statements
    assert (await target.sent(f"{{ movie(id: 1) {{ {'title ' * 10} }} }}")).json() == {"data": ALIEN}
    assert target.graph.session.statements == before + 1


@scenario("Aliases based Attack")
async def _(target: Target) -> None:
    """Sixteen are refused, and eleven of one field; ten cost ten times what one costs."""
    await target.limited("{ " + " ".join(f"a{i}: movie(id: 1) {{ title }}" for i in range(16)) + " }")
    await target.limited("{ " + " ".join(f"a{i}: movie(id: 1) {{ title }}" for i in range(11)) + " }")
    costs = []
    for count in (1, 10):
        query = (
            "{ "
            + " ".join(
                f"a{i}: movies(first: 10) {{ nodes {{ cast(first: 20) {{ nodes {{ name }} }} }} }}"
                for i in range(count)
            )
            + " }"
        )
        body = (await target.sent(query, extensions={"cost": True})).json()
        assert len(body["data"]) == count
        costs.append(body["extensions"]["cost"]["requested"])
    assert costs[0] > 2
    assert costs[1] > 10 * (costs[0] - 1), "each is rounded up"


# -- information disclosure ------------------------------------------------------------------------------------------


@scenario("GraphQL Introspection")
async def _(target: Target) -> None:
    for query in (
        "{ __schema { types { name } } }",
        '{ __type(name: "Genre") { name } }',
        "{ ...F } fragment F on Query { x: __schema { queryType { name } } }",
        "mutation { __schema { types { name } } }",
        "query A { __typename } query B { __schema { types { name } } }",
        f"{{ __schema {{ types {nested(4)} }} }}",
    ):
        body = (await target.sent(query, operationName="A" if "query A" in query else None)).json()
        assert "data" not in body
        assert "introspection" in body["errors"][0]["message"] or query.startswith("mutation")
        assert not re.search(r"Movie|Person|rateMovie", str(body))


@scenario("GraphiQL Interface")
async def _(target: Target) -> None:
    for path in ("/", "/graphql", "/graphiql", "/graphiql/", "/graphiql/page.html", "/graphiql/index.html"):
        found = await target.http.get(path, headers={"Accept": "text/html"})
        assert found.status_code in (403, 404, 406)
        assert "<" not in found.text


@scenario("GraphQL Field Suggestions")
async def _(target: Target) -> None:
    for query in (
        "{ movi }",
        "{ movie(id: 1) { titl } }",
        "{ movie(ide: 1) { id } }",
        "{ movies(sort: TITEL) { totalCount } }",
        "{ movies(filter: { genre: [1] }) { totalCount } }",
        "mutation { rateMovi(movie: 1) { id } }",
        "{ node(id: 1) { ... on Movi { id } } }",
        "{ __typename @includ(if: true) }",
        "query($f: MovieFilte) { movies(filter: $f) { totalCount } }",
    ):
        text = (await target.sent(query)).text
        assert '"errors"' in text
        assert "Did you mean" not in text, text
    variable = "query($f: MovieFilter) { movies(filter: $f) { totalCount } }"
    assert "Did you mean" not in (await target.sent(variable, variables={"f": {"genre": ["1"]}})).text


@scenario("Server Side Request Forgery")
async def _(target: Target) -> None:
    """Its `importPaste` fetches what it is told to; here nothing is an address, and an address connects nowhere."""
    no_door("url uri host port scheme address endpoint fetch webhook callback redirect")
    graph = int(target.graph.address.uri.rpartition(":")[2])
    reached = []
    server = await asyncio.start_server(lambda *_: reached.append(1), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with doings() as found:
        for text in (
            f"http://127.0.0.1:{port}/",
            f"bolt://127.0.0.1:{port}",
            f"127.0.0.1:{port}",
            "http://169.254.169.254/",
        ):
            await everywhere(target, text)
    server.close()
    await server.wait_closed()
    assert connections(found, graph) == []
    assert reached == []


@scenario("Stack Trace Errors")
async def _(target: Target) -> None:
    def broken(_: str) -> str:
        raise ZeroDivisionError("a secret of /home")

    target.monkeypatch.setattr("api.queries.catalog.search_text", broken)
    for extensions in ({}, {"debug": True}, {"tracing": True}):
        found = await target.sent(TAKING_TEXT["search"], variables={"x": "a"}, extensions=extensions)
        (error,) = found.json()["errors"]
        assert set(error["extensions"]) == {"code", "requestId"}
        assert not re.search(r"Traceback|File|\.py|ZeroDivision|secret|stack|exception", found.text, re.I)
