"""Mutations: each outcome of each union, what it wrote, and what it left alone."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLUnionType

from graph.client import GraphClient
from recommenders.serving import Serving
from tests import tiny
from tests.api.harness import Api, api_over, schema

FIELDS = {
    "rateMovie": 'rateMovie(movie: "{movie}", rating: {value})',
    "removeRating": 'removeRating(movie: "{movie}")',
    "dismissMovie": 'dismissMovie(movie: "{movie}")',
    "removeDismissal": 'removeDismissal(movie: "{movie}")',
    "removeViews": 'removeViews(movie: "{movie}")',
    "recordView": 'recordView(movie: "{movie}", seconds: {value})',
    "setPreferences": 'setPreferences(preferences: [{{node: "{movie}", weight: {value}}}])',
}
WRITES_NOTHING = {"inviteToGroup", "startExperiment", "stopExperiment"}
"""Of what the caller did; tested in `test_groups.py` and `test_experiments.py`."""
VALUES = {"rateMovie": "4.5", "recordView": "60", "setPreferences": "0.5"}
ANSWERS = """
  __typename
  ... on NotSignedIn { message }
  ... on MovieNotFound { id message }
  ... on InvalidValue { message }
  ... on NodeNotFound { ids message }
  ... on Rated { rating at movie { id } }
  ... on RatingRemoved { was: rating movie { id } }
  ... on DismissalRemoved { dismissed movie { id } }
  ... on ViewsRemoved { seconds count movie { id } }
  ... on ViewRecorded { seconds count movie { id } }
  ... on Dismissed { movie { id title } }
  ... on PreferencesSet { user { id preferences { edges { weight node { id } } } } }
