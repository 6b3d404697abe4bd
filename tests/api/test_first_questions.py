"""firstQuestions, match and features as a client gets them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph import actions
from graph.client import GraphClient
from recommenders.calibration import Calibration, Curve
from recommenders.learnt import Learnt
from recommenders.questions import Questions
from tests.api.harness import Api, api_over
from tests.conftest import GRAPH_SETTINGS
from tests.published import POPULAR, serving_over

ASK = """
query($first: Int! = 12, $liked: [ID!], $disliked: [ID!], $skip: [ID!]) {
  firstQuestions(first: $first, liked: $liked, disliked: $disliked, skip: $skip) {
    answered modelVersion questions { known liked information movie { id title } }
  }
}
"""
SHARE = np.array([0.5, 0.25, 0.25, 0.25], np.float32)
LIKENESS = np.array([[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0.5, 1]], np.float32)
QUESTIONS = Questions(np.array([1, 0, 2, 3], np.int32), np.ones(4, np.float32), SHARE, LIKENESS)
CALIBRATION = Calibration(
    Curve(np.array([0.0, 0.5]), np.array([0.25, 0.75])), Curve(np.array([0.0, 1.0]), np.array([0.0, 0.5]))
)


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    serving = await serving_over(graph, tmp_path)
    serving._state = replace(serving.state, learnt=Learnt(CALIBRATION, QUESTIONS))
    return api_over(graph, serving)


async def asked(api: Api, user: str | None = None, **variables: Any) -> list[str]:
    found = (await api.ask(ASK, user, **variables))["firstQuestions"]["questions"]
    return [one["movie"]["id"].removeprefix("Movie:") for one in found]


async def test_a_stranger_is_asked_what_tells_most(api: Api) -> None:
    found = (await api.ask(ASK, first=2))["firstQuestions"]
    assert found["answered"] == 0
    assert found["modelVersion"] == api.services.serving.model_version
    assert [one["movie"]["title"] for one in found["questions"]] == ["Blade Runner", "Gladiator"]
    first = found["questions"][0]
    assert (first["known"], first["liked"]) == (1.0, 0.5)
    assert first["information"] == pytest.approx((1 + 0.81) / 2 / 4, abs=1e-6)


async def test_each_reaction_changes_what_is_asked(api: Api) -> None:
    assert await asked(api, skip=["2"]) == ["1", "3", "4"]
    assert await asked(api, disliked=["Movie:2"]) == ["3", "4", "1"]
    assert await asked(api, liked=["2"]) == ["3", "1", "4"]  # the model holds that they like Alien too
    assert (await api.ask(ASK, liked=["2"], disliked=["4"]))["firstQuestions"]["answered"] == 2


async def test_n07_a_rating_a_view_and_a_dismissal_are_reactions_at_once(api: Api) -> None:
    assert await asked(api, "new") == ["2", "3", "4", "1"]
    await api.ask('mutation { recordView(movie: "3", seconds: 60) { __typename } }', "new")
    assert await asked(api, "new") == ["2", "4", "1"]
    async with GraphClient(api.graph.address, GRAPH_SETTINGS) as other:
        await actions.rate(other.writer, "new", "2", 1.0, 3_000)
    assert await asked(api, "new") == ["4", "1"]
    await api.ask('mutation { dismissMovie(movie: "4") { __typename } }', "new")
    assert await asked(api, "new") == ["1"]


async def test_n05_questions_take_one_statement(api: Api) -> None:
    await asked(api, "1")
    assert [(await api.counted(ASK, user))[1] for user in (None, "1")] == [1, 1]


@pytest.mark.parametrize("first", [0, 101])
async def test_how_many_are_asked_for_is_limited(api: Api, first: int) -> None:
    result = await api.execute(ASK, first=first)
    assert f"firstQuestions(first: {first}): 1 to 100 can be asked for" in result.errors[0].message


@pytest.mark.parametrize("name", ["liked", "disliked", "skip"])
async def test_too_many_and_unknown_movies_are_named(api: Api, name: str) -> None:
    result = await api.execute(ASK, **{name: ["1"] * 1_001})
    assert f"{name} has 1001 movies; 1000 is the most" in result.errors[0].message
    result = await api.execute(ASK, **{name: ["gone"]})
    assert "not in the catalogue: Movie:gone" in result.errors[0].message


# -- match -----------------------------------------------------------------------------------------------------------

MATCHES = """query($liked: [ID!], $group: Group) {
  recommendations(liked: $liked, group: $group) { edges { score match node { id } } } }"""


async def test_a_match_is_the_chance_behind_the_score(api: Api) -> None:
    found = (await api.ask(MATCHES, liked=["1"]))["recommendations"]["edges"]
    assert [(one["score"], one["match"]) for one in found] == [(0.5, 0.75), (0.25, 0.5), (0.125, 0.375), (0.0, 0.25)]
    found = (await api.ask(MATCHES))["recommendations"]["edges"]
    assert [one["match"] for one in found] == pytest.approx([0.5, 0.4, 0.3, 0.3, 0.0])
    explained = (await api.ask('{ explain(movie: "2", liked: ["1"]) { match } }'))["explain"]
    assert explained == {"match": 0.75}


async def test_a_group_and_a_model_without_a_scale_have_no_match(api: Api) -> None:
    group = {"members": [{"name": "Anna", "liked": ["4"]}]}
    found = (await api.ask(MATCHES, liked=["1"], group=group))["recommendations"]["edges"]
    assert {one["match"] for one in found} == {None}
    serving = api.services.serving
    serving._state = replace(serving.state, learnt=Learnt())
    found = (await api.ask(MATCHES, liked=["1"]))["recommendations"]["edges"]
    assert {one["match"] for one in found} == {None}


# -- features --------------------------------------------------------------------------------------------------------


async def test_n03_the_features_of_an_explanation_add_up(api: Api) -> None:
    query = "query($movie: ID!) { explain(movie: $movie) { score features { name value contribution } } }"
    for user in ("1", "2", "3", "new", None):
        for movie in "12345":
            found = (await api.ask(query, user, movie=movie))["explain"]
            assert abs(sum(one["contribution"] for one in found["features"]) - found["score"]) < 1e-5
    found = (await api.ask(query, "3", movie="1"))["explain"]
    assert found["features"] == [{"name": "model", "value": 0.375, "contribution": 0.375}]
    found = (await api.ask(query, movie="1"))["explain"]
    assert found["features"] == [{"name": "popularity", "value": 4.0, "contribution": 4.0}]


async def test_n03_a_preference_is_a_feature(api: Api) -> None:
    await api.ask('mutation { setPreferences(preferences: [{node: "Genre:drama", weight: 1.0}]) { __typename } }', "3")
    query = '{ explain(movie: "5") { score features { name value contribution } } }'
    found = (await api.ask(query, "3"))["explain"]
    assert [one["name"] for one in found["features"]] == ["model", "preferences"]
    assert sum(one["contribution"] for one in found["features"]) == pytest.approx(found["score"], abs=1e-5)
    assert found["features"][1]["value"] == 1.0


async def test_a_model_that_learnt_nothing_beside_asks_for_popular_movies(graph: GraphClient, tmp_path: Path) -> None:
    plain = api_over(graph, await serving_over(graph, tmp_path, POPULAR))
    assert await asked(plain) == ["2", "1", "3", "4"]
