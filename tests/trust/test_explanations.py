"""N01, T59: every path that is shown stands in the graph, edge by edge; what does not is never shown."""

import base64
from pathlib import Path
from typing import Any

import pytest

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph import actions
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.snapshot import Snapshot
from graph.verify import Facts, edge_of, find_edges, verify_edges
from recommenders.scorers import Scorer
from recommenders.serving import Serving
from tests.api.harness import Api, api_over
from tests.published import FACTORS, ITEM_ITEM, serving_over

USERS = (("1", []), ("2", []), ("3", []), ("new", ["1"]), (None, ["1", "4"]), (None, ["3"]))
WHY = """
query($liked: [ID!]) {
  recommendations(first: 10, liked: $liked) {
    edges { node { id } why(first: 10) {
      id sentence contribution
      path { length nodes { id } segments { relationshipId relation start { id } end { id } } }
    } }
  }
}
"""
VERIFY = "query($id: ID!) { verifyExplanation(id: $id) { holds modelVersion segments { relation start end holds } } }"

DELETE = WriteStatement("delete", "MATCH ()-[r]->() WHERE elementId(r) = $id DELETE r", frozenset({"id"}))
TAKE_DIRECTION = WriteStatement(
    "take direction", "MATCH (:Person {id: 'ridley-scott'})-[r:DIRECTED]->(:Movie {id: '2'}) DELETE r", frozenset()
)


@pytest.fixture(params=[ITEM_ITEM, FACTORS], ids=["item_item", "factors"])
async def api(graph: GraphClient, tmp_path: Path, request: pytest.FixtureRequest) -> Api:
    scorer: Scorer = request.param
    return api_over(graph, await serving_over(graph, tmp_path, scorer))


async def reasons(api: Api, user: str | None, liked: list[str]) -> list[dict[str, Any]]:
    """All reasons of all movies, each with its movie."""
    data = await api.ask(WHY, user, liked=liked)
    edges = data["recommendations"]["edges"]
    return [{**why, "movie": edge["node"]["id"]} for edge in edges for why in edge["why"]]


def edges_of(reason: dict[str, Any]) -> list[EdgeRef]:
    parts = reason["path"]["segments"]
    return [edge_of(part["relation"], part["start"]["id"], part["end"]["id"]) for part in parts]


# -- every path exists -----------------------------------------------------------------------------------------------


async def test_n01_every_relationship_of_every_path_is_in_the_graph_by_its_keys(api: Api) -> None:
    count = 0
    for user, liked in USERS:
        for reason in await reasons(api, user, liked):
            edges = edges_of(reason)
            found = await find_edges(api.graph.reader, edges)
            assert None not in found, reason["sentence"]
            assert [edge.element_id for edge in found if edge] == [
                part["relationshipId"] for part in reason["path"]["segments"]
            ]
            count += 1
    assert count > 15


async def test_n01_a_path_leads_from_what_the_user_did_to_the_movie(api: Api) -> None:
    for user, liked in USERS:
        for reason in await reasons(api, user, liked):
            path = reason["path"]
            nodes = [node["id"] for node in path["nodes"]]
            assert nodes[-1] == reason["movie"]
            assert len(set(nodes)) == len(nodes) == path["length"] + 1
            for part, one, other in zip(path["segments"], nodes[:-1], nodes[1:], strict=True):
                assert {part["start"]["id"], part["end"]["id"]} == {one, other}
            own = nodes[0] == f"User:{user}"
            assert own or nodes[0].removeprefix("Movie:") in liked


async def test_t59_every_explanation_is_verified_later(api: Api) -> None:
    for user, liked in USERS:
        for reason in await reasons(api, user, liked):
            checked = (await api.ask(VERIFY, user, id=reason["id"]))["verifyExplanation"]
            assert checked["holds"]
            assert checked["modelVersion"] == api.services.serving.model_version
            assert [edge_of(one["relation"], one["start"], one["end"]) for one in checked["segments"]] == edges_of(
                reason
            )


async def test_a_sentence_names_only_what_stands_on_its_path(api: Api) -> None:
    snapshot = api.services.serving.state.snapshot
    every = {snapshot.ref(i): name for i, name in enumerate(snapshot.names)}
    for user, liked in USERS:
        for reason in await reasons(api, user, liked):
            nodes = {node["id"] for node in reason["path"]["nodes"]}
            named = {str(ref) for ref, name in every.items() if name and name in reason["sentence"]}
            assert named <= nodes, reason["sentence"]
            assert len(named) >= 2 or reason["path"]["length"] == 1