"""
SEEN: set[tuple[str, str]] = set()


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    await tiny.load(graph)
    return api_over(graph, Serving(graph.reader, tmp_path))


async def state(api: Api) -> Any:
    """All that users have in the graph."""
    text = (
        "MATCH (u:User) OPTIONAL MATCH (u)-[r]->(n) WITH u, r, n ORDER BY u.id, type(r), n.id "
        "RETURN u.id AS user, u.version AS version, collect([type(r), n.id, properties(r)]) AS did ORDER BY user"
    )
    return await api.graph.session.read(text, {})


async def done(api: Api, field: str, user: str | None = "1", movie: str = "2", value: str = "") -> Any:
    """The outcome of a mutation; notes which member of the union it was."""
    kinds = [kind.name for kind in union(field).types]
    answers = "\n".join(line for line in ANSWERS.splitlines() if "... on" not in line or line.split()[2] in kinds)
    call = FIELDS[field].format(movie=movie, value=value or VALUES.get(field))
    data = await api.ask(f"mutation {{ {call} {{ {answers} }} }}", user)
    SEEN.add((field, data[field]["__typename"]))
    return data[field]


def union(field: str) -> GraphQLUnionType:
    mutations = schema()._schema.mutation_type
    assert mutations is not None
    kind = mutations.fields[field].type
    assert isinstance(kind, GraphQLUnionType)
    return kind


@pytest.mark.parametrize("field", FIELDS)
async def test_an_anonymous_caller_writes_nothing(api: Api, field: str) -> None:
    before = await state(api)
    outcome = await done(api, field, None)
    assert outcome["__typename"] == "NotSignedIn"
    assert "cinegraph token USER" in outcome["message"]
    assert await state(api) == before


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "setPreferences"])
async def test_an_unknown_movie_writes_nothing_and_makes_no_user(api: Api, field: str) -> None:
    before = await state(api)
    for user in ("1", "new"):
        outcome = await done(api, field, user, "unknown")
        assert outcome == {
            "__typename": "MovieNotFound",
            "id": "unknown",
            "message": "there is no movie 'unknown'; search finds ids by title",
        }
    assert await state(api) == before


@pytest.mark.parametrize(
    ("field", "movie", "value", "said"),
    [
        ("rateMovie", "2", "5.5", "rating 5.5: a rating is 0.5 to 5.0 in steps of 0.5"),
        ("rateMovie", "2", "0", "rating 0: a rating is 0.5 to 5.0 in steps of 0.5"),
        ("rateMovie", "2", "4.25", "rating 4.25: a rating is 0.5 to 5.0 in steps of 0.5"),
        ("recordView", "2", "0", "seconds 0: a view has 1 to 86400 seconds"),
        ("recordView", "2", "86401", "seconds 86401: a view has 1 to 86400 seconds"),
        ("setPreferences", "Genre:drama", "1.1", "Genre:drama weight 1.1: a weight is -1 (avoid) to 1 (favourite)"),
        ("setPreferences", "Movie:1", "1", "Movie:1: only a Genre, Person, Keyword, Collection can be preferred"),
    ],
)
async def test_a_value_out_of_range_writes_nothing(api: Api, field: str, movie: str, value: str, said: str) -> None:
    before = await state(api)
    assert await done(api, field, "1", movie, value) == {"__typename": "InvalidValue", "message": said}
    assert await state(api) == before


@pytest.mark.parametrize(
    ("preferences", "said"),
    [
        ([], "0 preferences: 1 to 100 can be set at once"),
        ([{"node": f"Genre:{i}", "weight": 1} for i in range(101)], "101 preferences: 1 to 100 can be set at once"),
        ([{"node": "Genre:drama", "weight": w} for w in (0, 1)], "Genre:drama stands in the list 2 times"),
    ],
)
async def test_a_list_of_preferences_has_1_to_100_different_nodes(api: Api, preferences: Any, said: str) -> None:
    query = "mutation($p: [PreferenceInput!]!) { setPreferences(preferences: $p) { ... on InvalidValue { message } } }"
    before = await state(api)
    data = await api.ask(query, "1", p=preferences)
    assert data["setPreferences"]["message"].startswith(said)
    assert await state(api) == before


@pytest.mark.parametrize("field", FIELDS)
async def test_an_id_of_another_kind_is_one_typed_error_and_writes_nothing(api: Api, field: str) -> None:
    before = await state(api)
    for wrong in ("Person:", "", "x" * 300):
        call = FIELDS[field].format(movie=wrong, value=VALUES.get(field))
        result = await api.execute(f"mutation {{ {call} {{ __typename }} }}", "1")
        (error,) = result.errors
        assert error.original_error.code == "INVALID_INPUT"
    assert await state(api) == before


async def test_rating_twice_keeps_one_edge_with_the_last_rating(api: Api) -> None:
    for value, movie in (("4.5", "2"), ("3.0", "Movie:2")):
        outcome = await done(api, "rateMovie", "1", movie, value)
        assert (outcome["__typename"], outcome["rating"], outcome["movie"]) == (
            "Rated",
            float(value),
            {"id": "Movie:2"},
        )
    (user, *_) = await state(api)
    assert [(kind, id_, edge["rating"]) for kind, id_, edge in user["did"]] == [
        ("RATED", "1", 5.0),
        ("RATED", "2", 3.0),
        ("RATED", "3", 2.0),
    ]


async def test_a_rating_is_taken_back_and_says_what_it_was(api: Api) -> None:
    was = [(await done(api, "removeRating", "1", "1"))["was"] for _ in range(2)]
    assert was == [5.0, None]
    assert (await done(api, "removeRating", "new", "1"))["was"] is None
    assert [row["user"] for row in await state(api)] == ["1", "2", "3"]


async def test_a_movie_is_dismissed_once_however_often(api: Api) -> None:
    for _ in range(2):
        outcome = await done(api, "dismissMovie")
    assert outcome == {"__typename": "Dismissed", "movie": {"id": "Movie:2", "title": "Blade Runner"}}
    (user, *_) = await state(api)
    assert [(kind, id_) for kind, id_, _ in user["did"]] == [("DISMISSED", "2"), ("RATED", "1"), ("RATED", "3")]


async def test_views_of_a_movie_add_up(api: Api) -> None:
    await done(api, "recordView", value="60")
    outcome = await done(api, "recordView", value="30")
    assert (outcome["__typename"], outcome["seconds"], outcome["count"]) == ("ViewRecorded", 90, 2)


async def test_a_dismissal_and_views_are_taken_back_and_say_what_was(api: Api) -> None:
    before = await state(api)
    await done(api, "dismissMovie")
    await done(api, "recordView", value="60")
    await done(api, "recordView", value="30")
    assert [(await done(api, "removeDismissal"))["dismissed"] for _ in range(2)] == [True, False]
    views = [await done(api, "removeViews") for _ in range(2)]
    assert [(one["seconds"], one["count"]) for one in views] == [(90, 2), (0, 0)]
    assert (await done(api, "removeDismissal", "new"))["dismissed"] is False
    assert (await done(api, "removeViews", "new"))["count"] == 0
    assert [{**row, "version": 0} for row in await state(api)] == [{**row, "version": 0} for row in before]


async def test_preferences_are_set_changed_and_taken_back(api: Api) -> None:
    for weight, left in (("0.5", [0.5]), ("-1", [-1.0]), ("0", [])):
        outcome = await done(api, "setPreferences", "new", "Person:ridley-scott", weight)
        assert outcome["__typename"] == "PreferencesSet"
        edges = outcome["user"]["preferences"]["edges"]
        assert edges == [{"weight": value, "node": {"id": "Person:ridley-scott"}} for value in left]


async def test_preferences_are_set_all_or_none(api: Api) -> None:
    before = await state(api)
    query = """mutation { setPreferences(preferences: [
      {node: "Genre:drama", weight: 1}, {node: "Genre:none", weight: 1}, {node: "Person:nobody", weight: 1}]) {
      __typename ... on NodeNotFound { ids message } } }"""
    data = await api.ask(query, "1")
    SEEN.add(("setPreferences", data["setPreferences"]["__typename"]))
    assert data["setPreferences"] == {
        "__typename": "NodeNotFound",
        "ids": ["Genre:none", "Person:nobody"],
        "message": "nothing has the ids Genre:none, Person:nobody; search finds ids by name",
    }
    assert await state(api) == before


async def test_the_caller_writes_for_themself_alone(api: Api) -> None:
    before = {row["user"]: row for row in await state(api)}
    for field in FIELDS:
        await done(api, field, "1", "Genre:drama" if field == "setPreferences" else "2")
    after = {row["user"]: row for row in await state(api)}
    assert (after["2"], after["3"]) == (before["2"], before["3"])
    assert after["1"]["version"] == before["1"]["version"] + len(FIELDS)


async def test_mutations_of_one_request_are_done_in_their_order(api: Api) -> None:
    query = """mutation { a: rateMovie(movie: "2", rating: 1.0) { __typename }
      b: removeRating(movie: "2") { ... on RatingRemoved { rating } }
      c: rateMovie(movie: "2", rating: 2.0) { __typename }
      d: removeRating(movie: "2") { ... on RatingRemoved { rating } } }"""
    data = await api.ask(query, "1")
    assert (data["b"]["rating"], data["d"]["rating"]) == (1.0, 2.0)


def test_every_outcome_of_every_mutation_was_seen() -> None:
    """Runs last in this file: what no test above has seen is not tested."""
    mutations = schema()._schema.mutation_type
    assert mutations is not None
    assert set(mutations.fields) == set(FIELDS) | WRITES_NOTHING
    assert {(field, kind.name) for field in FIELDS for kind in union(field).types} == SEEN
