"""The id of a request: the client's where it is one, and the same in the answer's head and in its errors."""

import re

import httpx
import pytest

from tests.api.web import RATE, TITLE


@pytest.mark.parametrize("given", ["a2345678", "Trace.id_0-9", "f" * 64])
async def test_the_id_that_a_request_came_with_is_its_id(http: httpx.AsyncClient, given: str) -> None:
    answers = [
        await http.post("/graphql", json={"query": text}, headers={"X-Request-Id": given})
        for text in (TITLE, "{ nosuch }", "{" * 100)
    ]
    assert [one.headers["x-request-id"] for one in answers] == [given] * 3
    assert [one.json()["errors"][0]["extensions"]["requestId"] for one in answers[1:]] == [given] * 2


@pytest.mark.parametrize(
    "given", ["", "a234567", "f" * 65, "a b c d e f", "abcdefgh\\n", "<script>", "naïveté-1", "' OR 1=1 --"]
)
async def test_what_is_no_id_is_replaced_by_a_new_one(http: httpx.AsyncClient, given: str) -> None:
    headers = {"X-Request-Id": given.encode()}
    answers = [await http.post("/graphql", json={"query": "{ nosuch }"}, headers=headers) for _ in range(2)]
    ids = [one.headers["x-request-id"] for one in answers]
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in ids)
    assert ids[0] != ids[1]
    assert [one.json()["errors"][0]["extensions"]["requestId"] for one in answers] == ids


async def test_answers_that_caches_keep_and_refusals_have_an_id_too(http: httpx.AsyncClient) -> None:
    first = await http.get("/graphql", params={"query": TITLE})
    again = await http.get("/graphql", params={"query": TITLE}, headers={"If-None-Match": first.headers["etag"]})
    refused = await http.get("/graphql", params={"query": RATE})
    assert (first.status_code, again.status_code, refused.status_code) == (200, 304, 405)
    assert len({one.headers["x-request-id"] for one in (first, again, refused)}) == 3
