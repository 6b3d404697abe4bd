"""T25 and N10: whatever is wrong with a new model, it is refused, and the old one keeps serving with the same answers.

What is wrong with an artefact is tried in the worst place: the pointer of the graph names it already.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinegraph.errors import ArtifactCorrupt, ModelRefused
from cinegraph.settings import GateSettings
from cinegraph.types import MovieFilter
from graph.catalog import WriteStatement, read_statement
from graph.client import GraphClient
from graph.models import Published, Version, list_versions, publish
from recommenders import artifacts, serving
from recommenders.artifacts import load_artifact, save_artifact
from recommenders.bootstrap import Estimate
from recommenders.histories import Rated, UserHistory
from recommenders.models import itemknn
from recommenders.protocol import load_protocol
from recommenders.publishing import live_recipe, promote, publish_run
from recommenders.results import TrainingRun
from recommenders.scorers import FactorScorer, ItemItemScorer, PopularityScorer, Scorer
from recommenders.serving import Serving
from recommenders.training import TrainingOptions, train
from tests.published import FACTORS, ITEM_ITEM, MOVIES, POPULARITY, publish_model, serving_over
from tests.recommenders.planted import planted, planted_frame

ANNA = UserHistory("1", 1, (Rated("1", 5.0, 1, "e"),))
ABOUT: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": "f" * 64}
LIMITS = GateSettings()
OPTIONS = TrainingOptions(protocol=load_protocol("user_time"), configs={"ease": {"l2": 20.0}})
LOAD = WriteStatement(
    "planted",
    """
    UNWIND $rows AS row
    MERGE (u:User {id: row[0]}) MERGE (m:Movie {id: row[1]}) ON CREATE SET m.title = row[1], m.popularity = 0.0
    CREATE (u)-[:RATED {userId: u.id, movieId: m.id, rating: row[2], at: row[3]}]->(m)
    """,
    frozenset({"rows"}),
)


def saved(root: Path, scorer: Scorer, movies: Any = MOVIES) -> str:
    return save_artifact(root, "lightgcn", scorer, movies, created_at=1, **ABOUT)


def with_a_nan() -> FactorScorer:
    factors = FACTORS.item_factors.copy()
    factors[2, 1] = np.nan
    return replace(FACTORS, item_factors=factors)


def damaged(root: Path, change: Callable[[Path], None]) -> str:
    """A model that was whole when it was written."""
    version = saved(root, FACTORS)
    change(root / version)
    return version


def truncated(folder: Path) -> None:
    file = folder / "item_factors.npy"
    file.write_bytes(file.read_bytes()[:-5])


def foreign(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1, "framework": "another"}')


def newer(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": artifacts.FORMAT + 1}))


BROKEN: dict[str, tuple[Callable[[Path], str], str]] = {
    "NaN": (lambda root: saved(root, with_a_nan()), "item_factors.npy holds numbers that are NaN or infinite"),
    "empty": (
        lambda root: saved(root, PopularityScorer(np.zeros(0, np.float32)), np.zeros(0, np.str_)),
        "is a model of no movie",
    ),
    "wrong dimensions": (
        lambda root: saved(root, replace(FACTORS, item_factors=np.ones((5, 3), np.float32))),
        "history_factors has shape (5, 2), not (5, 3)",
    ),
    "other movies": (lambda root: saved(root, FACTORS, MOVIES[:3]), "not one id for each of the 5 movies"),
    "truncated": (lambda root: damaged(root, truncated), "item_factors.npy is truncated or was changed"),
    "foreign": (lambda root: damaged(root, foreign), "has the fields ['format', 'framework']"),
    "newer": (lambda root: damaged(root, newer), "this Cinegraph reads up to 1; update Cinegraph"),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_t25_a_broken_model_is_refused_and_the_old_one_keeps_serving(
    graph: GraphClient, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, words = BROKEN[kind]
    served = await serving_over(graph, tmp_path, ITEM_ITEM)
    before = served.model_version, served.rank(ANNA, MovieFilter())
    broken = make(tmp_path)
    with pytest.raises(ArtifactCorrupt) as refused:
        load_artifact(tmp_path, broken)
    assert words in str(refused.value)
    described = Version(broken, "lightgcn", {}, "f" * 64, {}, broken)
    await publish(graph.writer, described, Published())
    await served.refresh()
    after = served.model_version, served.rank(ANNA, MovieFilter())
    assert after[0] == before[0]
    assert (after[1].movie_ids, after[1].scores) == (before[1].movie_ids, before[1].scores)
    assert f"model {broken} cannot be served, {before[0]} goes on" in caplog.text
    assert words in caplog.text


@pytest.mark.parametrize("kind", BROKEN)
async def test_t25_a_broken_model_is_not_promoted(graph: GraphClient, tmp_path: Path, kind: str) -> None:
    await serving_over(graph, tmp_path, ITEM_ITEM)
    broken = BROKEN[kind][0](tmp_path)
    await publish(graph.writer, Version(broken, "lightgcn", {}, "f" * 64, {}, broken), Published())
    for more in (0, 1):
        await publish_model(graph, tmp_path, PopularityScorer(POPULARITY + np.float32(more)), "popular")
    (before,) = await graph.reader.read(read_statement("meta/state"))
    with pytest.raises(ArtifactCorrupt):
        await promote(graph.writer, tmp_path, broken)
    assert await graph.reader.read(read_statement("meta/state")) == [before]


async def test_t25_the_mutant_that_serves_what_it_did_not_check(
    graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the check of numbers off, the model with a NaN is served, so the test above would fail."""
    served = await serving_over(graph, tmp_path, ITEM_ITEM)
    broken = saved(tmp_path, with_a_nan())
    monkeypatch.setattr(artifacts.math, "isfinite", lambda _: True)
    assert serving.load_artifact is load_artifact
    await publish(graph.writer, Version(broken, "lightgcn", {}, "f" * 64, {}, broken), Published())
    await served.refresh()
    assert served.model_version == broken
    assert np.isnan(served.rank(ANNA, MovieFilter()).scored.model_scores).any()


