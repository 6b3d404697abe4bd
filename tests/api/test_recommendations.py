"""Recommendations as a client gets them: what a rating changes at once, in how many statements, page by page."""

import asyncio
import gc
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from graph import actions
from graph.catalog import WriteStatement
from graph.client import GraphClient
from recommenders.serving import Serving
from tests.api.harness import Api, api_over
from tests.conftest import GRAPH_SETTINGS
from tests.published import FACTORS, publish_model, serving_over

RATE = "mutation($movie: ID!, $rating: Float!) { rateMovie(movie: $movie, rating: $rating) { __typename } }"
PAGE = """
query($first: Int! = 10, $after: String, $liked: [ID!], $filter: MovieFilter) {
  recommendations(first: $first, after: $after, liked: $liked, filter: $filter) {
    basis modelVersion graphVersion
    edges { cursor score rank node { id title } why(first: 2) { sentence contribution share } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
WITHOUT = "query($liked: [ID!]) { recommendations(liked: $liked) { nodes { id } basis } }"
FORGET = WriteStatement("forget", "MATCH (m:Movie {id: $id}) DETACH DELETE m", frozenset({"id"}))


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


async def movies(api: Api, user: str | None = None, **variables: Any) -> list[str]:
    data = await api.ask(WITHOUT, user, **variables)
    return [one["id"].removeprefix("Movie:") for one in data["recommendations"]["nodes"]]


# -- instantly (N07) -------------------------------------------------------------------------------------------------


async def test_n07_a_rating_changes_the_next_answer(api: Api) -> None:
    assert await movies(api, "1") == ["2", "4", "5"]
    await api.ask(RATE, "1", movie="4", rating=5.0)
    assert await movies(api, "1") == ["2", "5"]


async def test_n07_a_rating_that_another_client_wrote_changes_the_next_answer(api: Api) -> None:
    assert await movies(api, "1") == ["2", "4", "5"]
    async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
        await actions.rate(other.writer, "1", "2", 4.0, 3_000)
    assert await movies(api, "1") == ["4", "5"]
    async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
        await actions.unrate(other.writer, "1", "2")
    assert await movies(api, "1") == ["2", "4", "5"]


@pytest.mark.parametrize("own", [True, False])
async def test_n07_a_user_whom_the_model_never_saw_is_served_from_the_first_rating(api: Api, own: bool) -> None:
    first = await api.ask(WITHOUT, "new")
    assert first["recommendations"]["basis"] == "POPULARITY"
    assert await movies(api, "new") == ["2", "1", "3", "4", "5"]
    if own:
        await api.ask(RATE, "new", movie="4", rating=5.0)
    else:
        async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
            await actions.rate(other.writer, "new", "4", 5.0, 3_000)
    after = await api.ask(WITHOUT, "new")
    assert after["recommendations"]["basis"] == "MODEL"
    assert await movies(api, "new") == ["3", "1", "2", "5"]


async def test_n07_a_visitor_says_what_they_like(api: Api) -> None:
    assert await movies(api, liked=["1"]) == ["2", "3", "4", "5"]
    assert await movies(api, liked=["Movie:1", "4"]) == ["3", "2", "5"]


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ('recommendations(liked: ["1", "unknown"]) { nodes { id } }', "Movie:unknown"),
        ('explain(movie: "2", liked: ["Movie:unknown", "gone"]) { score }', "Movie:unknown, Movie:gone"),
        ('recommendations(filter: {genres: ["drama", "sci-fi"]}) { nodes { id } }', "Genre:sci-fi"),
        ('recommendations(filter: {not: {or: [{languages: ["xx"]}]}}) { nodes { id } }', "Language:xx"),
        ('movies(filter: {and: [{people: ["Person:nobody"]}]}) { totalCount }', "Person:nobody"),
        ('paths(from: "Movie:1", to: "Genre:sci-fi") { complete }', "Genre:sci-fi"),
    ],
)
async def test_ids_that_nothing_has_are_named(api: Api, field: str, named: str) -> None:
    result = await api.execute(f"{{ {field} }}")
    said = f"not in the catalogue: {named}; leave out what is gone, and take ids from what the API shows"
    assert [(one.message, one.original_error.code) for one in result.errors] == [(said, "NOT_FOUND")]


async def test_of_many_ids_that_nothing_has_the_first_are_named(api: Api) -> None:
    result = await api.execute(
        "query($ids: [ID!]) { recommendations(liked: $ids) { nodes { id } } }", ids=list("abcdefghijklm")
    )
    assert "Movie:j and 3 more; leave out" in result.errors[0].message


NEW = WriteStatement(
    "new",
    "MATCH (m:Movie {id: '1'}) MERGE (g:Genre {id: 'brand-new'}) SET g.name = 'New' MERGE (m)-[:HAS_GENRE]->(g) "
    "MERGE (n:Movie {id: 'brand-new'}) SET n.title = 'New' RETURN 1 AS done",
    frozenset(),
)


async def test_what_was_ingested_a_moment_ago_is_known_before_it_is_in_memory(api: Api) -> None:
    await api.graph.writer.write(NEW)
    listed = await api.ask('{ movies(filter: {genres: ["brand-new"]}) { nodes { id } } }')
    assert listed == {"movies": {"nodes": [{"id": "Movie:1"}]}}
    assert await movies(api, liked=["1", "brand-new"]) == ["2", "3", "4", "5"]


async def test_n07_a_user_may_say_more_than_was_rated(api: Api) -> None:
    assert await movies(api, "1", liked=["4"]) == ["2", "5"]


@pytest.mark.parametrize(
    ("field", "left"),
    [
        ('dismissMovie(movie: "2")', ["4", "5"]),
        ('recordView(movie: "2", seconds: 60)', ["4", "5"]),
        ('removeRating(movie: "1")', ["2", "1", "4", "5"]),
        ('setPreferences(preferences: [{node: "Person:jean-pierre-jeunet", weight: 1.0}])', ["2", "4", "5"]),
        ('setPreferences(preferences: [{node: "Genre:science-fiction", weight: -1.0}])', ["4", "2", "5"]),
    ],
)
async def test_n07_whatever_the_user_does_counts_at_once(api: Api, field: str, left: list[str]) -> None:
    await movies(api, "1")
    await api.ask(f"mutation {{ {field} {{ __typename }} }}", "1")
    assert await movies(api, "1") == left


async def test_n07_a_preference_moves_a_movie(api: Api) -> None:
    await api.ask(
        'mutation { setPreferences(preferences: [{node: "Genre:science-fiction", weight: -1.0}, '
        '{node: "Genre:romance", weight: 1.0}]) { __typename } }',
        "1",
    )
    data = await api.ask(PAGE, "1")
    found = [(edge["node"]["id"], edge["score"]) for edge in data["recommendations"]["edges"]]
    assert found == [("Movie:4", 0.175), ("Movie:2", 0.0), ("Movie:5", 0.0)]


async def test_a_model_that_was_published_elsewhere_answers_after_a_look(api: Api, tmp_path: Path) -> None:
    before = (await api.ask(PAGE, "1"))["recommendations"]
    async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
        version = await publish_model(other, tmp_path, FACTORS, "lightgcn")
    assert (await api.ask(PAGE, "1"))["recommendations"]["modelVersion"] == before["modelVersion"]
    await api.services.serving.refresh()
    after = (await api.ask(PAGE, "1"))["recommendations"]
    assert (after["modelVersion"], after["graphVersion"]) == (version, before["graphVersion"] + 1)


# -- never (T63) -----------------------------------------------------------------------------------------------------


async def test_t63_a_filter_holds_in_rankings_as_in_lists(api: Api) -> None:
    wanted = {"or": [{"genres": ["drama"]}, {"year": {"max": 1980}}]}
    data = await api.ask(PAGE, filter=wanted)
    assert [edge["node"]["id"] for edge in data["recommendations"]["edges"]] == [
        "Movie:2",
        "Movie:1",
        "Movie:3",
        "Movie:5",
    ]


@pytest.mark.parametrize("query", [PAGE, WITHOUT, "{ recommendations { edges { node { id } } nodes { title } } }"])
async def test_t63_a_movie_that_was_deleted_since_is_left_out(api: Api, query: str) -> None:
    await api.ask(query, "1")
    await api.graph.writer.write(FORGET, id="2")
    found = json.dumps(await api.ask(query, "1"))
    assert "Movie:2" not in found
    assert "Blade Runner" not in found
    assert len((await api.ask(PAGE, "1"))["recommendations"]["edges"]) == 2


async def test_a_movie_without_a_reason_is_there_where_only_paths_are_asked_for(api: Api) -> None:
    data = await api.ask("{ recommendations { edges { rank why { path { nodes { id } } } } } }")
    assert data["recommendations"]["edges"] == [{"rank": rank, "why": []} for rank in (1, 2, 3, 4, 5)]


async def test_a_deleted_movie_is_explained_no_more(api: Api) -> None:
    query = '{ explain(movie: "2") { score movie { id } } }'
    assert await api.ask(query, "1") == {"explain": {"score": 0.5, "movie": {"id": "Movie:2"}}}
    await api.graph.writer.write(FORGET, id="2")
    assert await api.ask(query, "1") == {"explain": None}
    assert await api.ask('{ explain(movie: "unknown") { score } }', "1") == {"explain": None}


# -- always the same (T64) -------------------------------------------------------------------------------------------


async def test_t64_the_same_question_has_the_same_bytes_on_any_server(api: Api, tmp_path: Path) -> None:
    other = api_over(api.graph, Serving(api.graph.reader, tmp_path))
    await other.services.serving.refresh()
    for user, variables in (("1", {}), (None, {}), (None, {"liked": ["1", "3"]}), ("2", {"first": 1})):
        answers = {json.dumps(await one.ask(PAGE, user, **variables)) for one in (api, api, other)}
        assert len(answers) == 1


# -- how many statements ---------------------------------------------------------------------------------------------


async def test_n05_a_page_with_reasons_takes_two_statements_and_one_for_a_new_history(api: Api) -> None:
    deep = """{ recommendations(first: %d) {
      nodes { title cast { nodes { name } } directors { nodes { name } } }
      edges { node { genres { nodes { name } } } why { sentence path { nodes { id } segments {
        relationshipId start { id } end { id } } } } } } }"""
    _, first = await api.counted(deep % 5, "1")
    _, second = await api.counted(deep % 5, "1")
    _, one = await api.counted(deep % 1, "1")
    _, visitor = await api.counted(deep % 5)
    _, without = await api.counted(WITHOUT, "1")
    assert (first, second, one, visitor, without) == (3, 2, 2, 1, 1)


async def test_n05_a_stale_history_costs_one_answer_more(api: Api) -> None:
    await api.counted(PAGE, "1")
    async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
        await actions.rate(other.writer, "1", "4", 4.0, 3_000)
    _, statements = await api.counted(PAGE, "1")
    assert statements == 5


async def test_a_history_that_changes_all_the_time_is_given_up_after_three_tries(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, counter = api.services.serving.histories.get, iter(range(10))

    async def overtaken(user_id: str) -> Any:
        history = await real(user_id)
        async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
            await actions.rate(other.writer, "1", "4", 4.0, next(counter))
        return history

    monkeypatch.setattr(api.services.serving.histories, "get", overtaken)
    result = await api.execute(WITHOUT, "1")
    assert result.errors[0].original_error.code == "GRAPH_CONFLICT"
    assert next(counter) == 3


# -- page by page ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_pages_have_no_gap_and_no_repetition(api: Api, size: int) -> None:
    whole = (await api.ask(PAGE))["recommendations"]["edges"]
    found: list[Any] = []
    after, more = None, True
    while more:
        page = (await api.ask(PAGE, first=size, after=after))["recommendations"]
        assert page["pageInfo"]["hasPreviousPage"] == bool(found)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        found += page["edges"]
    assert found == whole
    assert [edge["rank"] for edge in found] == [1, 2, 3, 4, 5]


async def test_a_page_continues_where_its_last_movie_stood_when_that_is_rated_meanwhile(api: Api) -> None:
    first = (await api.ask(PAGE, "new", first=2))["recommendations"]
    assert [edge["node"]["id"] for edge in first["edges"]] == ["Movie:2", "Movie:1"]
    await api.ask(RATE, "new", movie="1", rating=1.0)
    after = first["pageInfo"]["endCursor"]
    second = (await api.ask(PAGE, "new", first=2, after=after))["recommendations"]
    assert [edge["node"]["id"] for edge in second["edges"]] == ["Movie:3", "Movie:4"]
    await api.ask(RATE, "new", movie="3", rating=1.0)
    after = second["edges"][0]["cursor"]  # its score is that of the movie behind it
    third = (await api.ask(PAGE, "new", first=1, after=after))["recommendations"]
    assert [edge["node"]["id"] for edge in third["edges"]] == ["Movie:4"]


async def test_a_page_whose_movies_are_all_gone_still_leads_on(api: Api) -> None:
    await api.graph.writer.write(FORGET, id="2")
    first = (await api.ask(PAGE, first=1))["recommendations"]
    assert (first["edges"], first["pageInfo"]["hasNextPage"]) == ([], True)
    second = (await api.ask(PAGE, first=1, after=first["pageInfo"]["endCursor"]))["recommendations"]
    assert [edge["node"]["id"] for edge in second["edges"]] == ["Movie:1"]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é"])
async def test_a_cursor_from_elsewhere_is_refused(api: Api, cursor: str) -> None:
    result = await api.execute(PAGE, after=cursor)
    assert result.errors[0].original_error.code == "INVALID_INPUT"
    page = await api.ask("{ movies(first: 1) { pageInfo { endCursor } } }")
    result = await api.execute(PAGE, after=page["movies"]["pageInfo"]["endCursor"])
    assert result.errors[0].original_error.code == "INVALID_INPUT"


async def test_more_liked_movies_than_anyone_needs_are_refused(api: Api) -> None:
    await api.ask(WITHOUT, liked=["1"] * 100)
    result = await api.execute(WITHOUT, liked=["1"] * 101)
    assert "liked has 101 movies; 100 is the most" in result.errors[0].message


async def test_an_answer_may_be_given_up_at_any_moment(api: Api) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for moments in range(30):
            task = asyncio.create_task(api.execute(PAGE))
            for _ in range(moments):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        gc.collect()
    assert [str(one.message) for one in said] == []


# -- why a score -----------------------------------------------------------------------------------------------------


async def test_n03_the_contributions_of_an_explanation_add_up(api: Api) -> None:
    query = """query($movie: ID!) { explain(movie: $movie) {
      score rank basis contributions { value node { id } } why { sentence contribution share } } }"""
    for user in ("1", "2", "3", "new", None):
        for movie in "12345":
            found = (await api.ask(query, user, movie=movie))["explain"]
            assert abs(sum(one["value"] for one in found["contributions"]) - found["score"]) < 1e-5
            assert [one["value"] for one in found["contributions"]] == sorted(
                (one["value"] for one in found["contributions"]), reverse=True
            )
    found = (await api.ask(query, "3", movie="1"))["explain"]
    assert (found["score"], found["rank"], found["basis"]) == (0.375, 1, "MODEL")
    assert found["contributions"] == [
        {"value": 0.25, "node": {"id": "Movie:3"}},
        {"value": 0.125, "node": {"id": "Movie:4"}},
    ]
    assert [one["share"] for one in found["why"]] == [0.25 / 0.375, 0.125 / 0.375]


async def test_a_rated_movie_has_a_score_and_no_rank(api: Api) -> None:
    found = (await api.ask('{ explain(movie: "1") { rank why { sentence } } }', "1"))["explain"]
    assert found == {"rank": None, "why": []}
