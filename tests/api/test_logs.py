"""The line of a request, and that of a slow statement: what is in them, and what never is."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.context import Services
from api.documents import Documents
from cinegraph.logs import JsonLines
from cinegraph.telemetry import Sent
from graph.client import GraphClient
from tests.api.harness import api_over
from tests.api.web import RATE, SECRET, TITLE, bearer, client_over
from tests.conftest import GRAPH_SETTINGS

ID = {"X-Request-Id": "request-1"}
OURS = ("api", "cinegraph", "graph", "recommenders")
SEARCH = "query Mine($text: String!) { search(query: $text) { totalCount } }"


class Kept(logging.Handler):
    """Keeps the lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = list[str]()
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def of(self, logger: str) -> list[dict[str, Any]]:
        """The lines of a logger, without the time and what takes another time each time."""
        found = [json.loads(line) for line in self.lines]
        return [one for one in found if one["logger"] == logger]


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Everything that we log."""
    handler, root = Kept(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in OURS}
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def test_each_request_has_one_line(services: Services, kept: Kept) -> None:
    async with client_over(services, Documents({"title": f"query Title {TITLE}"})) as http:
        await http.post("/graphql", json={"documentId": "title"}, headers=ID)
        await http.post("/graphql", json={"query": f"query Mine {TITLE}"}, headers=ID)
        await http.post("/graphql", json={"query": "{ nosuch, northis }"}, headers=ID)
        await http.post("/graphql", json={"query": RATE}, headers={**ID, "Authorization": "Bearer x"})
        await http.delete("/graphql", headers=ID)
    lines = kept.of("cinegraph.requests")
    durations = [(one.pop("durationMs"), one.pop("graphMs"), one.pop("time")) for one in lines]
    same = {"level": "info", "logger": "cinegraph.requests", "message": "request", "requestId": "request-1"}
    wanted = [
        ("Title", "query", 200, [], 1),
        ("other", "query", 200, [], 1),
        ("other", "query", 200, ["GRAPHQL_VALIDATION_FAILED"], 0),
        ("other", "mutation", 401, ["NOT_SIGNED_IN"], 0),
        ("other", "none", 405, ["METHOD_NOT_ALLOWED"], 0),
    ]
    names = ("operation", "kind", "status", "codes", "statements")
    assert [one.pop("cost", None) for one in lines] == [1, 1, None, None, None]
    assert lines == [{**same, **dict(zip(names, one, strict=True))} for one in wanted]
    assert [graph > 0 for _, graph, _ in durations] == [True, True, False, False, False]
    assert all(whole >= graph for whole, graph, _ in durations)


async def test_a_line_of_text_says_the_same(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cinegraph.requests"):
        await http.post("/graphql", json={"query": "{ nosuch }"}, headers=ID)
    (record,) = [one for one in caplog.records if one.name == "cinegraph.requests"]
    begin, _, end = record.getMessage().partition(" in ")
    assert begin == "query other 200 GRAPHQL_VALIDATION_FAILED"
    assert end.partition(" ms ")[2] == "with 0 statements, request request-1"


async def test_below_info_no_request_is_logged(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cinegraph.requests"):
        await http.post("/graphql", json={"query": TITLE})
    assert [one for one in caplog.records if one.name == "cinegraph.requests"] == []


async def test_a_bug_is_logged_with_the_id_that_the_client_was_told(
    http: httpx.AsyncClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("api.queries.catalog.search_text", broken)
    await http.post("/graphql", json={"query": SEARCH, "variables": {"text": "x"}}, headers=ID)
    (failed,) = kept.of("cinegraph.api")
    assert (failed["level"], failed["requestId"]) == ("error", "request-1")
    assert failed["stack"].endswith("ZeroDivisionError")
    (request,) = kept.of("cinegraph.requests")
    assert (request["status"], request["codes"]) == (200, ["INTERNAL"])


@asynccontextmanager
async def slow_over(graph: GraphClient, services: Services, slow_ms: float) -> AsyncIterator[httpx.AsyncClient]:
    """The application over a client to which statements are slow from there on."""
    settings = GRAPH_SETTINGS.model_copy(update={"slow_ms": slow_ms})
    async with (
        GraphClient(graph.address, settings) as client,
        client_over(api_over(client, services.serving).services) as http,
    ):
        yield http


# -- slow statements -------------------------------------------------------------------------------------------------


async def test_a_slow_statement_is_logged_with_its_text_and_the_field(
    services: Services, migrated: GraphClient, kept: Kept
) -> None:
    """Each is slow where the limit is a microsecond."""
    async with slow_over(migrated, services, 0.001) as http:
        await http.post("/graphql", json={"query": '{ film: movie(id: "1") { title } }'}, headers=ID)
        await http.post("/graphql", json={"query": RATE}, headers={**ID, **bearer()})
    lines = kept.of("cinegraph.slow")
    read, *rest = lines
    assert read.pop("durationMs") > 0
    assert read.pop("time")
    text = read.pop("cypher")
    assert text == "MATCH (n0:Movie {id: $p0})\nRETURN [n0.title] AS value"
    assert read == {
        "level": "warning",
        "logger": "cinegraph.slow",
        "message": "slow statement",
        "requestId": "request-1",
        "field": "Query.movie",
        "statement": "compiled",
        "access": "read",
        "code": "OK",
    }
    (write,) = [one for one in rest if one["access"] == "write"]
    assert (write["field"], write["statement"]) == ("Mutation.rateMovie", "user/rate")
    assert write["cypher"].startswith("// ")


async def test_below_the_limit_and_without_one_nothing_is_slow(
    services: Services, migrated: GraphClient, kept: Kept
) -> None:
    for slow_ms in (0.0, 60_000.0):
        async with slow_over(migrated, services, slow_ms) as http:
            await http.post("/graphql", json={"query": TITLE})
    assert kept.of("cinegraph.slow") == []


# -- what never stands in the log ------------------------------------------------------------------------------------

CANARIES = (
    "canary-user",
    "canary@example.org",
    "203.0.113.77",
    "canary text",
    "Canaryop",
    "canaryfield",
    "canaryheader",
)


async def test_nothing_that_a_client_sent_is_logged(services: Services, migrated: GraphClient, kept: Kept) -> None:
    """Tokens, addresses, names, texts, variables: in requests that run, fail and are refused, with every statement
    logged as slow."""
    tokens = [bearer("canary-user"), bearer("canary-user", b"another secret of thirty-two byt")]
    sent = [
        {"query": f"query Canaryop {SEARCH[10:]}", "variables": {"text": "canary text"}},
        {"query": SEARCH, "variables": {"text": "canary@example.org"}, "operationName": "Canaryop"},
        {"query": '{ canaryfield: movie(id: "canary text") { title } }'},
        {
            "query": "mutation($m: ID!) { rateMovie(movie: $m, rating: 4.0) { __typename } }",
            "variables": {"m": "canary text"},
        },
        {"query": "{ canaryfield }"},
        {"query": "{ movie(id: canary text"},
        {"documentId": "canary text"},
        {"query": SEARCH, "variables": {"text": ["canary text"]}},
        {"query": TITLE, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "canary text"}}},
    ]
    async with slow_over(migrated, services, 0.001) as http:
        for body in sent:
            for token in ({}, *tokens):
                headers = {**token, "X-Forwarded-For": "203.0.113.77", "X-Request-Id": "canaryheader canary"}
                answer = await http.post("/graphql?canaryfield=1", json=body, headers=headers)
                assert answer.headers["x-request-id"] not in CANARIES
    written = "\n".join(kept.lines)
    assert len(kept.of("cinegraph.requests")) == 3 * len(sent)
    assert len(kept.of("cinegraph.slow")) == 5
    secrets = [one["Authorization"].removeprefix("Bearer ") for one in tokens]
    for canary in (*CANARIES, *secrets, SECRET.decode()):
        assert canary not in written, canary


async def test_the_check_would_notice_a_value_in_the_log(
    services: Services, migrated: GraphClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant, whose log of slow statements has the values of their parameters."""

    def told(sent: Sent, _: float) -> None:
        logging.getLogger("cinegraph.slow").warning("%s", dict(sent.parameters))

    monkeypatch.setattr("cinegraph.telemetry._log_slow", told)
    async with slow_over(migrated, services, 0.001) as http:
        await http.post("/graphql", json={"query": '{ movie(id: "canary text") { title } }'})
    assert "canary text" in "\n".join(kept.lines)
