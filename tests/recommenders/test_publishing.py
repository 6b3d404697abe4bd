"""Publishing: nothing refused reaches the graph, the pointer moves last, and the way back is open."""

import asyncio
import json
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from cinegraph.errors import ArtifactCorrupt, ModelError, ModelRefused, NotEnoughData, NotFound
from cinegraph.settings import GateSettings
from graph import models
from graph.catalog import WriteStatement
from graph.client import GraphClient
from recommenders.artifacts import load_artifact
from recommenders.gate import check
from recommenders.protocol import load_protocol
from recommenders.publishing import SIMILAR, load_interactions, promote, publish_run, rollback, stage_run
from recommenders.results import TrainingRun
from recommenders.serving import Serving
from recommenders.training import TrainingOptions, train
from tests import tiny
from tests.published import FACTORS, ITEM_ITEM, POPULAR, publish_model
from tests.recommenders.planted import PAPER, SMALL, planted, planted_frame

LOAD = WriteStatement(
    "planted",
    """
    UNWIND $rows AS row
    MERGE (u:User {id: row[0]}) MERGE (m:Movie {id: row[1]}) ON CREATE SET m.title = row[1], m.popularity = 0.0
    CREATE (u)-[:RATED {userId: u.id, movieId: m.id, rating: row[2], at: row[3]}]->(m)
    """,
    frozenset({"rows"}),
)
LIMITS = GateSettings()
OPTIONS = TrainingOptions(configs=SMALL, device="cpu", protocol=load_protocol("user_time"), because="tests")


@pytest.fixture(scope="module")
def runs() -> dict[str, TrainingRun]:
    """A training of each model."""
    return {name: train(planted(), [name], OPTIONS) for name in ("ease", "lightgcn")}


@pytest.fixture
async def planted_graph(graph: GraphClient) -> GraphClient:
    rows = [list(row) for row in planted_frame().iter_rows()]
    await graph.writer.write(LOAD, rows=rows)
    return graph


async def one(graph: GraphClient, text: str, **parameters: Any) -> Any:
    """The only value of a statement."""
    (row,) = await graph.session.read(text, parameters)
    (value,) = row.values()
    return value


async def active(graph: GraphClient) -> tuple[str | None, str | None]:
    row = await one(graph, "MATCH (m:Meta) RETURN [m.activeModel, m.previousModel] AS v")
    return row[0], row[1]


async def similar(graph: GraphClient) -> dict[str, int]:
    """How many SIMILAR relationships each version has."""
    text = "MATCH ()-[r:SIMILAR]->() RETURN r.model AS model, count(*) AS n"
    return {row["model"]: row["n"] for row in await graph.session.read(text, {})}


async def test_ratings_come_back_as_they_went_in(planted_graph: GraphClient) -> None:
    assert (await load_interactions(planted_graph.reader)).fingerprint() == planted().fingerprint()


async def test_a_graph_without_ratings_has_nothing_to_learn_from(graph: GraphClient) -> None:
    with pytest.raises(NotEnoughData, match="cinegraph ingest"):
        await load_interactions(graph.reader)


async def test_a_published_run_is_served_with_all_it_wrote(
    planted_graph: GraphClient, runs: dict[str, TrainingRun], tmp_path: Path
) -> None:
    version = await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS)
    assert await active(planted_graph) == (version, None)
    (described,) = await models.list_versions(planted_graph.reader)
    assert (described.id, described.status, described.active) == (version, "ready", True)
    assert described.fingerprint == planted().fingerprint()
    assert described.metrics["gate"] == check(runs["lightgcn"], LIMITS).as_json()
    assert load_artifact(tmp_path, version).metrics == runs["lightgcn"].as_json()
    assert await similar(planted_graph) == {version: 118 * SIMILAR}
    assert await one(planted_graph, "MATCH (m:Movie) RETURN count(m.embeddingA) AS n") == 118
    assert await one(planted_graph, "MATCH (u:User) RETURN count(u.embeddingA) AS n") == 160
    serving = Serving(planted_graph.reader, tmp_path)
    await serving.refresh()
    assert serving.model_version == version


async def test_the_nearest_by_the_vector_index_are_the_models_own(
    planted_graph: GraphClient, runs: dict[str, TrainingRun], tmp_path: Path
) -> None:
    version = await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS)
    await planted_graph.session.command("CALL db.awaitIndexes()", {})
    index = await one(
        planted_graph,
        "SHOW INDEXES YIELD name, type, labelsOrTypes, properties WHERE type = 'VECTOR' AND labelsOrTypes = ['Movie'] "
        "AND properties = ['embeddingA'] RETURN name",
    )
    text = (
        "MATCH (m:Movie {id: 'm010'}) CALL db.index.vector.queryNodes($index, 6, m.embeddingA) YIELD node, score "
        "WITH node ORDER BY score DESC RETURN collect(node.id) AS found"
    )
    (itself, *found) = await one(planted_graph, text, index=index)
    artifact = load_artifact(tmp_path, version)
    place = artifact.movie_ids.tolist().index("m010")
    nearest = artifact.movie_ids[artifact.scorer.similar(place, 5).items].tolist()
    assert itself == "m010"
    assert sorted(found) == sorted(nearest)


