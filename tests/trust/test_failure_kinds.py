"""T40: more than fifty kinds of failure, each forced, and nothing of what is inside in any whole response.

What is raised below carries words that no client may read: a stack, a statement, a file, a host, a password. An answer
has a code of the list and the request's id, and of the words only those that are about what was asked.
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from neo4j import exceptions as driver_errors

import api.errors
from api.context import Context, Services
from api.documents import Documents
from cinegraph import errors as ours
from cinegraph.errors import CinegraphError, GraphError, UsageError
from graph.breaker import Breaker
from tests.api.live import live
from tests.api.web import GRAPHQL, JSON, RATE, TITLE, bearer, client_over
from tests.trust.failures import POISON, codes_of, judged, raising, told

SEARCH = '{ search(query: "x") { totalCount } }'
RECOMMEND = '{ recommendations(first: 1, liked: ["1"]) { edges { score } } }'


def below(kind: type[CinegraphError]) -> list[type[CinegraphError]]:
    """A class and all that are made of it."""
    return [kind, *(inner for one in kind.__subclasses__() for inner in below(one))]


OURS = sorted((one for one in below(CinegraphError) if one.__module__ == ours.__name__), key=lambda one: one.__name__)
WITHIN = [one for one in OURS if not issubclass(one, api.errors.PLAIN)]
"""Those that are not about what was asked, and whose words are not written for whoever asks."""
ASKED = [one for one in OURS if issubclass(one, UsageError)]
DRIVERS = sorted(
    (
        kind
        for kind in vars(driver_errors).values()
        if isinstance(kind, type) and issubclass(kind, driver_errors.Neo4jError | driver_errors.DriverError)
    ),
    key=lambda one: one.__name__,
)
FOREIGN: dict[str, Callable[[], Exception]] = {
    "a disk that is full": lambda: OSError(28, f"No space left on device {POISON}"),
    "a connection that is refused": lambda: ConnectionRefusedError(111, POISON, "/home/x"),
    "a name that is not known": lambda: OSError(-2, POISON),
    "a time that is over": lambda: TimeoutError(POISON),
}
BUGS: dict[str, Callable[[], Exception]] = {
    "a division by zero": lambda: ZeroDivisionError(POISON),
    "a key that is not there": lambda: KeyError(POISON),
    "a value": lambda: ValueError(POISON),
    "a type": lambda: TypeError(POISON),
    "an assertion": lambda: AssertionError(POISON),
    "an attribute": lambda: AttributeError(POISON),
    "too deep a recursion": lambda: RecursionError(POISON),
    "no memory": lambda: MemoryError(POISON),
    "a file that is not there": lambda: FileNotFoundError(2, "No such file", "/home/cinegraph/secret"),
    "a file that may not be read": lambda: PermissionError(13, POISON, "/etc/passwd"),
    "bytes that are no text": lambda: UnicodeDecodeError("utf-8", POISON.encode() + b"\xff", 0, 1, POISON),
    "an error of the driver's own": lambda: driver_errors.ResultConsumedError(None, POISON),
    "several at once": lambda: ExceptionGroup(POISON, [ValueError(POISON), KeyError(POISON)]),
}


@pytest_asyncio.fixture(loop_scope="session")
async def production(services: Services, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A server that knows nothing of failures before, and has nothing in memory to answer with."""

    def nothing(_: Context, error: GraphError) -> None:
        raise error

    monkeypatch.setattr(Context, "remembered", nothing)
    services.graph._session.guard.breaker = Breaker()
    async with client_over(services, graphiql=False, max_bytes=20_000) as client:
        yield client


async def ask(http: httpx.AsyncClient, query: str, **more: Any) -> list[str]:
    """The codes that an operation ends with."""
    return judged(await http.post("/graphql", json={"query": query, **more}, headers=bearer()))


# -- what fails below a resolver -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WITHIN, ids=lambda one: one.__name__)
async def test_t40_an_error_of_ours_has_its_code_and_not_its_words(
    production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, kind: type[CinegraphError]
) -> None:
    monkeypatch.setattr("api.queries.catalog.search_text", raising(lambda: kind(POISON)))
    assert await ask(production, SEARCH) == [kind.code]