# -- a deleted relationship ------------------------------------------------------------------------------------------


async def test_n01_any_deleted_relationship_is_gone_from_the_next_answer(api: Api) -> None:
    first = await reasons(api, "1", [])
    catalogue = {
        part["relationshipId"]: reason
        for reason in first
        for part in reason["path"]["segments"]
        if part["relation"] != "RATED"
    }
    assert catalogue
    for relationship, reason in catalogue.items():
        await api.graph.writer.write(DELETE, id=relationship)
        shown = {part["relationshipId"] for one in await reasons(api, "1", []) for part in one["path"]["segments"]}
        assert relationship not in shown
        checked = (await api.ask(VERIFY, "1", id=reason["id"]))["verifyExplanation"]
        assert not checked["holds"]
        assert [one["holds"] for one in checked["segments"]].count(False) >= 1


async def director_of_both(api: Api) -> list[str]:
    return [one["sentence"] for one in await reasons(api, "1", []) if one["movie"] == "Movie:2"]


async def test_n01_without_the_verifier_a_path_that_is_no_more_would_be_shown(
    graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    before = api.services.serving.state.snapshot
    said = "Because you rated Alien 5 stars, and Ridley Scott directed both."
    assert await director_of_both(api) == [said]
    await graph.writer.write(TAKE_DIRECTION)
    assert await director_of_both(api) == []
    assert api.services.serving.state.snapshot is before

    async def trusting(_: Any, edges: Any, __: Any) -> Facts:
        return {edge: {"rating": 5.0} for edge in edges}

    monkeypatch.setattr("api.queries.recommendations.verify", trusting)
    assert await director_of_both(api) == [said]


async def test_n01_a_reason_that_fell_is_replaced_by_the_next(graph: GraphClient, tmp_path: Path) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    query = '{ explain(movie: "1", liked: ["2", "3"]) { why(first: 1) { sentence } } }'
    first = (await api.ask(query))["explain"]["why"]
    await graph.writer.write(TAKE_DIRECTION)
    assert first == [{"sentence": "Because you like Blade Runner, and Ridley Scott directed both."}]
    second = (await api.ask(query))["explain"]["why"]
    assert second == [{"sentence": "Because you like Gladiator, and Ridley Scott directed both."}]


async def test_n01_a_rating_that_was_taken_back_elsewhere_explains_nothing(api: Api) -> None:
    assert await reasons(api, "1", [])
    await actions.unrate(api.graph.writer, "1", "1")
    assert await reasons(api, "1", []) == []


async def test_t59_an_explanation_holds_again_when_its_relationship_is_back(graph: GraphClient, tmp_path: Path) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    (reason,) = [one for one in await reasons(api, "1", []) if one["movie"] == "Movie:2"]
    await actions.unrate(graph.writer, "1", "1")
    fallen = (await api.ask(VERIFY, "1", id=reason["id"]))["verifyExplanation"]
    assert [one["holds"] for one in fallen["segments"]] == [False, True, True]
    await actions.rate(graph.writer, "1", "1", 5.0, 9_000)
    assert (await api.ask(VERIFY, "1", id=reason["id"]))["verifyExplanation"]["holds"]


async def test_t59_an_explanation_that_names_other_stars_than_there_are_now_does_not_hold(
    graph: GraphClient, tmp_path: Path
) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    (reason,) = [one for one in await reasons(api, "1", []) if one["movie"] == "Movie:2"]
    await actions.rate(graph.writer, "1", "1", 0.5, 9_000)
    changed = (await api.ask(VERIFY, "1", id=reason["id"]))["verifyExplanation"]
    assert (changed["holds"], [one["holds"] for one in changed["segments"]]) == (False, [False, True, True])


# -- ids of Neo4j that are used again --------------------------------------------------------------------------------


async def some_edge(graph: GraphClient) -> EdgeRef:
    """Ridley Scott directed Alien, with the id that the relationship has now."""
    edge = EdgeRef(Relation.DIRECTED, NodeRef(Label.PERSON, "ridley-scott"), NodeRef(Label.MOVIE, "1"))
    (found,) = await find_edges(graph.reader, [edge])
    assert found is not None
    return found


async def test_an_id_that_now_belongs_to_another_relationship_is_refused(graph: GraphClient, tmp_path: Path) -> None:
    await serving_over(graph, tmp_path)
    edge = await some_edge(graph)
    others = [
        edge._replace(relation=Relation.WROTE),
        edge._replace(end=NodeRef(Label.MOVIE, "2")),
        edge._replace(start=NodeRef(Label.PERSON, "john-hurt")),
        edge._replace(start=NodeRef(Label.MOVIE, "1"), end=NodeRef(Label.PERSON, "ridley-scott")),
        edge._replace(start=NodeRef(Label.GENRE, "ridley-scott")),
        edge._replace(element_id="no id"),
        edge._replace(element_id=""),
    ]
    assert await verify_edges(graph.reader, [edge]) == {edge: {}}
    for other in others:
        assert await verify_edges(graph.reader, [other]) == {}


async def test_one_id_named_in_two_ways_is_right_in_one(graph: GraphClient, tmp_path: Path) -> None:
    """The snapshot may name an old relationship whose id a new rating has."""
    await serving_over(graph, tmp_path)
    edge = await some_edge(graph)
    old = edge._replace(relation=Relation.WROTE)
    assert await verify_edges(graph.reader, [edge, old]) == {edge: {}}
    assert await verify_edges(graph.reader, [old, edge]) == {edge: {}}


async def test_all_relationships_are_verified_in_one_statement_and_none_in_none(
    graph: GraphClient, tmp_path: Path
) -> None:
    serving = await serving_over(graph, tmp_path)
    edges = every_edge(serving.state.snapshot)
    sent = graph.session.statements
    facts = await verify_edges(graph.reader, edges)
    assert set(facts) == set(edges)
    assert graph.session.statements == sent + 1
    assert await verify_edges(graph.reader, []) == {}
    assert graph.session.statements == sent + 1


def every_edge(snapshot: Snapshot) -> list[EdgeRef]:
    """All relationships of a snapshot, each once."""
    found = {snapshot.edge(link) for node in range(len(snapshot.ids)) for link in snapshot.links(node)}
    return sorted(found, key=lambda edge: edge.element_id)


# -- whose explanation -----------------------------------------------------------------------------------------------


async def first_reason(api: Api, user: str | None, liked: list[str]) -> str:
    return str((await reasons(api, user, liked))[0]["id"])


async def code_of(api: Api, user: str | None, id_: str) -> str:
    """The code of the error that the check of an explanation ends in."""
    result = await api.execute(VERIFY, user, id=id_)
    (error,) = result.errors
    return str(error.original_error.code)


async def test_t59_somebody_elses_explanation_is_not_found(api: Api) -> None:
    mine = await first_reason(api, "1", [])
    for other in ("2", "new", None):
        sent = api.graph.session.statements
        assert await code_of(api, other, mine) == "NOT_FOUND"
        assert api.graph.session.statements == sent
    visitors = await first_reason(api, None, ["1"])
    for anyone in ("2", None):
        assert (await api.ask(VERIFY, anyone, id=visitors))["verifyExplanation"]["holds"]


async def test_t59_an_id_that_was_tampered_with_is_refused(api: Api) -> None:
    mine = await first_reason(api, "1", [])
    page = await api.ask("{ movies(first: 1) { pageInfo { endCursor } } }")
    swapped = mine[:10] + ("A" if mine[10] != "A" else "B") + mine[11:]
    for id_ in (swapped, mine[:-4], mine + "AAAA", "", "x", "é", page["movies"]["pageInfo"]["endCursor"]):
        assert await code_of(api, "1", id_) == "INVALID_INPUT"


async def test_t59_an_id_tells_its_reader_nothing(api: Api) -> None:

    mine = await first_reason(api, "1", [])
    raw = base64.urlsafe_b64decode(mine + "=" * (-len(mine) % 4))
    assert b"User" not in raw
    assert b"Movie" not in raw


# -- what is said first ----------------------------------------------------------------------------------------------


async def test_a_shared_director_is_said_before_a_shared_genre(graph: GraphClient, tmp_path: Path) -> None:
    """Alien and Blade Runner share Ridley Scott and science fiction."""
    api = api_over(graph, await serving_over(graph, tmp_path))
    assert await director_of_both(api) == ["Because you rated Alien 5 stars, and Ridley Scott directed both."]
    await graph.writer.write(TAKE_DIRECTION)
    again = Serving(graph.reader, tmp_path)
    await again.refresh()
    assert await director_of_both(api_over(graph, again)) == [
        "Because you rated Alien 5 stars, and people who like it tend to like Blade Runner."
    ]