async def test_a_refused_run_leaves_the_graph_as_it_was(planted_graph: GraphClient, tmp_path: Path) -> None:
    lazy = {"lightgcn": {**SMALL["lightgcn"], **PAPER, "epochs": 1, "learning_rate": 1e-9}}
    run = train(planted(), ["lightgcn"], replace(OPTIONS, configs=lazy))
    with pytest.raises(ModelRefused, match="not surely better than popular"):
        await publish_run(planted_graph.writer, tmp_path, run, LIMITS)
    assert await active(planted_graph) == (None, None)
    assert await models.list_versions(planted_graph.reader) == []
    assert list(tmp_path.iterdir()) == []


async def test_what_is_said_of_a_version_that_is_active_is_noted_anew(
    planted_graph: GraphClient, runs: dict[str, TrainingRun], tmp_path: Path
) -> None:
    """The same bytes again, for another reason."""
    version = await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS)
    (before,) = await models.list_versions(planted_graph.reader)
    told = {**before.metrics, "gate": {"because": "another reason"}}
    await models.publish(planted_graph.writer, replace(before, metrics=told, slot=""), models.Published(similar=[]))
    assert await models.list_versions(planted_graph.reader) == [replace(before, metrics=told)]
    assert await similar(planted_graph) == {version: 118 * SIMILAR}


async def test_a_model_that_was_compared_with_one_that_is_not_live_any_more_is_refused(
    planted_graph: GraphClient, runs: dict[str, TrainingRun], tmp_path: Path
) -> None:
    """Two trainings at once: the one that ends last was judged beside a model that the other one replaced."""
    first = await publish_run(planted_graph.writer, tmp_path, runs["ease"], LIMITS, live="")
    message = f"lightgcn was compared with no live model, and {first} is served by now; train again"
    with pytest.raises(ModelRefused, match=message):
        await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS, live="")
    assert (await active(planted_graph))[0] == first
    second = await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS, live=first)
    assert (await active(planted_graph))[0] == second


async def test_of_two_publications_at_the_same_moment_one_is_refused(
    planted_graph: GraphClient, runs: dict[str, TrainingRun], tmp_path: Path
) -> None:
    both = [publish_run(planted_graph.writer, tmp_path, runs[name], LIMITS, live="") for name in ("ease", "lightgcn")]
    found = await asyncio.gather(*both, return_exceptions=True)
    (refused,) = [one for one in found if isinstance(one, ModelRefused)]
    (served,) = [one for one in found if isinstance(one, str)]
    assert f"{served} is served by now" in str(refused)
    assert await active(planted_graph) == (served, None)
    assert await similar(planted_graph) == {served: 118 * SIMILAR}


async def test_a_version_that_the_gate_refused_is_promoted_with_a_reason_alone(
    planted_graph: GraphClient, tmp_path: Path
) -> None:
    lazy = {"lightgcn": {**SMALL["lightgcn"], **PAPER, "epochs": 1, "learning_rate": 1e-9}}
    run = train(planted(), ["lightgcn"], replace(OPTIONS, configs=lazy))
    version = await stage_run(planted_graph.writer, tmp_path, run, LIMITS)
    with pytest.raises(ModelRefused, match=f"{version} was kept.*not surely better than popular.*--because"):
        await promote(planted_graph.writer, tmp_path, version)
    assert (await active(planted_graph))[0] is None
    await promote(planted_graph.writer, tmp_path, version, because="to see it live")
    assert (await active(planted_graph))[0] == version
    (noted,) = await models.list_versions(planted_graph.reader)
    assert noted.metrics["gate"]["because"] == "to see it live"


@pytest.mark.parametrize("after", ["model/link", "model/embed_movies", "model/embed_users"])
async def test_a_publication_that_breaks_leaves_the_old_model_serving(
    planted_graph: GraphClient,
    runs: dict[str, TrainingRun],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: str,
) -> None:
    old = await publish_run(planted_graph.writer, tmp_path, runs["ease"], LIMITS)
    whole = models._batches

    async def breaking(writer: Any, name: str, *rest: Any, **more: Any) -> None:
        await whole(writer, name, *rest, **more)
        if name == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(models, "_batches", breaking)
    with pytest.raises(KeyboardInterrupt):
        await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS)
    monkeypatch.setattr(models, "_batches", whole)
    assert (await active(planted_graph))[0] == old
    assert (await similar(planted_graph))[old] == 118 * SIMILAR
    serving = Serving(planted_graph.reader, tmp_path)
    await serving.refresh()
    assert serving.model_version == old
    new = await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS)
    assert await active(planted_graph) == (new, old)
    assert await similar(planted_graph) == {old: 118 * SIMILAR, new: 118 * SIMILAR}


