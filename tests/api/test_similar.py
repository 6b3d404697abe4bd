"""Movies like a movie: how like, why, by what, in how many statements, and what is refused."""

from math import log2, sqrt
from pathlib import Path
from typing import Any

import pytest

from graph.catalog import WriteStatement
from graph.client import GraphClient
from recommenders.serving import Serving
from recommenders.similarity import BLENDED, SimilarityBasis
from tests.api.harness import Api, api_over
from tests.api.planted_similar import plant, serving_planted

SIMILAR = """
query($id: ID!, $by: SimilarityBasis! = BLEND, $first: Int! = 20, $after: String, $filter: MovieFilter) {
  movie(id: $id) { similarMovies(by: $by, first: $first, after: $after, filter: $filter) {
    bases modelVersion graphVersion pageInfo { hasNextPage hasPreviousPage endCursor }
    nodes { id }
    edges { score rank node { id title } why(first: 10) {
      sentence share likedBoth path { nodes { id } segments { relation } } } }
  } }
}
"""
IN_LIST = """
query($first: Int!) { movies(first: $first, sort: TITLE) { nodes { id similarMovies(first: 3) {
  edges { score node { id title } why(first: 2) { sentence path { nodes { ... on Movie { title } } } } } } } } }
"""
WITHOUT_ANN = WriteStatement("without", "MATCH (:Person)-[r:DIRECTED]->(:Movie {id: '2'}) DELETE r", frozenset())
WITHOUT_TWO = WriteStatement("without", "MATCH (m:Movie {id: '2'}) DETACH DELETE m", frozenset())
NEW = WriteStatement("new", "CREATE (m:Movie {id: 'new', title: 'New'})", frozenset())

ANN, SEA, DEEP, BOB = 4 * 1.5, 3 * 0.8, 4 * 2.0, 4 * 1.0
"""Bits times the weight of the relationship: 2 of 32 movies are 4 bits, 4 of them 3."""
LENGTH = {"1": sqrt(ANN**2 + SEA**2 + DEEP**2), "2": sqrt(ANN**2 + SEA**2), "3": sqrt(SEA**2 + BOB**2),
          "5": sqrt(SEA**2 + DEEP**2)}  # fmt: skip
CONTENT = {
    "5": (SEA**2 + DEEP**2) / LENGTH["1"] / LENGTH["5"],
    "2": (SEA**2 + ANN**2) / LENGTH["1"] / LENGTH["2"],
    "3": SEA**2 / LENGTH["1"] / LENGTH["3"],
}
RARE, COMMON = 1 / log2(2 + 2), 1 / log2(2 + 4)
ALL = RARE + RARE + COMMON
GRAPH = {"2": (RARE + COMMON) / ALL, "5": (RARE + COMMON) / ALL, "3": COMMON / ALL}
BEHAVIOUR = {"2": 1.0, "3": 0.5}


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_planted(graph, tmp_path))


async def similar(api: Api, id_: str, by: str = "BLEND", **more: Any) -> Any:
    return (await api.ask(SIMILAR, id=id_, by=by, **more))["movie"]["similarMovies"]


def scores(connection: Any) -> dict[str, float]:
    return {edge["node"]["id"].removeprefix("Movie:"): edge["score"] for edge in connection["edges"]}


def why(connection: Any, id_: str) -> list[Any]:
    return next(edge["why"] for edge in connection["edges"] if edge["node"]["id"] == f"Movie:{id_}")


def told(reasons: list[Any]) -> list[tuple[str, float]]:
    return [(one["sentence"], pytest.approx(one["share"])) for one in reasons]


# -- how like, and why -----------------------------------------------------------------------------------------------


async def test_content_is_the_cosine_of_what_tells_of_both(api: Api) -> None:
    found = await similar(api, "1", "CONTENT")
    assert list(scores(found)) == ["5", "2", "3"]
    assert scores(found) == pytest.approx(CONTENT)
    assert [edge["rank"] for edge in found["edges"]] == [1, 2, 3]
    assert [one["id"] for one in found["nodes"]] == ["Movie:5", "Movie:2", "Movie:3"]
    assert told(why(found, "5")) == [
        ("Both belong to the Deep series.", DEEP**2 / (DEEP**2 + SEA**2)),
        ("The keyword “sea” fits both.", SEA**2 / (DEEP**2 + SEA**2)),
    ]
    assert [one["sentence"] for one in why(found, "2")] == ["Ann directed both.", "The keyword “sea” fits both."]
    assert (found["bases"], found["modelVersion"]) == (["CONTENT"], None)


