"""The endpoint as HTTP sees it: who is let in, and what is run."""

import json
import time
from pathlib import Path

import httpx
import jwt
import pytest

from api.auth import AUDIENCE, ISSUER, load_secret
from api.context import Services
from graph.client import GraphClient
from tests.api.web import ALIEN, GRAPHQL, JSON, RATE, SECRET, TITLE, bearer, client_over, ratings_of, refused

# -- what is run -----------------------------------------------------------------------------------------------------


async def test_a_query_is_run_by_post_and_by_get(http: httpx.AsyncClient) -> None:
    posted = await http.post("/graphql", json={"query": TITLE})
    got = await http.get("/graphql", params={"query": TITLE})
    assert (posted.status_code, got.status_code) == (200, 200)
    assert posted.json() == got.json() == {"data": ALIEN}
    assert posted.headers["content-type"] == JSON


async def test_variables_and_the_name_of_the_operation_are_taken_by_both_methods(http: httpx.AsyncClient) -> None:
    query = "query A { __typename } query B($id: ID!) { movie(id: $id) { title } }"
    asked = {"query": query, "operationName": "B"}
    posted = await http.post("/graphql", json={**asked, "variables": {"id": "1"}})
    got = await http.get("/graphql", params={**asked, "variables": '{"id": "1"}'})
    assert posted.json() == got.json() == {"data": ALIEN}