KILLED = """
import asyncio, json, os, signal, sys
from pathlib import Path
from graph import models
from graph.client import Address, GraphClient
from recommenders.publishing import publish_run
from recommenders.training import train
from tests.conftest import GRAPH_SETTINGS
from tests.recommenders.planted import planted
from tests.recommenders.test_publishing import LIMITS, OPTIONS

whole = models._batches

async def killing(writer, name, *rest, **more):
    await whole(writer, name, *rest, **more)
    if name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

async def publishing():
    async with GraphClient(Address(**json.loads(sys.argv[1])), GRAPH_SETTINGS) as client:
        await publish_run(client.writer, Path(sys.argv[2]), train(planted(), ["lightgcn"], OPTIONS), LIMITS)

models._batches = killing
asyncio.run(publishing())
"""


async def test_a_publication_that_is_killed_leaves_the_old_model_serving(
    planted_graph: GraphClient, runs: dict[str, TrainingRun], tmp_path: Path
) -> None:
    """Nor does it stand in the way of the next one: its turn ended with its process."""
    old = await publish_run(planted_graph.writer, tmp_path, runs["ease"], LIMITS)
    given = (json.dumps(asdict(planted_graph.address)), str(tmp_path), "model/link")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *given, cwd=Path(__file__).parents[2])
    assert await process.wait() == -signal.SIGKILL
    assert (await active(planted_graph))[0] == old
    assert len(await similar(planted_graph)) == 2, "it was killed in the middle"
    serving = Serving(planted_graph.reader, tmp_path)
    await serving.refresh()
    assert serving.model_version == old
    new = await publish_run(planted_graph.writer, tmp_path, runs["lightgcn"], LIMITS)
    assert await active(planted_graph) == (new, old)
    assert await similar(planted_graph) == {old: 118 * SIMILAR, new: 118 * SIMILAR}


# -- the way back ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def three(graph: GraphClient, tmp_path: Path) -> tuple[str, str, str]:
    """Three versions, the last of which is active."""
    await tiny.load(graph)
    return (
        await publish_model(graph, tmp_path, ITEM_ITEM, "ease"),
        await publish_model(graph, tmp_path, FACTORS, "lightgcn"),
        await publish_model(graph, tmp_path, POPULAR, "popular"),
    )


async def test_a_rollback_serves_the_version_before(
    graph: GraphClient, tmp_path: Path, three: tuple[str, str, str]
) -> None:
    _, second, third = three
    assert await active(graph) == (third, second)
    assert await rollback(graph.writer, tmp_path) == second
    assert await active(graph) == (second, third)
    assert await rollback(graph.writer, tmp_path) == third


async def test_an_older_version_gets_its_similar_movies_again(
    graph: GraphClient, tmp_path: Path, three: tuple[str, str, str]
) -> None:
    first, second, third = three
    assert first not in await similar(graph)
    await promote(graph.writer, tmp_path, first)
    assert await active(graph) == (first, third)
    assert (await similar(graph))[first] == 14
    assert second not in await similar(graph)


async def test_what_cannot_be_promoted_changes_nothing(
    graph: GraphClient, tmp_path: Path, three: tuple[str, str, str]
) -> None:
    first, second, third = three
    (tmp_path / first / "weights.npy").write_bytes(b"")
    for version, error in ((third, ModelError), ("ease-000000000000", NotFound), (first, ArtifactCorrupt)):
        with pytest.raises(error):
            await promote(graph.writer, tmp_path, version)
    assert await active(graph) == (third, second)


async def test_without_a_version_before_there_is_no_way_back(graph: GraphClient, tmp_path: Path) -> None:
    await tiny.load(graph)
    version = await publish_model(graph, tmp_path)
    with pytest.raises(ModelError, match="cinegraph models list"):
        await rollback(graph.writer, tmp_path)
    assert await active(graph) == (version, None)


async def test_publishing_a_version_that_is_kept_writes_nothing_of_it_again(
    graph: GraphClient, tmp_path: Path, three: tuple[str, str, str]
) -> None:
    _, second, third = three
    edges = "MATCH ()-[r:SIMILAR]->() WITH elementId(r) AS id ORDER BY id RETURN collect(id) AS ids"
    state = "MATCH (m:Meta) MATCH (v:ModelVersion {id: m.activeModel}) RETURN [m.version, v.status] AS state"
    before = await one(graph, edges), await one(graph, state)
    assert await publish_model(graph, tmp_path, POPULAR, "popular") == third
    assert await active(graph) == (third, second)
    assert (await one(graph, edges), await one(graph, state)) == before
    assert await publish_model(graph, tmp_path, FACTORS, "lightgcn") == second
    assert await active(graph) == (second, third)
    assert await one(graph, edges) == before[0]