@pytest.mark.parametrize("kind", ASKED, ids=lambda one: one.__name__)
async def test_t40_an_error_about_what_was_asked_says_what_is_wrong(
    production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, kind: type[CinegraphError]
) -> None:
    monkeypatch.setattr("api.queries.catalog.search_text", raising(lambda: kind("'x' is too short a text")))
    asked = await production.post("/graphql", json={"query": SEARCH})
    assert judged(asked) == [kind.code]
    assert asked.json()["errors"][0]["message"] == "'x' is too short a text"


@pytest.mark.parametrize("what", BUGS)
async def test_t40_a_bug_is_internal(production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr("api.queries.catalog.search_text", raising(BUGS[what]))
    assert await ask(production, SEARCH) == ["INTERNAL"]


@pytest.mark.parametrize("kind", [*DRIVERS, *FOREIGN], ids=lambda one: one if isinstance(one, str) else one.__name__)
async def test_t40_an_error_of_the_driver_is_the_graphs(
    production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """Where the client has it, in reading; it is translated by the client's own table."""
    make = FOREIGN[kind] if isinstance(kind, str) else lambda: kind(POISON)
    monkeypatch.setattr("graph.pool.ReadingPool.read", raising(make))
    for query in (TITLE, RECOMMEND):
        (code,) = await ask(production, query)
        assert code.startswith("GRAPH_") or code == "OUTCOME_UNKNOWN", code


SERVERS = {
    "Neo.ClientError.Statement.SyntaxError": "GRAPH_STATEMENT_FAILED",
    "Neo.ClientError.Schema.ConstraintValidationFailed": "GRAPH_CONFLICT",
    "Neo.ClientError.Security.Unauthorized": "GRAPH_AUTH_FAILED",
    "Neo.ClientError.Transaction.TransactionTimedOut": "GRAPH_TIMEOUT",
    "Neo.TransientError.Transaction.DeadlockDetected": "GRAPH_CONFLICT",
    "Neo.TransientError.General.DatabaseUnavailable": "GRAPH_UNAVAILABLE",
    "Neo.DatabaseError.General.UnknownError": "GRAPH_STATEMENT_FAILED",
    "Neo.ClientError.General.WriteOnReadOnlyAccessDbException": "GRAPH_FULL",
}


@pytest.mark.parametrize("code", SERVERS)
@pytest.mark.parametrize("query", [TITLE, RATE], ids=["reading", "writing"])
async def test_t40_an_error_of_the_server_has_none_of_its_words(
    production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, code: str, query: str
) -> None:
    def failing() -> Exception:
        return driver_errors.Neo4jError._hydrate_neo4j(code=code, message=POISON)

    monkeypatch.setattr("graph.pool.ReadingPool.read", raising(failing))
    monkeypatch.setattr("neo4j.AsyncSession.execute_write", raising(failing))
    assert await ask(production, query) == [SERVERS[code]]


@pytest.mark.parametrize("kind", [ours.ArtifactCorrupt, ours.ModelRefused, ValueError, FloatingPointError])
@pytest.mark.parametrize("part", ["score", "rank"])
async def test_t40_a_model_that_fails_is_not_described(
    production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], part: str
) -> None:
    monkeypatch.setattr(f"recommenders.serving.Serving.{part}", raising(lambda: kind(POISON)))
    assert await ask(production, RECOMMEND) == [getattr(kind, "code", "MODEL_ERROR")]


# -- what fails outside of resolvers ---------------------------------------------------------------------------------


PARTS = {
    "naming the document": "api.documents.Documents.find",
    "reading the document": "api.operations.Operations.ready",
    "reckoning what it costs": "api.operations.Operations.cost",
    "taking points": "api.budget.Budget.take",
    "asking who it is": "api.{}.caller_of",
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("accept", [JSON, GRAPHQL, "text/event-stream"])
@pytest.mark.parametrize("make", [lambda: KeyError(POISON), lambda: ours.SecretBroken(POISON)], ids=["bug", "ours"])
async def test_t40_what_fails_before_anything_runs_is_an_error_too(
    production: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    accept: str,
    make: Callable[[], Exception],
) -> None:
    events = accept == "text/event-stream"
    monkeypatch.setattr(PARTS[part].format("streaming.sse" if events else "http"), raising(make))
    asked = await production.post("/graphql", json={"query": TITLE + f"# {part} {accept}"}, headers={"Accept": accept})
    begun = asked.headers["content-type"].startswith("text/event-stream")
    assert asked.status_code == (200 if begun else 500)
    assert judged(asked, of_stream=begun) == [getattr(make(), "code", "INTERNAL")]


# -- what a client does wrong ----------------------------------------------------------------------------------------

POST, GET = "POST", "GET"
REQUESTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no JSON": (POST, {"content": "{", "headers": {"content-type": JSON}}, "BAD_REQUEST"),
    "no body": (POST, {"headers": {"content-type": JSON}}, "BAD_REQUEST"),
    "bytes that are no text": (POST, {"content": b"\xff\xfe", "headers": {"content-type": JSON}}, "BAD_REQUEST"),
    "deep JSON": (POST, {"content": "[" * 9_000, "headers": {"content-type": JSON}}, "BAD_REQUEST"),
    "a list": (POST, {"json": [{"query": TITLE}]}, "BAD_REQUEST"),
    "no query": (POST, {"json": {}}, "BAD_REQUEST"),
    "a query that is a number": (POST, {"json": {"query": 1}}, "BAD_REQUEST"),
    "variables that are a list": (POST, {"json": {"query": TITLE, "variables": []}}, "BAD_REQUEST"),
    "deep variables": (POST, {"json": {"query": TITLE, "variables": {"a": json.loads("[" * 99 + "]" * 99)}}}, "LIMIT"),
    "another protocol of hashes": (POST, {"json": {"extensions": {"persistedQuery": {"version": 9}}}}, "BAD_REQUEST"),
    "a hash of nothing": (
        POST,
        {"json": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}}},
        "PERSISTED_QUERY_NOT_FOUND",
    ),
    "an id of nothing": (POST, {"json": {"documentId": "0"}}, "DOCUMENT_NOT_FOUND"),
    "a look that is not allowed": (POST, {"json": {"query": TITLE, "extensions": {"cypher": True}}}, "FORBIDDEN"),
    "a look that is no look": (POST, {"json": {"query": TITLE, "extensions": {"cypher": 1}}}, "BAD_REQUEST"),
    "a form": (POST, {"data": {"query": TITLE}}, "UNSUPPORTED_MEDIA_TYPE"),
    "a file": (POST, {"files": {"map": b"{}"}}, "UNSUPPORTED_MEDIA_TYPE"),
    "an answer of another type": (POST, {"json": {"query": TITLE}, "headers": {"accept": "image/png"}}, "NOT_ACCEPT"),
    "a subscription": (POST, {"json": {"query": "subscription { movieChanged(id: 1) { id } }"}}, "NOT_ACCEPTABLE"),
    "too large a body": (POST, {"json": {"query": " " * 20_000}}, "BODY_TOO_LARGE"),
    "another method": ("PUT", {"json": {"query": TITLE}}, "METHOD_NOT_ALLOWED"),
    "a page's GET": (GET, {"params": {"query": TITLE}}, "FORBIDDEN"),
    "a mutation by GET": (GET, {"params": {"query": RATE}, "headers": {"X-Requested-With": "x"}}, "METHOD_NOT_ALLOWED"),
    "variables that are no JSON": (
        GET,
        {"params": {"query": TITLE, "variables": "{"}, "headers": {"X-Requested-With": "x"}},
        "BAD_REQUEST",
    ),
    "a stream for another page": (
        POST,
        {"json": {"query": TITLE}, "headers": {"accept": "text/event-stream", "origin": "https://a.example"}},
        "FORBIDDEN",
    ),
    **{
        f"a token that is {what}": (
            POST,
            {"json": {"query": TITLE}, "headers": {"authorization": token}},
            "NOT_SIGNED_IN",
        )
        for what, token in {
            "none": "Bearer",
            "a word": "Bearer x",
            "of another scheme": "Basic bmVvNGo6aHVudGVyMg==",
            "old": bearer(days=-1)["Authorization"],
            "another's": bearer(secret=b"t" * 32)["Authorization"],
            "cut short": bearer()["Authorization"][:-4],
        }.items()
    },
}


