"""A root field that fails is null, and takes nothing else of the answer with it."""

from typing import Any

import pytest
from graphql import is_non_null_type
from graphql.execution import Executor

from api.context import Context, Services
from api.schema import build_schema
from graph.client import GraphClient
from tests.api.harness import Api, operations
from tests.api.web import ALIEN, bearer, client_over
from tests.trust.test_degraded import away

FAILING = {
    "node": ('node(id: "nothing") { id }', "INVALID_INPUT"),
    "movies": ('movies(filter: {genres: ["nosuch"]}) { totalCount }', "NOT_FOUND"),
    "people": ('people(after: "x") { totalCount }', "INVALID_INPUT"),
    "genres": ("genres(first: 0) { totalCount }", "INVALID_INPUT"),
    "search": ('search(query: "alien", after: "x") { totalCount }', "INVALID_INPUT"),
    "autocomplete": ('autocomplete(prefix: "al", first: 101) { totalCount }', "INVALID_INPUT"),
    "recommendations": ('recommendations(liked: ["nosuch"]) { basis }', "NOT_FOUND"),
    "verifyExplanation": ('verifyExplanation(id: "x") { holds }', "INVALID_INPUT"),
    "firstQuestions": ('firstQuestions(liked: ["nosuch"]) { answered }', "NOT_FOUND"),
    "paths": ('paths(from: "Movie:1", to: "Movie:nosuch") { complete }', "NOT_FOUND"),
    "replayRecommendations": ('replayRecommendations(id: "x") { __typename }', "INVALID_INPUT"),
    "experiments": ("experiments { id }", "FORBIDDEN"),
}
"""A field as it fails by itself, and the code of its error."""


@pytest.fixture
def api(migrated: GraphClient, services: Services) -> Api:
    return Api(migrated, services)


@pytest.mark.parametrize("federation", [False, True])
def test_every_root_field_can_be_null_but_those_that_a_gateway_wants_otherwise(federation: bool) -> None:
    core = build_schema(federation=federation)._schema
    fields = {**core.query_type.fields, **core.mutation_type.fields}
    sure = {name for name, field in fields.items() if is_non_null_type(field.type)}
    assert sure == ({"_service", "_entities"} if federation else set())


@pytest.mark.parametrize("executor", ["by plans", "by graphql-core alone"])
@pytest.mark.parametrize("name", FAILING)
async def test_the_others_are_there_where_one_fails(
    api: Api, name: str, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field, code = FAILING[name]
    if executor != "by plans":
        monkeypatch.setattr("api.operations.PlannedExecutor", Executor)
    query = f'{{ movie(id: "1") {{ title }} {field} person(id: "ridley-scott") {{ name }} }}'
    result = await operations().ask(query, {}, Context(api.services, "1", "test"))
    assert result.data == {**ALIEN, name: None, "person": {"name": "Ridley Scott"}}
    (error,) = result.errors or ()
    assert (error.path, error.original_error.code) == ([name], code)  # type: ignore[union-attr]


async def test_so_they_are_without_the_graph(api: Api) -> None:
    """A list by a figure that only the graph has, between what is in memory."""
    query = '{ movie(id: "1") { title } movies(sort: RATING) { totalCount } person(id: "ridley-scott") { name } }'
    with away():
        result = await api.execute(query, "1")
    assert result.data == {**ALIEN, "movies": None, "person": {"name": "Ridley Scott"}}
    assert [(error.path, error.original_error.code) for error in result.errors] == [(["movies"], "GRAPH_UNAVAILABLE")]


async def test_a_mutation_that_was_written_says_so_beside_one_that_failed(services: Services) -> None:
    """As where the graph goes away between the two; here the second one names what is no movie."""
    query = 'mutation { a: rateMovie(movie: "1", rating: 4.0) %s b: rateMovie(movie: "Person:1", rating: 4.0) %s }'
    shown = "{ __typename ... on Rated { rating } }"
    async with client_over(services) as http:
        sent: Any = {"json": {"query": query % (shown, shown)}, "headers": bearer("roots")}
        body = (await http.post("/graphql", **sent)).json()
    assert body["data"] == {"a": {"__typename": "Rated", "rating": 4.0}, "b": None}
    assert [(one["path"], one["extensions"]["code"]) for one in body["errors"]] == [(["b"], "INVALID_INPUT")]
