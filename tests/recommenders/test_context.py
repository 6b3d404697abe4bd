"""Popularity where and when somebody is, and that it gives way to what they like."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cinegraph.types import IntRange, MovieFilter
from graph.client import GraphClient
from recommenders.context import AWAY, Context
from recommenders.features import features_of
from recommenders.histories import UserHistory
from recommenders.serving import Serving
from tests.api.harness import Api, api_over
from tests.published import serving_over

ALL, NOBODY = MovieFilter(), UserHistory(None, None)
PAGE = """query($context: Context, $liked: [ID!], $group: Group) {
  recommendations(context: $context, liked: $liked, group: $group) { basis edges { score node { id } } } }"""


@pytest.fixture
async def serving(graph: GraphClient, tmp_path: Path) -> Serving:
    return await serving_over(graph, tmp_path)


@pytest.fixture
def api(graph: GraphClient, serving: Serving) -> Api:
    return api_over(graph, serving)


def near(value: float) -> Any:
    return pytest.approx(value, abs=1e-9)


def listed(serving: Serving, context: Context, history: UserHistory = NOBODY) -> list[tuple[str, float]]:
    ranking = serving.rank(history, ALL, context=context)
    return list(zip(ranking.movie_ids, ranking.scores, strict=True))


async def test_what_does_not_fit_counts_less_for_each_kind_that_is_said(serving: Serving) -> None:
    assert AWAY == 0.7
    french = Context(languages=("fr",))
    assert listed(serving, french) == [("2", 3.5), ("4", 3.0), ("1", near(2.8)), ("3", near(2.1)), ("5", 0.0)]
    eighties = replace(french, years=IntRange(1980, 1989))
    expected = [("2", 3.5), ("4", near(2.1)), ("1", near(1.96)), ("3", near(1.47)), ("5", 0.0)]
    assert listed(serving, eighties) == expected


async def test_recency_takes_its_part(serving: Serving) -> None:
    heat = serving.state.heat
    found = dict(listed(serving, Context(recency=0.25)))
    for place, movie_id in enumerate("12345"):
        popularity = serving.state.base.popularity[place]  # type: ignore[union-attr]
        assert found[movie_id] == pytest.approx(0.75 * popularity + 0.25 * 5.0 * heat[place] / heat.max())
    assert [movie_id for movie_id, _ in listed(serving, Context(recency=1.0))] == ["1", "2", "3", "4", "5"]


async def test_whatever_is_known_of_somebody_counts_instead(serving: Serving) -> None:
    liking = NOBODY.with_liked(["1"], 5.0)
    assert listed(serving, Context(languages=("fr",), recency=1.0), liking) == listed(serving, Context(), liking)


async def test_n03_what_is_explained_is_the_popularity_there(serving: Serving) -> None:
    scored = serving.score(NOBODY, Context(languages=("fr",)))
    for movie_id, score in dict(listed(serving, scored.context)).items():
        assert [one.value for one in scored.contributions(movie_id)] == [score]
        assert [one.contribution for one in features_of(scored, movie_id)] == [score]


async def test_a_client_says_where_somebody_is(api: Api) -> None:
    found = (await api.ask(PAGE, context={"languages": ["Language:fr"], "years": {"min": 2000}}))["recommendations"]
    assert found["basis"] == "POPULARITY"
    assert [(one["node"]["id"], one["score"]) for one in found["edges"][:2]] == [
        ("Movie:4", 3.0),
        ("Movie:2", near(2.45)),
    ]
    explained = await api.ask('{ explain(movie: "3", context: {languages: ["fr"]}) { score rank } }')
    assert explained == {"explain": {"score": near(2.1), "rank": 4}}


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"recency": 1.5}, "context.recency is 1.5: it goes from 0 to 1"),
        ({"years": {"min": 2000, "max": 1990}}, "context.years: min is 2000 and max 1990"),
        ({"countries": ["XX"]}, "not in the catalogue: Country:XX"),
        ({"languages": ["fr"] * 21}, "context.languages has 21; 20 is the most"),
    ],
)
async def test_what_cannot_be_is_named(api: Api, context: dict[str, object], said: str) -> None:
    result = await api.execute(PAGE, context=context)
    assert said in result.errors[0].message


async def test_a_group_is_nowhere(api: Api) -> None:
    group = {"members": [{"name": "Anna", "liked": ["4"]}]}
    result = await api.execute(PAGE, context={"recency": 0.5}, group=group)
    assert "context is where one person is" in result.errors[0].message
