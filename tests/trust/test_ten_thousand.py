"""T59, N01 at the size that is promised: ten thousand explanations over the sample catalogue, each read again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cinegraph.types import EdgeRef, Relation
from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.models import Published, Version, publish
from graph.sample.simulator import SimulatorConfig
from graph.verify import edge_of, find_edges
from recommenders import registry
from recommenders.artifacts import save_artifact
from recommenders.publishing import load_interactions
from recommenders.scorers import Scorer
from recommenders.serving import Serving
from tests.api.harness import Api, api_over

WHY = """
query($liked: [ID!]) {
  recommendations(first: 10, liked: $liked) { edges { why(first: 3) {
    id path { segments { relationshipId relation start { id } end { id } } } } } }
}
"""
VERIFY = "query($id: ID!) { verifyExplanation(id: $id) { holds } }"


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    """The sample with an EASE trained on its ratings."""
    await ingest_sample(graph.writer, SimulatorConfig(users=200))
    interactions = await load_interactions(graph.reader)
    scorer = registry.create("ease").fit(interactions).scorer()
    about: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": "f" * 64, "created_at": 1}
    version = save_artifact(tmp_path, "ease", scorer, interactions.movies, **about)
    similar = Published(similar=_similar(scorer, interactions.movies.tolist()))
    await publish(graph.writer, Version(version, "ease", {}, "f" * 64, {}, version), similar)
    serving = Serving(graph.reader, tmp_path)
    await serving.refresh()
    return api_over(graph, serving)


def _similar(scorer: Scorer, ids: list[str]) -> Iterator[tuple[str, str, float, int]]:
    for movie, id_ in enumerate(ids):
        near = scorer.similar(movie, 5)
        for rank, (other, score) in enumerate(zip(near.items.tolist(), near.scores.tolist(), strict=True), 1):
            yield id_, ids[other], score, rank


@pytest.mark.slow
async def test_t59_ten_thousand_explanations_stand_in_the_graph(api: Api) -> None:
    explanations: dict[str, list[tuple[EdgeRef, str]]] = {}
    movies = api.services.serving.state.movie_ids
    for place, movie in enumerate(movies):
        for edge in (await api.ask(WHY, liked=movies[place : place + 6]))["recommendations"]["edges"]:
            for why in edge["why"]:
                explanations[f"{movie} {why['id']}"] = [
                    (edge_of(one["relation"], one["start"]["id"], one["end"]["id"]), one["relationshipId"])
                    for one in why["path"]["segments"]
                ]
    assert len(explanations) >= 10_000
    shown = {edge: number for path in explanations.values() for edge, number in path}
    found = await find_edges(api.graph.reader, list(shown), api.services.serving.model_version)
    assert [edge and edge.element_id for edge in found] == list(shown.values())
    relations = {edge.relation for edge in shown}
    assert {Relation.DIRECTED, Relation.ACTED_IN, Relation.HAS_KEYWORD, Relation.HAS_GENRE} <= relations
    for key in list(explanations)[::100]:
        assert (await api.ask(VERIFY, id=key.partition(" ")[2]))["verifyExplanation"]["holds"]
