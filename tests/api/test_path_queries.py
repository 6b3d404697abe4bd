"""`paths` over GraphQL: between whom, over what, page by page, in how many statements."""

from pathlib import Path
from typing import Any

import pytest

from graph import actions
from graph.catalog import WriteStatement
from graph.client import GraphClient
from tests.api.harness import Api, api_over
from tests.published import serving_over

PATHS = """
query($from: ID!, $to: ID!, $hops: Int! = 4, $via: [RelationKind!], $first: Int! = 10, $after: String) {
  paths(from: $from, to: $to, maxHops: $hops, via: $via, first: $first, after: $after) {
    edges { cursor cost node { length nodes { id } segments { relationshipId relation start { id } end { id } } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
TAKE = WriteStatement(
    "take", "MATCH (:Person {id: 'ridley-scott'})-[r:DIRECTED]->(:Movie {id: '2'}) DELETE r", frozenset()
)


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


async def found(api: Api, start: str, goal: str, user: str | None = None, **variables: Any) -> list[list[str]]:
    """The nodes of each path."""
    data = await api.ask(PATHS, user, **{"from": start, "to": goal, **variables})
    return [[node["id"] for node in edge["node"]["nodes"]] for edge in data["paths"]["edges"]]


async def refused(api: Api, code: str, user: str | None = None, **variables: Any) -> str:
    result = await api.execute(PATHS, user, **{"from": "Movie:1", "to": "Movie:2", **variables})
    (error,) = result.errors
    assert error.original_error.code == code
    return str(error.message)


async def test_the_most_telling_path_comes_first(api: Api) -> None:
    """A model holds each of the two to be similar to the other: two relationships, and one path."""
    paths = await found(api, "Movie:1", "Movie:2", hops=2)
    assert paths[:3] == [
        ["Movie:1", "Movie:2"],
        ["Movie:1", "Genre:science-fiction", "Movie:2"],
        ["Movie:1", "Person:ridley-scott", "Movie:2"],
    ]


async def test_every_segment_joins_its_neighbours_and_stands_in_the_graph(api: Api) -> None:
    data = await api.ask(PATHS, **{"from": "Genre:horror", "to": "Person:harrison-ford", "hops": 5})
    assert len(data["paths"]["edges"]) == 9
    for edge in data["paths"]["edges"]:
        nodes = [node["id"] for node in edge["node"]["nodes"]]
        assert (nodes[0], nodes[-1]) == ("Genre:horror", "Person:harrison-ford")
        for part, one, other in zip(edge["node"]["segments"], nodes[:-1], nodes[1:], strict=True):
            assert {part["start"]["id"], part["end"]["id"]} == {one, other}
            rows = await api.graph.session.read(
                "MATCH (a)-[r]->(b) WHERE elementId(r) = $id RETURN type(r) AS type, a.id AS start, b.id AS end",
                {"id": part["relationshipId"]},
            )
            assert rows == [
                {
                    "type": part["relation"],
                    "start": part["start"]["id"].partition(":")[2],
                    "end": part["end"]["id"].partition(":")[2],
                }
            ]


async def test_via_names_the_relationships_that_may_be_walked(api: Api) -> None:
    paths = await found(api, "Movie:1", "Movie:2", via=["DIRECTED"])
    assert paths == [["Movie:1", "Person:ridley-scott", "Movie:2"]]
    assert await found(api, "Movie:1", "Movie:4", via=["DIRECTED", "HAS_GENRE"]) == []
    assert await found(api, "Movie:1", "Movie:2", via=[]) == []


async def test_a_user_reaches_out_over_their_own_ratings(api: Api) -> None:
    paths = await found(api, "User:1", "Movie:2", "1", hops=3, via=["RATED", "DIRECTED"])
    assert paths == [["User:1", f"Movie:{movie}", "Person:ridley-scott", "Movie:2"] for movie in "13"]
    back = await found(api, "Movie:2", "User:1", "1", hops=3, via=["RATED", "DIRECTED"])
    assert sorted(map(tuple, back)) == sorted(tuple(reversed(path)) for path in paths)


@pytest.mark.parametrize(("start", "goal"), [("User:2", "Movie:1"), ("Movie:1", "User:2"), ("User:1", "User:2")])
async def test_another_user_is_no_end_of_a_path(api: Api, start: str, goal: str) -> None:
    sent = api.graph.session.statements
    await refused(api, "INVALID_INPUT", "1", **{"from": start, "to": goal})
    await refused(api, "NOT_SIGNED_IN", None, **{"from": start, "to": goal})
    assert api.graph.session.statements == sent


async def test_nobody_elses_ratings_are_walked_over(api: Api) -> None:
    """User 3 rated movies 3 and 4; the way over that user is not for others, and not between two movies."""
    assert await found(api, "Movie:3", "Movie:4", "1", hops=2, via=["RATED"]) == []
    assert await found(api, "Movie:3", "Movie:4", "3", hops=2, via=["RATED"]) == []
    assert await found(api, "User:3", "Movie:4", "3", hops=1) == [["User:3", "Movie:4"]]


async def test_a_rating_is_on_the_next_path(api: Api) -> None:
    assert await found(api, "User:1", "Movie:4", "1", hops=1) == []
    await api.ask('mutation { rateMovie(movie: "4", rating: 4.0) { __typename } }', "1")
    assert await found(api, "User:1", "Movie:4", "1", hops=1) == [["User:1", "Movie:4"]]
    await actions.unrate(api.graph.writer, "1", "4")
    assert await found(api, "User:1", "Movie:4", "1", hops=1) == []


async def test_a_rating_that_another_client_wrote_is_on_the_next_path(api: Api) -> None:
    assert await found(api, "User:1", "Movie:4", "1", hops=1) == []
    await actions.rate(api.graph.writer, "1", "4", 4.0, 3_000)
    assert await found(api, "User:1", "Movie:4", "1", hops=1) == [["User:1", "Movie:4"]]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_have_no_gap_and_no_repetition(api: Api, size: int) -> None:
    ends = {"from": "Movie:1", "to": "Movie:3", "hops": 4}
    whole = (await api.ask(PATHS, **ends, first=100))["paths"]
    assert not whole["pageInfo"]["hasNextPage"]
    pages: list[Any] = []
    after, more = None, True
    while more:
        page = (await api.ask(PATHS, **ends, first=size, after=after))["paths"]
        assert page["pageInfo"]["hasPreviousPage"] == bool(pages)
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert len(page["edges"]) == size or not more
        pages += page["edges"]
    assert pages == whole["edges"]
    assert len(pages) > 15
    assert [edge["cost"] for edge in pages] == sorted(edge["cost"] for edge in pages)


async def test_a_path_with_a_relationship_that_is_gone_is_left_out_and_the_page_leads_on(api: Api) -> None:
    first = (await api.ask(PATHS, **{"from": "Movie:1", "to": "Movie:2", "via": ["DIRECTED"]}))["paths"]
    assert len(first["edges"]) == 1
    await api.graph.writer.write(TAKE)
    again = (await api.ask(PATHS, **{"from": "Movie:1", "to": "Movie:2", "via": ["DIRECTED"]}))["paths"]
    assert again["edges"] == []
    ends = {"from": "Movie:1", "to": "Movie:2", "via": ["DIRECTED", "HAS_GENRE", "SIMILAR"], "hops": 2}
    seen, after, more = [], None, True
    while more:
        page = (await api.ask(PATHS, **ends, first=1, after=after))["paths"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        seen += [edge["node"]["nodes"][1]["id"] for edge in page["edges"]]
    assert "Person:ridley-scott" not in seen
    assert {"Movie:2", "Genre:science-fiction", "Movie:3"} <= set(seen)


async def test_a_page_takes_one_statement_and_one_for_more_than_ids(api: Api) -> None:
    ends = {"from": "Movie:1", "to": "Movie:3"}
    named = PATHS.replace("nodes { id }", "nodes { id ... on Movie { title } }")
    for size in (1, 20):
        _, ids = await api.counted(PATHS, **ends, first=size)
        _, titles = await api.counted(named, **ends, first=size)
        assert (ids, titles) == (1, 2)
    _, none = await api.counted(named, **{**ends, "to": "Person:audrey-tautou", "hops": 1})
    assert none == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"from": "Movie:1", "to": "Movie:1"}, "both ends are Movie:1; a path leads from one node to another"),
        ({"hops": 0}, "maxHops: 0; a path has 1 to 6 hops"),
        ({"hops": 7}, "maxHops: 7; a path has 1 to 6 hops"),
        ({"from": "1"}, "'1' is not an id; an id looks like Movie:1"),
        ({"from": "Tab:1"}, "'Tab:1' is not an id"),
        ({"after": "x"}, "the cursor 'x' is not of this connection"),
    ],
)
async def test_a_wrong_value_is_named(api: Api, variables: dict[str, Any], said: str) -> None:
    assert said in await refused(api, "INVALID_INPUT", **variables)


async def test_the_cursor_of_a_path_is_for_its_own_question(api: Api) -> None:
    """A cursor marks a place in the order of all paths, so that it leads on in any question without a repetition."""
    first = (await api.ask(PATHS, **{"from": "Movie:1", "to": "Movie:2", "first": 1}))["paths"]
    recommended = "query($after: String) { recommendations(after: $after) { nodes { id } } }"
    result = await api.execute(recommended, after=first["pageInfo"]["endCursor"])
    assert result.errors[0].original_error.code == "INVALID_INPUT"
