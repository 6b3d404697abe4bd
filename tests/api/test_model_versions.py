"""What the API tells of the model that is served, and of what it holds to be similar."""

from pathlib import Path

from graph.client import GraphClient
from recommenders.serving import Serving
from tests import tiny
from tests.api.harness import api_over
from tests.published import serving_over

ACTIVE = "{ activeModel { id model status fingerprint createdAt config metrics } }"


async def test_the_active_model_is_a_node_like_any_other(graph: GraphClient, tmp_path: Path) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    version = api.services.serving.model_version
    active, statements = await api.counted(ACTIVE)
    assert statements == 1
    assert active["activeModel"] == {
        "id": f"ModelVersion:{version}",
        "model": "ease",
        "status": "ready",
        "fingerprint": "f" * 64,
        "createdAt": active["activeModel"]["createdAt"],
        "config": {},
        "metrics": {},
    }
    id_ = active["activeModel"]["id"]
    again = await api.ask("query($id: ID!) { node(id: $id) { id ... on ModelVersion { model } } }", id=id_)
    assert again == {"node": {"id": id_, "model": "ease"}}


async def test_before_the_first_model_there_is_none(graph: GraphClient, tmp_path: Path) -> None:
    await tiny.load(graph)
    data, statements = await api_over(graph, Serving(graph.reader, tmp_path)).counted(ACTIVE)
    assert (data, statements) == ({"activeModel": None}, 0)


async def test_a_similar_movie_says_how_similar_at_which_place_and_by_which_model(
    graph: GraphClient, tmp_path: Path
) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    data = await api.ask('{ similarMovies(movie: "1") { edges { rank score modelVersion node { id } } } }')
    found = data["similarMovies"]["edges"]
    assert [(one["rank"], one["score"], one["node"]["id"]) for one in found] == [
        (1, 0.5, "Movie:2"),
        (2, 0.25, "Movie:3"),
        (3, 0.125, "Movie:4"),
    ]
    assert {one["modelVersion"] for one in found} == {api.services.serving.model_version}
