"""Documents that are named by an id: those of a frontend's build, and those that were sent with their hash before."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse

from api.context import Services
from api.documents import KEPT_CHARACTERS, Documents, Named, read_manifest
from api.errors import Refused
from api.server import build_app
from api.warming import sample, samples
from cinegraph.errors import InvalidInput
from cinegraph.settings import ApiSettings
from tests.api.harness import schema
from tests.api.web import ALIEN, RATE, SECRET, TITLE, bearer, client_of, client_over, refused

BY_ID = (
    "query One($id: ID!, $genres: [ID!]) { movie(id: $id) { title } "
    "movies(first: 2, filter: { genres: $genres }) { nodes { title } } }"
)
GENRES = "query Genres { genres { nodes { name } } }"
TRUSTED = {"one": BY_ID, "genres": GENRES, "rate": RATE, "title": TITLE}


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(hash_: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}, **more}


# -- automatic persisted queries -------------------------------------------------------------------------------------


async def test_a_document_is_sent_once_with_its_hash_and_named_by_it_then(http: httpx.AsyncClient) -> None:
    hash_ = hash_of(TITLE)
    first = await http.post("/graphql", json=persisted(hash_))
    error = refused(first, 200, "PERSISTED_QUERY_NOT_FOUND")
    assert error["message"] == "PersistedQueryNotFound", "what clients look for"
    assert first.headers["cache-control"] == "private, no-store"
    assert (await http.post("/graphql", json=persisted(hash_, query=TITLE))).json() == {"data": ALIEN}
    assert (await http.post("/graphql", json=persisted(hash_))).json() == {"data": ALIEN}
    extensions = json.dumps(persisted(hash_)["extensions"])
    assert (await http.get("/graphql", params={"extensions": extensions})).json() == {"data": ALIEN}


async def test_a_hash_of_something_else_is_refused_and_not_kept(http: httpx.AsyncClient) -> None:
    wrong = hash_of("{ __typename }")
    error = refused(await http.post("/graphql", json=persisted(wrong, query=TITLE)), 400, "BAD_REQUEST")
    assert error["message"] == f"sha256Hash is {wrong}, which is not the SHA-256 of the query"
    refused(await http.post("/graphql", json=persisted(wrong)), 200, "PERSISTED_QUERY_NOT_FOUND")


async def test_what_is_past_a_limit_is_not_kept(http: httpx.AsyncClient) -> None:
    long = "{ " + " ".join(f"a{number}: __typename" for number in range(16)) + " }"
    refused(await http.post("/graphql", json=persisted(hash_of(long), query=long)), 400, "LIMIT_EXCEEDED")
    refused(await http.post("/graphql", json=persisted(hash_of(long))), 200, "PERSISTED_QUERY_NOT_FOUND")


@pytest.mark.parametrize("asked", [{}, {"version": 2, "sha256Hash": "a"}, {"version": 1}, "a", 3])
async def test_another_protocol_is_refused_with_what_is_wanted(http: httpx.AsyncClient, asked: Any) -> None:
    given = {"query": TITLE, "extensions": {"persistedQuery": asked}}
    error = refused(await http.post("/graphql", json=given), 400, "BAD_REQUEST")
    assert error["message"] == "persistedQuery: an object with version 1 and a sha256Hash is wanted"


def test_the_documents_that_were_named_last_are_kept() -> None:
    documents, size = Documents(), KEPT_CHARACTERS // 3
    texts = [letter * size for letter in "abc"]
    named = [Named(text, hash_of(text), hashed=True) for text in texts]
    for one in named:
        documents.keep(one)
        documents.keep(one)
    documents.find(Named(None, named[0].id, hashed=True))
    documents.keep(Named("d" * size, hash_of("d" * size), hashed=True))
    assert [documents.find(Named(None, named[place].id, hashed=True))[0] for place in (0, 2)] == ["a", "c"]
    with pytest.raises(Refused, match="PersistedQueryNotFound"):
        documents.find(Named(None, named[1].id, hashed=True))


# -- trusted documents -----------------------------------------------------------------------------------------------


async def test_a_trusted_document_is_named_by_its_id_in_either_way(services: Services) -> None:
    async with client_over(services, Documents(TRUSTED)) as http:
        asked = {"documentId": "one", "variables": {"id": "1", "genres": ["horror"]}}
        answers = [
            await http.post("/graphql", json=asked),
            await http.get("/graphql", params={**asked, "variables": json.dumps(asked["variables"])}),
            await http.post("/graphql", json=persisted("one", variables=asked["variables"])),
        ]
    assert [one.json()["data"]["movie"]["title"] for one in answers] == ["Alien"] * 3


async def test_beside_trusted_documents_others_are_run(services: Services) -> None:
    async with client_over(services, Documents(TRUSTED)) as http:
        assert (await http.post("/graphql", json={"query": "{ __typename }"})).json() == {
            "data": {"__typename": "Query"}
        }
        error = refused(await http.post("/graphql", json={"documentId": "two"}), 404, "DOCUMENT_NOT_FOUND")
        assert error["message"] == "documentId 'two' is not in the manifest"


async def test_trusted_documents_alone_are_run_where_that_is_set(services: Services) -> None:
    other = "{ __typename }"
    async with client_over(services, Documents(TRUSTED, only_trusted=True)) as http:
        assert (await http.post("/graphql", json={"documentId": "title"})).json() == {"data": ALIEN}
        assert (await http.post("/graphql", json={"query": TITLE})).json() == {"data": ALIEN}, "the very text"
        for given in ({"query": other}, persisted(hash_of(other), query=other), persisted(hash_of(other))):
            refused(await http.post("/graphql", json=given), 403, "DOCUMENT_NOT_TRUSTED")
        error = refused(await http.post("/graphql", json={"documentId": "two"}), 403, "DOCUMENT_NOT_TRUSTED")
        assert error["message"].startswith("the document 'two' is not in the manifest of the frontend's build")


async def test_an_id_with_another_text_is_refused(services: Services) -> None:
    async with client_over(services, Documents(TRUSTED)) as http:
        given = {"documentId": "title", "query": GENRES}
        error = refused(await http.post("/graphql", json=given), 400, "BAD_REQUEST")
        assert error["message"] == "the query is not the document that is title in the manifest"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{ movie(", "the trusted document 'x' cannot be run: Syntax Error"),
        ("{ nosuch }", "the trusted document 'x' cannot be run: Cannot query field 'nosuch'"),
        (
            "{" + "a{" * 11 + "a" + "}" * 12,
            "the trusted document 'x' cannot be run: the document has 12 levels of fields",
        ),
    ],
)
def test_a_trusted_document_that_cannot_be_run_is_told_at_the_start(services: Services, text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        client_over(services, Documents({"x": text}))
    assert str(raised.value).startswith(words)


# -- planned before they come ----------------------------------------------------------------------------------------


async def test_queries_of_trusted_documents_are_planned_before_they_come(services: Services) -> None:
    """With all variables and with those alone that are needed, a filtered list in both ways; a mutation is not run."""
    app = build_app(services, ApiSettings(budget_ms=0), SECRET, Documents({"one": BY_ID + " # planned", "rate": RATE}))
    before = len(services.planner.plans)
    assert await app.state.endpoint.warm() == 2
    planned = services.planner.plans[before:]
    fields = ("movie", "movies", "movies", "movie", "movies")
    assert [one.statement.name for one in planned] == [f"field Query.{name}" for name in fields]
    async with client_of(app) as http:
        for variables in ({"id": "5"}, {"id": "5", "genres": ["horror", "drama"]}):
            await http.post("/graphql", json={"documentId": "one", "variables": variables})
    assert len(services.planner.plans) == before + 5


def test_variables_are_made_up_by_their_types() -> None:
    text = (
        "query Q($a: Int! = 3, $b: [ID!]!, $c: MovieSort! = TITLE, $d: MovieFilter!) { movies(filter: $d, sort: $c) "
        "{ nodes { title } } recommendations(liked: $b, first: $a) { nodes { movie { title } } } }"
    )
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    every, needed = samples(schema()._schema, operation)
    assert every.keys() == {"a", "b", "c", "d"}
    assert (every["a"], every["b"], every["c"]) == (1, [], "POPULARITY")
    assert needed == {"b": every["b"], "d": every["d"]}
    assert len(every["d"]) == 1, "of an object whose fields may all be left out, one is given"


def test_every_scalar_has_a_sample() -> None:
    for kind in schema()._schema.type_map.values():
        if type(kind).__name__ in ("GraphQLScalarType", "GraphQLEnumType", "GraphQLInputObjectType"):
            sample(kind)  # type: ignore[arg-type]


# -- manifests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "manifest",
    [
        {"abc": TITLE},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "abc", "name": "T", "type": "query", "body": TITLE}],
        },
    ],
)
def test_manifests_of_the_usual_tools_are_read(manifest: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    assert read_manifest(path) == {"abc": TITLE}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "an object of ids and documents is wanted"),
        ('{"abc": ""}', "'abc' has no text of a document"),
        ('{"abc": 3}', "'abc' has no text of a document"),
        ('{"format": "other", "operations": []}', "format 'other', version None; a list of operations of"),
        ('{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{}]}', "operation 0 has no id"),
        (
            json.dumps(
                {
                    "format": "apollo-persisted-query-manifest",
                    "version": 1,
                    "operations": [{"id": "a", "body": TITLE}, {"id": "a", "body": GENRES}],
                }
            ),
            "two operations have the id 'a'",
        ),
    ],
)
def test_another_file_is_refused_with_what_is_wrong(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(content)
    with pytest.raises(InvalidInput) as raised:
        read_manifest(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert words in str(raised.value)


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nosuch\.json: the manifest of trusted documents cannot be read"):
        read_manifest(tmp_path / "nosuch.json")


def test_only_trusted_without_a_manifest_is_refused() -> None:
    with pytest.raises(ValueError, match="ONLY_TRUSTED = true, and there is no manifest"):
        ApiSettings(only_trusted=True)


# -- caches ----------------------------------------------------------------------------------------------------------


async def test_what_is_the_same_for_everybody_may_be_kept(http: httpx.AsyncClient) -> None:
    first = await http.get("/graphql", params={"query": TITLE})
    assert first.headers["cache-control"] == "public, max-age=10"
    assert first.headers["vary"] == "Accept, Authorization, Origin"
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await http.get("/graphql", params={"query": TITLE}, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await http.get("/graphql", params={"query": TITLE}, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.json()) == (200, {"data": ALIEN})


async def test_what_is_one_callers_alone_is_not_kept(http: httpx.AsyncClient) -> None:
    mine = await http.get("/graphql", params={"query": TITLE}, headers=bearer())
    assert mine.headers["cache-control"] == "private, no-store"
    assert "etag" not in mine.headers
    failed = await http.get("/graphql", params={"query": "{ nosuch }"})
    assert failed.headers["cache-control"] == "private, no-store"
    posted = await http.post("/graphql", json={"query": TITLE})
    assert "cache-control" not in posted.headers
