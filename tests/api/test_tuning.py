"""The dials of a list: what each does to an answer, across pages, and what cannot be asked for."""

from pathlib import Path
from typing import Any

import pytest

from api.types.tuning import TuningInput, to_tuning
from graph.client import GraphClient
from recommenders.slate import Tuning
from tests.api.harness import Api, api_over
from tests.published import serving_over

ASK = """
query($first: Int! = 10, $after: String, $tuning: Tuning, $liked: [ID!]) {
  recommendations(first: $first, after: $after, tuning: $tuning, liked: $liked) {
    edges { rank score node { id } } pageInfo { endCursor hasNextPage }
  }
}
"""


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


async def movies(api: Api, **variables: Any) -> list[str]:
    edges = (await api.ask(ASK, **variables))["recommendations"]["edges"]
    assert [edge["rank"] for edge in edges] == list(range(1, len(edges) + 1))
    return [edge["node"]["id"].removeprefix("Movie:") for edge in edges]


async def test_without_a_dial_relevance_decides(api: Api) -> None:
    assert await movies(api) == await movies(api, tuning={}) == ["2", "1", "3", "4", "5"]


async def test_no_more_by_one_director_than_asked_for(api: Api) -> None:
    """Ridley Scott directed 1, 2 and 3."""
    assert await movies(api, tuning={"perDirector": 1}) == ["2", "4", "5", "1", "3"]
    assert await movies(api, tuning={"perDirector": 2}) == ["2", "1", "4", "5", "3"]


async def test_diversity_brings_up_what_shares_nothing_with_the_first(api: Api) -> None:
    """Gladiator (3) and Amélie (4) are as popular; the first has its director in common with 2 and 1."""
    for spread in ("MMR", "DPP"):
        found = await movies(api, tuning={"diversity": 1.0, "spread": spread})
        assert (found[0], found.index("4") < found.index("3")) == ("2", True)
        assert sorted(found) == ["1", "2", "3", "4", "5"]


async def test_novelty_brings_up_what_few_rated(api: Api) -> None:
    assert (await movies(api, tuning={"novelty": 1.0})).index("5") < 4


async def test_calibration_brings_up_the_genres_of_the_users_own_movies(api: Api) -> None:
    """Who likes Gladiator (drama, action) is near to Amélie by the model; Undated (drama) and Blade Runner (half drama)
    pass it."""
    assert await movies(api, liked=["3"]) == ["4", "2", "1", "5"]
    assert await movies(api, liked=["3"], tuning={"calibration": 0.5}) == ["2", "4", "5", "1"]
    assert await movies(api, liked=["3"], tuning={"calibration": 1.0}) == ["5", "2", "4", "1"]


async def test_scores_stay_those_of_the_model(api: Api) -> None:
    def scores(answer: Any) -> dict[str, float]:
        return {edge["node"]["id"]: edge["score"] for edge in answer["recommendations"]["edges"]}

    assert scores(await api.ask(ASK, tuning={"diversity": 0.8})) == scores(await api.ask(ASK))


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_pages_of_a_composed_list_have_no_gap_and_no_repetition(api: Api, size: int) -> None:
    tuning, after, found = {"diversity": 0.7, "perDirector": 2}, None, []
    for _ in range(5):
        page = (await api.ask(ASK, first=size, after=after, tuning=tuning))["recommendations"]
        found += [edge["node"]["id"].removeprefix("Movie:") for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == await movies(api, tuning=tuning)


async def test_what_the_server_is_set_to_holds_unless_asked_otherwise(api: Api) -> None:
    object.__setattr__(api.services, "tuning", Tuning(per_director=1))
    assert await movies(api) == ["2", "4", "5", "1", "3"]
    assert await movies(api, tuning={"perDirector": 3}) == ["2", "1", "3", "4", "5"]


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ({"diversity": 1.5}, "tuning.diversity is 1.5: a dial goes from 0 to 1"),
        ({"novelty": -0.1}, "tuning.novelty is -0.1: a dial goes from 0 to 1"),
        ({"perCollection": 0}, "tuning.perCollection is 0: a limit is 1 or more"),
        (
            {"fresh": 0.7, "exploration": 0.5},
            "tuning.fresh is 0.7 and tuning.exploration 0.5: together they keep 1.2 of the places, and 1 is all",
        ),
    ],
)
async def test_a_dial_that_cannot_be_is_refused(api: Api, tuning: dict[str, Any], message: str) -> None:
    result = await api.execute(ASK, tuning=tuning)
    assert [error.message for error in result.errors] == [message]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"fresh": 0.9}, (0.9, 0.1)),
        ({"exploration": 1.0}, (0.0, 1.0)),
        ({"fresh": 0.5, "exploration": 0.5}, (0.5, 0.5)),
    ],
)
def test_a_share_that_is_asked_for_leaves_the_servers_other_one_what_there_is_room_for(
    given: dict[str, float], expected: tuple[float, float]
) -> None:
    found = to_tuning(TuningInput(**given), Tuning(fresh=0.3, exploration=0.3))
    assert (found.fresh, found.exploration) == pytest.approx(expected)