# -- worse than what there is ----------------------------------------------------------------------------------------


@pytest.fixture
async def planted_graph(graph: GraphClient) -> GraphClient:
    await graph.writer.write(LOAD, rows=[list(row) for row in planted_frame().iter_rows()])
    return graph


def turned(run: TrainingRun) -> TrainingRun:
    """The same training with a candidate whose lists are worse: each user's figure is that of Popular, halved."""
    bad = run.result("popular").measured
    figures = replace(run.result("itemknn").measured, ndcg_at_10=bad.ndcg_at_10 / 2, lists=bad.lists)
    rows = tuple(replace(row, measured=figures, against=()) if row.name == "itemknn" else row for row in run.results)
    return replace(run, results=rows)


async def test_n10_a_deliberately_worse_model_is_refused_and_the_old_one_keeps_serving(
    planted_graph: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await publish_run(planted_graph.writer, tmp_path, train(planted(), ["ease"], OPTIONS), LIMITS)
    served = Serving(planted_graph.reader, tmp_path)
    await served.refresh()
    live = await live_recipe(planted_graph.reader)
    assert live is not None
    assert (live.version, live.model, live.config["l2"]) == (old, "ease", 20.0)
    worse = turned(train(planted(), ["itemknn"], replace(OPTIONS, live=live)))
    with pytest.raises(ModelRefused) as refused:
        await publish_run(planted_graph.writer, tmp_path, worse, LIMITS)
    for words in ("not surely better than popular", "not surely better than ease", f"worse than the live model {old}"):
        assert words in str(refused.value)
    assert [one.id for one in await list_versions(planted_graph.reader)] == [old]
    assert not await served.refresh()
    assert served.model_version == old
    monkeypatch.setattr(Estimate, "above_zero", True)  # the mutant: the live model still stands in the way
    with pytest.raises(ModelRefused, match=f"itemknn may be worse than the live model {old}"):
        await publish_run(planted_graph.writer, tmp_path, worse, LIMITS)
    without = replace(worse, live=None)
    assert (await publish_run(planted_graph.writer, tmp_path, without, LIMITS)).startswith("itemknn-")


async def test_n10_really_worse_arrays_are_measured_as_worse(planted_graph: GraphClient) -> None:
    """ItemKNN with its weights turned round, through the whole training: no figure is put in by hand."""

    def upside_down(scorer: Scorer) -> Scorer:
        assert isinstance(scorer, ItemItemScorer)
        return replace(scorer, weights=-scorer.weights)

    plain = itemknn.ItemKNN._learn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(itemknn.ItemKNN, "_learn", lambda self, *given: upside_down(plain(self, *given)))
        run = train(planted(), ["itemknn"], OPTIONS)
    with pytest.raises(ModelRefused, match="itemknn is not surely better than popular"):
        await publish_run(planted_graph.writer, Path("unused"), run, LIMITS)
    assert await list_versions(planted_graph.reader) == []