@pytest.mark.parametrize("media", [JSON, f"{JSON}; charset=utf-8", "Application/JSON;charset=UTF-8"])
async def test_json_is_taken_with_and_without_a_charset(http: httpx.AsyncClient, media: str) -> None:
    response = await http.post("/graphql", content=json.dumps({"query": TITLE}), headers={"content-type": media})
    assert response.json() == {"data": ALIEN}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_refused_with_those_allowed(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql", json={"query": TITLE})
    refused(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "GET, POST"


async def test_t32_a_mutation_by_get_is_refused_and_not_run(http: httpx.AsyncClient, migrated: GraphClient) -> None:
    before = await ratings_of(migrated, "1")
    response = await http.get("/graphql", params={"query": RATE}, headers=bearer())
    refused(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    named = {"query": f"query Q {TITLE} {RATE.replace('mutation', 'mutation M')}", "operationName": "M"}
    refused(await http.get("/graphql", params=named, headers=bearer()), 405, "METHOD_NOT_ALLOWED")
    assert await ratings_of(migrated, "1") == before


async def test_t32_batches_are_not_taken(http: httpx.AsyncClient) -> None:
    error = refused(await http.post("/graphql", json=[{"query": TITLE}]), 400, "BAD_REQUEST")
    assert "batches are not taken" in error["message"]


async def test_t32_a_request_has_at_most_four_mutations(http: httpx.AsyncClient, migrated: GraphClient) -> None:
    before = await ratings_of(migrated, "t32")

    def operation(count: int) -> str:
        fields = [f'm{i}: rateMovie(movie: "{1 + i % 5}", rating: 4.0) {{ __typename }}' for i in range(count)]
        return f"mutation {{ {' '.join(fields)} }}"

    five = await http.post("/graphql", json={"query": operation(5)}, headers=bearer("t32"))
    refused(five, 400, "LIMIT_EXCEEDED")
    assert await ratings_of(migrated, "t32") == before
    four = await http.post("/graphql", json={"query": operation(4)}, headers=bearer("t32"))
    assert set(four.json()["data"]) == {"m0", "m1", "m2", "m3"}


SIMPLE = {
    "text/plain": json.dumps({"query": RATE}),
    "application/x-www-form-urlencoded": f"query={RATE}",
    "multipart/form-data; boundary=x": f'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{RATE}\r\n--x--',
    "": json.dumps({"query": RATE}),
    "application/graphql": RATE,
    "text/json": json.dumps({"query": RATE}),
}


@pytest.mark.parametrize("media", SIMPLE)
@pytest.mark.parametrize("in_url", [False, True])
async def test_t35_no_simple_request_of_a_browser_runs_anything(
    http: httpx.AsyncClient, migrated: GraphClient, media: str, in_url: bool
) -> None:
    headers = {**bearer(), **({"content-type": media} if media else {})}
    before, sent = await ratings_of(migrated, "1"), migrated.session.statements
    url = "/graphql?query=%7B__typename%7D" if in_url else "/graphql"
    response = await http.post(url, content=SIMPLE[media], headers=headers)
    refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert migrated.session.statements == sent
    assert await ratings_of(migrated, "1") == before


async def test_an_origin_that_is_named_may_send_operations_and_read_answers(services: Services) -> None:
    origin = {"Origin": "https://films.example"}
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with client_over(services, origins=("https://films.example",)) as http:
        preflight = await http.options("/graphql", headers={**origin, **wanted})
        answer = await http.post("/graphql", json={"query": TITLE}, headers=origin)
        events = await http.post("/graphql", json={"query": TITLE}, headers={**origin, "Accept": "text/event-stream"})
        refusal = await http.post("/graphql", json={"query": 1}, headers=origin)
        other = await http.post("/graphql", json={"query": TITLE}, headers={"Origin": "https://elsewhere.example"})
        asked = await http.options("/graphql", headers={**wanted, "Origin": "https://elsewhere.example"})
        health = await http.get("/health/live", headers=origin)
    assert preflight.status_code == 200
    assert set(wanted["Access-Control-Request-Headers"].split(",")) <= set(
        preflight.headers["access-control-allow-headers"].lower().split(", ")
    )
    assert answer.json() == {"data": ALIEN}
    for response in (preflight, answer, events, refusal):
        assert response.headers["access-control-allow-origin"] == "https://films.example"
        assert "access-control-allow-credentials" not in response.headers
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert asked.status_code == 400
    for response in (other, asked, health):
        assert "access-control-allow-origin" not in response.headers


async def test_t35_no_other_origin_may_read_an_answer(http: httpx.AsyncClient) -> None:
    asked = await http.get("/graphql", params={"query": TITLE}, headers={"Origin": "https://elsewhere.example"})
    preflight = await http.options(
        "/graphql", headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 405
    for response in (asked, preflight):
        assert not [name for name in response.headers if name.startswith("access-control")]


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "the body is not JSON"),
        ("", "the body is not JSON"),
        ("\xff\xfe", "the body is not JSON"),
        ("[" * 50_000, "the body is not JSON"),
        ("null", "the body is null"),
        ('"x"', "the body is a text"),
        ("[]", "the body is a list"),
        ("{}", "there is no query"),
        ('{"query": ""}', "there is no query"),
        ('{"query": 1}', "query must be a text, not a number"),
        ('{"query": "{__typename}", "variables": []}', "variables must be an object, not a list"),
        ('{"query": "{__typename}", "operationName": {}}', "operationName must be a text, not an object"),
        ('{"query": "{__typename}", "extensions": 1}', "extensions must be an object, not a number"),
        ('{"query": "{__typename}", "variables": {"id": "\\ud800"}}', "surrogates not allowed"),
        ('{"query": "{ movie(id: \\"\\udfff\\") { id } }"}', "surrogates not allowed"),
        ('{"query": "{__typename}", "variables": {"first": NaN}}', "NaN is no number of JSON"),
        ('{"query": "{__typename}", "variables": {"first": [-Infinity]}}', "-Infinity is no number of JSON"),
    ],
)
async def test_a_bad_body_is_refused_with_what_is_wrong(http: httpx.AsyncClient, body: str, said: str) -> None:
    response = await http.post("/graphql", content=body.encode("latin-1"), headers={"content-type": JSON})
    assert said in refused(response, 400, "BAD_REQUEST")["message"]


@pytest.mark.parametrize("parameters", [{}, {"query": TITLE, "variables": "{"}, {"query": TITLE, "variables": "[]"}])
async def test_a_bad_url_is_refused(http: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    refused(await http.get("/graphql", params=parameters), 400, "BAD_REQUEST")


async def test_a_deeply_nested_value_is_refused_by_a_limit(http: httpx.AsyncClient) -> None:
    query = "query($f: MovieFilter) { movies(filter: $f) { totalCount } }"
    filter_ = '{"and": [' * 300 + "{}" + "]}" * 300
    body = f'{{"query": "{query}", "variables": {{"f": {filter_}}}}}'
    in_variables = await http.post("/graphql", content=body, headers={"content-type": JSON})
    in_document = await http.post("/graphql", json={"query": f"{{ movie(id: {'[' * 400}{']' * 400}) {{ id }} }}"})
    refused(in_variables, 400, "LIMIT_EXCEEDED")
    refused(in_document, 400, "LIMIT_EXCEEDED")


async def test_a_body_that_is_too_large_is_refused_before_it_is_read_whole(services: Services) -> None:
    async with client_over(services, max_bytes=1_000) as http:
        padded = {"query": TITLE, "extensions": {"x": ""}}
        missing = 1_000 - len(json.dumps(padded))
        padded["extensions"] = {"x": "y" * missing}
        fits = await http.post("/graphql", content=json.dumps(padded), headers={"content-type": JSON})
        over = await http.post("/graphql", content=json.dumps(padded) + " ", headers={"content-type": JSON})
    assert fits.json() == {"data": ALIEN}
    assert "more than 1000 bytes" in refused(over, 413, "BODY_TOO_LARGE")["message"]


@pytest.mark.parametrize("accept", ["text/html", "image/png, text/*"])
async def test_an_answer_that_nobody_accepts_is_refused(http: httpx.AsyncClient, accept: str) -> None:
    response = await http.post("/graphql", json={"query": TITLE}, headers={"accept": accept})
    refused(response, 406, "NOT_ACCEPTABLE")


# -- who asks --------------------------------------------------------------------------------------------------------


async def test_a_token_says_who_asks(http: httpx.AsyncClient) -> None:
    mine = await http.post("/graphql", json={"query": "{ me { id } }"}, headers=bearer("2"))
    anonymous = await http.post("/graphql", json={"query": "{ me { id } }"})
    assert mine.json() == {"data": {"me": {"id": "User:2"}}}
    assert anonymous.json() == {"data": {"me": None}}


def unsigned() -> str:
    claims = {"sub": "1", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60}
    return jwt.encode(claims, None, "none")


def without(name: str) -> str:
    claims = {"sub": "1", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60}
    del claims[name]
    return jwt.encode(claims, SECRET, "HS256")


@pytest.mark.parametrize(
    "header",
    [
        bearer(days=-1)["Authorization"],
        bearer(secret=b"t" * 32)["Authorization"],
        bearer()["Authorization"] + "x",
        "Bearer x",
        "Bearer",
        "Basic MTp4",
        f"Bearer {unsigned()}",
        *(f"Bearer {without(name)}" for name in ("sub", "iss", "aud", "exp")),
    ],
)
async def test_a_token_that_is_not_ours_is_refused_and_nothing_is_run(
    http: httpx.AsyncClient, migrated: GraphClient, header: str
) -> None:
    sent = migrated.session.statements
    response = await http.post("/graphql", json={"query": TITLE}, headers={"Authorization": header})
    refused(response, 401, "NOT_SIGNED_IN")
    assert response.headers["www-authenticate"] == "Bearer"
    assert migrated.session.statements == sent


def test_the_secret_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    secret = load_secret(tmp_path / "home")
    assert len(secret) == 32
    assert load_secret(tmp_path / "home") == secret
    assert (tmp_path / "home" / "secret").stat().st_mode & 0o777 == 0o600


# -- what an answer is -----------------------------------------------------------------------------------------------


NOT_RUN = {
    "a document that does not parse": ("{", {}),
    "an unknown field": ("{ nothing }", {}),
    "an unknown operation": ("query A { __typename }", {"operationName": "B"}),
    "no name among many": ("query A { __typename } query B { __typename }", {}),
    "a variable of another type": ("query($n: Int!) { movies(first: $n) { totalCount } }", {"variables": {"n": "x"}}),
    "a variable that is missing": ("query($n: Int!) { movies(first: $n) { totalCount } }", {}),
}


@pytest.mark.parametrize("case", NOT_RUN)
async def test_what_is_not_run_has_no_data_and_the_status_of_its_media_type(http: httpx.AsyncClient, case: str) -> None:
    query, more = NOT_RUN[case]
    older = await http.post("/graphql", json={"query": query, **more}, headers={"accept": JSON})
    newer = await http.post("/graphql", json={"query": query, **more}, headers={"accept": GRAPHQL})
    refused(older, 200, "GRAPHQL_VALIDATION_FAILED")
    refused(newer, 400, "GRAPHQL_VALIDATION_FAILED")
    assert newer.headers["content-type"] == GRAPHQL


async def test_an_error_of_one_field_leaves_the_others_and_is_200(http: httpx.AsyncClient) -> None:
    query = '{ movie(id: "1") { title } wrong: movie(id: "Person:x") { title } }'
    for accept in (JSON, GRAPHQL):
        response = await http.post("/graphql", json={"query": query}, headers={"accept": accept})
        body = response.json()
        assert (response.status_code, response.headers["content-type"]) == (200, accept)
        assert body["data"] == {**ALIEN, "wrong": None}
        (error,) = body["errors"]
        assert error["path"] == ["wrong"]
        assert error["extensions"]["code"] == "INVALID_INPUT"


async def test_the_newer_media_type_is_preferred_where_both_are_accepted(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": TITLE}, headers={"accept": f"{GRAPHQL}, {JSON};q=0.9"})
    assert response.headers["content-type"] == GRAPHQL
