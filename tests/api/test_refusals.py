"""What a GET that is not answered is told: in one form, and for no cache to keep."""

import json
from typing import Any

import httpx
import pytest

from api.context import Services
from api.documents import Documents
from tests.api.live import live
from tests.api.web import RATE, TITLE, bearer, client_over, refused

SUBSCRIPTION = "subscription { recommendationsChanged(first: 1) { modelVersion } }"
PERSISTED = {"extensions": json.dumps({"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})}
DEEP = "{ " + "movies { nodes { " * 9 + "id" + " } }" * 9 + " }"

REFUSALS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, Any], int, str]] = {
    # what is asked, headers, settings, and the refusal
    "no query": ({}, {}, {}, 400, "BAD_REQUEST"),
    "variables that are none": ({"query": TITLE, "variables": "{"}, {}, {}, 400, "BAD_REQUEST"),
    "a deep document": ({"query": DEEP}, {}, {}, 400, "LIMIT_EXCEEDED"),
    "a token that is none": ({"query": TITLE}, {"authorization": "Bearer x"}, {}, 401, "NOT_SIGNED_IN"),
    "a simple GET": ({"query": TITLE}, {}, {"graphiql": False}, 403, "FORBIDDEN"),
    "another document": ({"query": TITLE}, {}, {"only_trusted": True}, 403, "DOCUMENT_NOT_TRUSTED"),
    "an unknown document": ({"documentId": "none"}, {}, {}, 404, "DOCUMENT_NOT_FOUND"),
    "an unknown hash": (PERSISTED, {}, {}, 200, "PERSISTED_QUERY_NOT_FOUND"),
    "a mutation": ({"query": RATE}, bearer(), {}, 405, "METHOD_NOT_ALLOWED"),
    "a subscription": ({"query": SUBSCRIPTION}, {}, {}, 406, "NOT_ACCEPTABLE"),
    "another media type": ({"query": TITLE}, {"accept": "text/csv"}, {}, 406, "NOT_ACCEPTABLE"),
}


@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_get_that_is_refused_is_kept_by_no_cache(services: Services, kind: str) -> None:
    asked, headers, settings, status, code = REFUSALS[kind]
    documents = Documents({"title": "{ __typename }"}, bool(settings.pop("only_trusted", False)))
    async with client_over(services, documents, **settings) as http:
        response = await http.get("/graphql", params=asked, headers=headers)
    refused(response, status, code)
    assert response.headers["cache-control"] == "private, no-store"


async def test_a_get_by_which_nothing_is_left_to_spend_is_kept_by_no_cache(services: Services) -> None:
    async with client_over(services, anonymous_points=3, anonymous_rate=0.001) as http:
        while (response := await http.get("/graphql", params={"query": TITLE})).status_code == 200:
            pass
    refused(response, 429, "RATE_LIMITED")
    assert response.headers["cache-control"] == "private, no-store"


async def test_a_get_that_a_bug_keeps_from_its_answer_is_kept_by_no_cache(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.http.caller_of", broken)
    async with client_over(services) as http:
        response = await http.get("/graphql", params={"query": TITLE})
    refused(response, 500, "INTERNAL")
    assert response.headers["cache-control"] == "private, no-store"


async def test_a_get_by_events_that_is_refused_is_kept_by_no_cache(services: Services) -> None:
    headers = {"accept": "text/event-stream"}
    async with client_over(services) as http:
        response = await http.get("/graphql", params={"documentId": "none"}, headers=headers)
    refused(response, 404, "DOCUMENT_NOT_FOUND")
    assert response.headers["cache-control"] == "private, no-store"


async def test_a_get_that_the_connection_refuses_is_kept_by_no_cache(services: Services) -> None:
    async with live(services, overload_ms=100) as server, httpx.AsyncClient(timeout=20) as http:
        server.app.state.gate.most = 0
        turned_away = await http.get(server.http, params={"query": TITLE})
        long = await http.get(server.http, params={"query": "x" * 33_000})
    refused(turned_away, 503, "OVERLOADED")
    refused(long, 414, "URI_TOO_LONG")
    for response in (turned_away, long):
        assert response.headers["cache-control"] == "private, no-store"
