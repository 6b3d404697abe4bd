"""Where recommendations come from, as a client sees it: which sources, at what cost, and what kept places tell."""

import json
from pathlib import Path
from typing import Any

import pytest

from graph.client import GraphClient
from recommenders.candidates import SOURCES, Gatherer, Sought, Source
from recommenders.ranking import Ranked
from tests.api.harness import Api, api_over
from tests.published import serving_over

PAGE = """
query($liked: [ID!], $tuning: Tuning, $group: Group, $after: String, $first: Int! = 10) {
  recommendations(first: $first, after: $after, liked: $liked, tuning: $tuning, group: $group) {
    edges { rank score placedBy propensity sources { name rank } node { id } cursor }
  }
}
"""
PLAIN = PAGE.replace("placedBy propensity sources { name rank }", "")


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


async def edges(api: Api, user: str | None = None, **variables: Any) -> list[Any]:
    found: list[Any] = (await api.ask(PAGE, user, **variables))["recommendations"]["edges"]
    return found


async def test_a_recommendation_names_its_sources_with_its_place_in_each(api: Api) -> None:
    first = (await edges(api, liked=["1"]))[0]
    assert first["sources"] == [
        {"name": name, "rank": 1} for name in ("MODEL", "NEIGHBOURS", "GRAPH", "TRENDING", "EXPLORATION")
    ]
    assert (first["node"]["id"], first["placedBy"], first["propensity"]) == ("Movie:2", "MODEL", 1.0)


async def test_n05_sources_cost_no_statement(api: Api) -> None:
    await edges(api, "1")
    assert [(await api.counted(query, "1"))[1] for query in (PAGE, PLAIN)] == [1, 1]


async def test_sources_are_asked_once_and_only_where_they_are_selected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Source] = []

    def counting(source: Source) -> Any:
        def find(one: Sought, count: int) -> Ranked:
            asked.append(source)
            return SOURCES[source](one, count)

        return find

    monkeypatch.setattr(api.services.serving, "gatherer", Gatherer({one: counting(one) for one in Source}))
    plain = (await api.ask(PLAIN, liked=["1"]))["recommendations"]["edges"]
    assert asked == []
    whole = await edges(api, liked=["1"])
    assert asked == list(Source)
    names = ("placedBy", "propensity", "sources")
    assert [{name: value for name, value in one.items() if name not in names} for one in whole] == plain


async def test_an_answer_comes_without_a_source_that_fails(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(asked: Sought, count: int) -> Ranked:
        raise RuntimeError("no more")

    monkeypatch.setattr(api.services.serving, "gatherer", Gatherer({**SOURCES, Source.MODEL: broken}))
    found = await edges(api, liked=["1"])
    assert [one["node"]["id"] for one in found] == ["Movie:2", "Movie:3", "Movie:4", "Movie:5"]
    assert [one["name"] for one in found[0]["sources"]] == ["NEIGHBOURS", "GRAPH", "TRENDING", "EXPLORATION"]


async def test_kept_places_say_who_filled_them_and_how_likely(api: Api) -> None:
    found = await edges(api, liked=["1"], tuning={"exploration": 0.5})
    assert [one["placedBy"] for one in found] == ["MODEL", "EXPLORATION", "MODEL", "EXPLORATION"]
    assert [one["propensity"] == 1.0 for one in found] == [True, False, True, True]  # the last is the only one left
    assert 0 < found[1]["propensity"] < 1
    fresh = await edges(api, liked=["1"], tuning={"fresh": 0.5})
    assert [(one["node"]["id"], one["placedBy"]) for one in fresh[:1]] == [("Movie:4", "FRESH")]


@pytest.mark.parametrize("tuning", [None, {"exploration": 0.5}, {"fresh": 0.3, "exploration": 0.3}])
async def test_pages_of_a_list_with_kept_places_have_no_gap(api: Api, tuning: Any) -> None:
    whole = await edges(api, "new", tuning=tuning)
    found: list[Any] = []
    while len(found) < len(whole):
        after = found[-1]["cursor"] if found else None
        found += await edges(api, "new", tuning=tuning, first=2, after=after)
    assert json.dumps(found) == json.dumps(whole)


async def test_a_group_has_no_sources_and_keeps_no_places(api: Api) -> None:
    group = {"members": [{"name": "Anna", "liked": ["4"]}]}
    found = await edges(api, liked=["1"], group=group)
    assert {(json.dumps(one["sources"]), one["placedBy"], one["propensity"]) for one in found} == {("[]", "MODEL", 1.0)}
    result = await api.execute(PAGE, None, group=group, tuning={"exploration": 0.1})
    assert "keep places in one person's list" in result.errors[0].message


@pytest.mark.parametrize("dial", ["fresh", "exploration"])
async def test_a_share_goes_from_0_to_1(api: Api, dial: str) -> None:
    result = await api.execute(PAGE, None, tuning={dial: 1.5})
    assert f"tuning.{dial} is 1.5: a dial goes from 0 to 1" in result.errors[0].message