async def test_graph_is_the_part_of_the_ways_that_lead_to_the_other(api: Api) -> None:
    found = await similar(api, "1", "GRAPH")
    assert list(scores(found)) == ["2", "5", "3"]
    assert scores(found) == pytest.approx(GRAPH)
    assert told(why(found, "2")) == [
        ("Ann directed both.", RARE / (RARE + COMMON)),
        ("The keyword “sea” fits both.", COMMON / (RARE + COMMON)),
    ]
    assert why(found, "2")[0]["path"] == {
        "nodes": [{"id": "Movie:1"}, {"id": "Person:ann"}, {"id": "Movie:2"}],
        "segments": [{"relation": "DIRECTED"}, {"relation": "DIRECTED"}],
    }
    assert (found["bases"], found["modelVersion"]) == (["GRAPH"], None)


async def test_a_way_out_counts_for_where_it_begins(api: Api) -> None:
    assert scores(await similar(api, "3", "GRAPH")) == pytest.approx(
        {"4": RARE / (RARE + COMMON)} | dict.fromkeys(("1", "2", "5"), COMMON / (RARE + COMMON))
    )
    assert scores(await similar(api, "4", "GRAPH")) == {"3": 1.0}


async def test_behaviour_is_the_models_and_says_how_many_liked_both(api: Api) -> None:
    found = await similar(api, "1", "BEHAVIOUR")
    assert scores(found) == BEHAVIOUR
    assert why(found, "2") == [{"sentence": "2 users liked both.", "share": 1.0, "likedBoth": 2, "path": None}]
    assert why(found, "3") == [{"sentence": "One user liked both.", "share": 1.0, "likedBoth": 1, "path": None}]
    assert (found["bases"], found["modelVersion"]) == (["BEHAVIOUR"], api.services.serving.model_version)


async def test_a_movie_that_nobody_liked_beside_the_other_has_no_such_reason(api: Api) -> None:
    found = await similar(api, "3", "BEHAVIOUR")
    assert scores(found) == {"1": 1.0, "2": 0.5}
    assert [len(edge["why"]) for edge in found["edges"]] == [1, 0]


async def test_a_blend_is_the_mean_of_all_in_parts_of_their_best(api: Api) -> None:
    found = await similar(api, "1")
    weights = [BLENDED[SimilarityBasis[name]] for name in ("BEHAVIOUR", "CONTENT", "GRAPH")]
    parts = {
        id_: [BEHAVIOUR.get(id_, 0.0), CONTENT[id_] / CONTENT["5"], GRAPH[id_] / GRAPH["2"]] for id_ in ("2", "3", "5")
    }
    expected = {
        id_: sum(weight * part for weight, part in zip(weights, of, strict=True)) / sum(weights)
        for id_, of in parts.items()
    }
    assert scores(found) == pytest.approx(expected)
    assert list(scores(found)) == sorted(expected, key=lambda id_: -expected[id_])
    for edge in found["edges"]:
        assert sum(one["share"] for one in edge["why"]) == pytest.approx(1.0)
    assert told(why(found, "3")) == [
        ("One user liked both.", weights[0] * 0.5 / sum(weights) / expected["3"]),
        ("The keyword “sea” fits both.", 1 - weights[0] * 0.5 / sum(weights) / expected["3"]),
    ]
    assert found["bases"] == ["BEHAVIOUR", "CONTENT", "GRAPH"]
    assert found["modelVersion"] == api.services.serving.model_version


async def test_a_movie_that_nobody_has_rated_is_like_others_by_what_is_known_of_it(api: Api) -> None:
    found = await similar(api, "5")
    assert (found["bases"], found["modelVersion"]) == (["CONTENT", "GRAPH"], None)
    assert scores(found)["1"] == 1.0
    assert list(scores(found)) == ["1", "3", "2"]
    assert scores(await similar(api, "5", "BEHAVIOUR")) == {}
    assert scores(await similar(api, "5", "CONTENT"))["1"] == pytest.approx(CONTENT["5"])