@pytest.mark.parametrize("what", REQUESTS)
async def test_t40_a_request_that_cannot_be_run_says_why_alone(production: httpx.AsyncClient, what: str) -> None:
    method, given, code = REQUESTS[what]
    (found,) = judged(await production.request(method, "/graphql", **given))
    assert found.startswith(code)


DOCUMENTS: dict[str, tuple[str, str]] = {
    "no syntax": ("{", "GRAPHQL_VALIDATION_FAILED"),
    "a sign of another language": ("{ a ; }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown field": ("{ nosuch }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown argument": ("{ movie(id: 1, x: 2) { id } }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown fragment": ("{ ...F }", "GRAPHQL_VALIDATION_FAILED"),
    "fields that conflict": ("{ movie(id: 1) { id id: title } }", "GRAPHQL_VALIDATION_FAILED"),
    "an unknown value of an enum": ("{ movies(sort: X) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "a variable that is missing": ("query($n: Int!) { movies(first: $n) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    "no operation": ("fragment F on Movie { id }", "GRAPHQL_VALIDATION_FAILED"),
    "several operations": ("query A { __typename } query B { __typename }", "GRAPHQL_VALIDATION_FAILED"),
    "introspection": ("{ __schema { types { name } } }", "GRAPHQL_VALIDATION_FAILED"),
    "too deep": ("{a" * 11 + "}" * 11, "LIMIT_EXCEEDED"),
    "too many mutations": ("mutation { a: x b: x c: x d: x e: x }", "LIMIT_EXCEEDED"),
    "a cycle of fragments": ("{ ...F } fragment F on Query { ...F }", "LIMIT_EXCEEDED"),
    "fragments that must be compared": (
        "{ movie(id: 1) { "
        + "...F " * 10
        + " ".join(f"...F{i}" for i in range(40))
        + "} } fragment F on Movie { id } "
        + " ".join(f"fragment F{i} on Movie {{ id title year }}" for i in range(40)),
        "LIMIT_EXCEEDED",
    ),
    "a page of 101": ("{ movies(first: 101) { totalCount } }", "INVALID_INPUT"),
    "an id of something else": ('{ movie(id: "Person:1") { id } }', "INVALID_INPUT"),
    "an id without a label": ('{ node(id: "1") { id } }', "INVALID_INPUT"),
    "a cursor of elsewhere": ('{ movies(after: "AAAA") { totalCount } }', "INVALID_INPUT"),
    "a filter of what is not there": ('{ movies(filter: { genres: ["nosuch"] }) { totalCount } }', "NOT_FOUND"),
    "too many nodes": (
        "{ movies(first: 100) { nodes { cast(first: 100) { nodes { id } } } } }",
        "LIMIT_EXCEEDED|INVALID_INPUT",
    ),
    "an empty search": ('{ search(query: "") { totalCount } }', "INVALID_INPUT"),
    "a path from nowhere": ('{ paths(from: "x", to: "y") { nodes { length } } }', "INVALID_INPUT"),
    "an explanation that is none": ('{ verifyExplanation(id: "x") { holds } }', "INVALID_INPUT"),
    "a replay of nothing": ('{ replayRecommendations(id: "x") { __typename } }', "INVALID_INPUT"),
    "an invitation that is none": (
        '{ recommendations(group: { invitations: ["x"] }) { edges { score } } }',
        "INVALID_INPUT|GRAPHQL_VALIDATION_FAILED",
    ),
}


@pytest.mark.parametrize("what", DOCUMENTS)
async def test_t40_a_document_that_cannot_be_run_says_why_alone(production: httpx.AsyncClient, what: str) -> None:
    text, code = DOCUMENTS[what]
    found = await ask(production, text)
    assert set(found) <= set(code.split("|"))


async def test_t40_who_may_not_and_who_is_not_known(production: httpx.AsyncClient) -> None:
    query = "{ experiments { id } }"
    assert judged(await production.post("/graphql", json={"query": query})) == ["NOT_SIGNED_IN"]
    assert await ask(production, query) == ["FORBIDDEN"]


async def test_t40_documents_that_are_not_registered(services: Services) -> None:
    async with client_over(services, Documents({"a": TITLE}, only_trusted=True)) as http:
        assert await ask(http, "{ __typename }") == ["DOCUMENT_NOT_TRUSTED"]


async def test_t40_a_bucket_that_is_empty(services: Services) -> None:
    async with client_over(services, user_points=1, user_rate=0.001, burst_seconds=1) as http:
        found = [
            one for _ in range(3) if (one := (await http.post("/graphql", json={"query": SEARCH}, headers=bearer())))
        ]
    assert [judged(one) for one in found if "errors" in one.json()]


# -- streams ---------------------------------------------------------------------------------------------------------

MOVIE = 'subscription { movieChanged(id: "1") { title } }'


@pytest.mark.parametrize("query", [TITLE, MOVIE], ids=["query", "subscription"])
@pytest.mark.parametrize("what", ["bug", "graph", "model"])
async def test_t40_streams_tell_errors_as_answers_do(
    services: Services, monkeypatch: pytest.MonkeyPatch, query: str, what: str
) -> None:
    makes: dict[str, Callable[[], Exception]] = {
        "bug": lambda: KeyError(POISON),
        "graph": lambda: ours.GraphStatementFailed(POISON),
        "model": lambda: ours.ArtifactCorrupt(POISON),
    }
    wanted = [getattr(makes[what](), "code", "INTERNAL")]
    async with live(services, graphiql=False) as server, server.client() as client, httpx.AsyncClient() as http:
        monkeypatch.setattr("api.compiler.planner.Planner.run", raising(makes[what]))
        await client.subscribe(query)
        message = await client.hear()
        assert not told(json.dumps(message))
        payload = message["payload"]
        assert codes_of(payload if message["type"] == "error" else payload["errors"]) == wanted
        answer = await http.post(server.http, json={"query": query}, headers={"Accept": "text/event-stream"})
        answer.headers.pop("server", None)
        assert judged(answer, of_stream=True) == wanted


CLOSES = {
    "no message": ("{", 4400),
    "no kind": ('{"type": "x"}', 4400),
    "no start": ('{"type": "subscribe", "id": "a", "payload": {"query": "{ a }"}}', 4401),
    "a token of another": (json.dumps({"type": "connection_init", "payload": bearer(secret=b"t" * 32)}), 4403),
    "a token that is a list": ('{"type": "connection_init", "payload": {"authorization": ["x"]}}', 4403),
}


@pytest.mark.parametrize("what", CLOSES)
async def test_t40_a_socket_is_closed_with_a_reason_alone(services: Services, what: str) -> None:
    text, code = CLOSES[what]
    async with live(services) as server, server.client(init=False) as client:
        await client.say(text)
        found, reason = await client.closed()
    assert found == code
    assert reason
    assert not told(reason)


# -- the list, and its mutants ---------------------------------------------------------------------------------------


def test_t40_there_are_more_than_fifty_kinds() -> None:
    assert {one.__name__ for one in OURS} == {
        name for name, one in vars(ours).items() if isinstance(one, type) and issubclass(one, CinegraphError)
    }
    kinds = (OURS, DRIVERS, FOREIGN, BUGS, SERVERS, PARTS, REQUESTS, DOCUMENTS, CLOSES)
    assert sum(map(len, kinds)) > 150


@pytest.mark.parametrize("word", POISON.split("; "))
def test_the_pattern_knows_every_part_of_the_poison(word: str) -> None:
    assert told(word)


async def test_t40_the_mutants_that_show_an_errors_words_are_seen(
    production: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.errors, "_words_of", lambda error, _: str(error))
    for kind in (ours.GraphStatementFailed, ours.ArtifactCorrupt):
        monkeypatch.setattr("api.queries.catalog.search_text", raising(lambda kind=kind: kind(POISON)))
        with pytest.raises(AssertionError):
            await ask(production, SEARCH)
    monkeypatch.setattr(api.errors, "INTERNAL", POISON)
    monkeypatch.setattr("api.queries.catalog.search_text", raising(BUGS["a value"]))
    with pytest.raises(AssertionError):
        await ask(production, SEARCH)