async def test_what_shares_nothing_is_like_nothing(api: Api) -> None:
    found = await similar(api, "6")
    assert (found["edges"], found["bases"], found["modelVersion"]) == ([], [], None)
    assert found["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False, "endCursor": None}


async def test_a_movie_that_came_a_moment_ago_is_like_nothing_yet(api: Api) -> None:
    await api.graph.writer.write(NEW)
    assert (await similar(api, "new"))["edges"] == []


async def test_without_a_model_content_and_graph_answer(graph: GraphClient, tmp_path: Path) -> None:
    await plant(graph)
    serving = Serving(graph.reader, tmp_path)
    await serving.refresh()
    found = await similar(api_over(graph, serving), "1")
    assert (found["bases"], found["modelVersion"]) == (["CONTENT", "GRAPH"], None)
    assert list(scores(found)) == ["5", "2", "3"]


# -- only what is in the graph ---------------------------------------------------------------------------------------


async def test_a_relationship_that_is_gone_is_no_reason_any_more(api: Api) -> None:
    await api.graph.writer.write(WITHOUT_ANN)
    assert [one["sentence"] for one in why(await similar(api, "1", "CONTENT"), "2")] == ["The keyword “sea” fits both."]


async def test_a_movie_that_is_gone_is_not_shown(api: Api) -> None:
    await api.graph.writer.write(WITHOUT_TWO)
    assert list(scores(await similar(api, "1"))) == ["3", "5"]


async def test_likes_are_counted_as_they_are_now(api: Api) -> None:
    await api.ask('mutation { rateMovie(movie: "2", rating: 5) { __typename } }', "x")
    assert why(await similar(api, "1", "BEHAVIOUR"), "2")[0]["likedBoth"] == 3


async def test_of_movies_with_many_ratings_some_are_counted_and_the_sentence_says_so(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Movie 1 has four ratings, 2 has three; u and v like both."""
    monkeypatch.setattr("graph.likes.RATINGS", 2)
    (reason,) = why(await similar(api, "1", "BEHAVIOUR"), "2")
    assert (reason["likedBoth"], reason["sentence"]) in {
        (1, "At least one user liked both."),
        (2, "At least 2 users liked both."),
    }
    monkeypatch.setattr("graph.likes.RATINGS", 3)
    (reason,) = why(await similar(api, "1", "BEHAVIOUR"), "2")
    assert (reason["likedBoth"], reason["sentence"]) == (2, "At least 2 users liked both.")
    monkeypatch.setattr("graph.likes.RATINGS", 4)
    (reason,) = why(await similar(api, "1", "BEHAVIOUR"), "2")
    assert (reason["likedBoth"], reason["sentence"]) == (2, "2 users liked both.")


# -- pages and filters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", list(SimilarityBasis))
async def test_pages_of_one_make_the_whole(api: Api, by: str) -> None:
    whole = list(scores(await similar(api, "1", by)).items())
    found, after, ranks = [], None, []
    for place in range(len(whole)):
        page = await similar(api, "1", by, first=1, after=after)
        found += scores(page).items()
        ranks += [edge["rank"] for edge in page["edges"]]
        assert page["pageInfo"]["hasNextPage"] == (place + 1 < len(whole))
        assert page["pageInfo"]["hasPreviousPage"] == (place > 0)
        after = page["pageInfo"]["endCursor"]
    assert found == whole
    assert ranks == list(range(1, len(whole) + 1))


async def test_a_filter_leaves_movies_out_and_changes_no_score(api: Api) -> None:
    assert scores(await similar(api, "1", "BEHAVIOUR", filter={"year": {"min": 1983}})) == {"3": 0.5}
    assert list(scores(await similar(api, "1", filter={"people": ["bob"]}))) == ["3"]
    assert scores(await similar(api, "1", filter={"genres": []})) == {}


# -- at every place, in few statements -------------------------------------------------------------------------------


async def test_the_number_of_statements_is_the_same_for_one_movie_and_for_twenty(api: Api) -> None:
    one, few = await api.counted(IN_LIST, first=1)
    twenty, many = await api.counted(IN_LIST, first=20)
    assert (len(one["movies"]["nodes"]), len(twenty["movies"]["nodes"])) == (1, 20)
    assert few == many == 4  # the list, and below it the movies, the relationships, the likes
    assert sum(len(movie["similarMovies"]["edges"]) for movie in twenty["movies"]["nodes"]) > 1


async def test_each_level_costs_as_many_statements(api: Api) -> None:
    query = """{ movie(id: "1") { similarMovies(by: GRAPH, first: 3) { nodes { id
      similarMovies(by: GRAPH, first: 2) { edges { node { title } why { sentence } } } } } } }"""
    data, statements = await api.counted(query)
    assert statements == 4
    nodes = data["movie"]["similarMovies"]["nodes"]
    assert [[edge["node"]["title"] for edge in node["similarMovies"]["edges"]] for node in nodes] == [
        ["Movie 1", "Movie 3"], ["Movie 1", "Movie 2"], ["Movie 4", "Movie 1"],
    ]  # fmt: skip


async def test_two_bases_beside_each_other(api: Api) -> None:
    query = """{ movie(id: "1") { a: similarMovies(by: CONTENT, first: 1) { nodes { id } }
      b: similarMovies(by: GRAPH, first: 1) { nodes { id } } } }"""
    movie = (await api.ask(query))["movie"]
    assert (movie["a"]["nodes"], movie["b"]["nodes"]) == ([{"id": "Movie:5"}], [{"id": "Movie:2"}])


@pytest.mark.parametrize(
    ("query", "way"),
    [
        ('{ recommendations(liked: ["1"], filter: {people: ["ann"]}) { nodes { X } } }', ("recommendations", "nodes")),
        ('{ search(query: "movie 2", first: 1) { nodes { ... on Movie { X } } } }', ("search", "nodes")),
        ('{ paths(from: "Movie:2", to: "Person:ann", first: 1) { nodes { nodes { ... on Movie { X } } } } }',
         ("paths", "nodes", 0, "nodes")),
        ('{ person(id: "ann") { directed(first: 1) { nodes { X } } } }', ("person", "directed", "nodes")),
    ],
)  # fmt: skip
async def test_every_movie_has_the_field(api: Api, query: str, way: tuple[str | int, ...]) -> None:
    found: Any = await api.ask(query.replace("X", "id similarMovies(by: GRAPH, first: 1) { nodes { id } }"))
    for step in way:
        found = found[step]
    assert found[0] == {"id": "Movie:2", "similarMovies": {"nodes": [{"id": "Movie:1"}]}}


async def test_a_rated_movie_has_the_field_too(api: Api) -> None:
    query = """mutation { rateMovie(movie: "2", rating: 4) { ... on Rated { movie {
      similarMovies(by: GRAPH, first: 1) { nodes { id } } } } } }"""
    data = await api.ask(query, "new")
    assert data["rateMovie"]["movie"]["similarMovies"]["nodes"] == [{"id": "Movie:1"}]


# -- what is refused -------------------------------------------------------------------------------------------------


async def refused(api: Api, query: str, message: str, statements: int = 0, **variables: Any) -> None:
    before = api.graph.session.statements
    result = await api.execute(query, **variables)
    assert result.errors
    assert message in result.errors[0].message
    assert api.graph.session.statements - before == statements


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_page_has_1_to_100_movies(api: Api, first: int) -> None:
    await refused(api, SIMILAR, f"similarMovies(first: {first}): a page has 1 to 100 items", id="1", first=first)


@pytest.mark.parametrize(("asked", "said"), [(0, "why(first: 0)"), (11, "why(first: 11): 1 to 10 reasons")])
async def test_1_to_10_reasons_can_be_asked_for(api: Api, asked: int, said: str) -> None:
    query = f'{{ movie(id: "1") {{ similarMovies {{ edges {{ why(first: {asked}) {{ sentence }} }} }} }} }}'
    await refused(api, query, said, statements=int(asked > 0))


async def test_what_a_page_may_reach_is_refused_before_anything_is_sent(api: Api) -> None:
    query = "{{ movies(first: {}) {{ nodes {{ similarMovies(first: {}) {{ nodes {{ {} }} }} }} }} }}"
    await refused(api, query.format(100, 100, "id"), "allow 10,101 nodes, more than 10,000")
    await refused(api, query.format(10, 10, "cast(first: 100) { nodes { id } }"), "allow 10,211 nodes")
    why = "similarMovies(first: 100) { edges { why(first: 10) { sentence } } }"
    await refused(api, f"{{ movies {{ nodes {{ {why} }} }} }}", "allow 11,011 nodes")


async def test_a_comparison_costs_as_much_as_a_page_of_twenty(api: Api) -> None:
    api.services.planner._max_nodes = 100
    query = "{{ movies(first: {}) {{ nodes {{ similarMovies(first: 1) {{ nodes {{ id }} }} }} }} }}"
    assert (await api.execute(query.format(4))).errors is None
    await refused(api, query.format(5), "allow 106 nodes, more than 100")


async def test_a_cursor_of_another_basis_is_refused(api: Api) -> None:
    after = (await similar(api, "1", "GRAPH", first=1))["pageInfo"]["endCursor"]
    await refused(api, SIMILAR, "is not of this connection and order", statements=1, id="1", by="CONTENT", after=after)


async def test_an_unknown_id_in_a_filter_is_named(api: Api) -> None:
    message = "not in the catalogue: Genre:no-such"
    await refused(api, SIMILAR, message, statements=2, id="1", filter={"genres": ["no-such"]})
