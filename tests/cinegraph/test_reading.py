"""What a training reads: texts become vectors where a model reads them, where they may, and where they can."""

from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from cinegraph import plugins
from cinegraph.cli.reading import read_data
from cinegraph.errors import MissingExtra
from cinegraph.settings import Settings, TrainingSettings
from graph.catalog import WriteStatement
from graph.client import GraphClient
from recommenders.sentences.encoder import DIMENSIONS
from tests.tiny import load

PLOTS = WriteStatement(
    "plots",
    """
    MATCH (alien:Movie {id: '1'}), (undated:Movie {id: '3'})
    SET alien.overview = 'A crew meets a creature.', alien.tagline = 'In space no one can hear you scream.',
        undated.tagline = 'A hero will rise.'
    RETURN 1 AS done
    """,
    frozenset(),
)


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@pytest_asyncio.fixture(loop_scope="session")
async def plots(graph: GraphClient) -> GraphClient:
    await load(graph)
    await graph.writer.write(PLOTS)
    return graph


async def test_what_is_written_is_encoded_once_tagline_first(plots: GraphClient, tmp_path: Path) -> None:
    settings, told = Settings(home=tmp_path), list[tuple[str, int]]()
    ratings, facts = await read_data(plots, settings, ["content"], lambda stage, done, _: told.append((stage, done)))
    texts = facts.knowledge.texts
    assert texts is not None
    assert texts.shape == (ratings.n_movies, DIMENSIONS)
    assert [bool(row.any()) for row in texts] == [id_ in ("1", "3") for id_ in ratings.movies.tolist()]
    assert ("encoding texts", 2) in told
    told.clear()
    again = (await read_data(plots, settings, ["ensemble"], lambda stage, done, _: told.append((stage, done))))[1]
    assert again.knowledge.texts is not None
    assert again.knowledge.texts.tobytes() == texts.tobytes()
    assert all(stage != "encoding texts" for stage, _ in told)
    encoder = plugins.load("recommenders.sentences.encoder").Encoder()
    alien = encoder.encode(["In space no one can hear you scream. A crew meets a creature."])[0]
    assert np.abs(texts[ratings.movies.tolist().index("1")] - alien).max() < 1e-3, "kept in half precision"


@pytest.mark.parametrize(
    ("names", "training"), [(["ease"], TrainingSettings()), (["content"], TrainingSettings(texts=False))]
)
async def test_no_text_is_encoded_where_no_model_reads_it_or_it_may_not(
    plots: GraphClient, tmp_path: Path, names: list[str], training: TrainingSettings
) -> None:
    _, facts = await read_data(plots, Settings(home=tmp_path, training=training), names, silent)
    assert facts.knowledge.texts is None
    assert not (tmp_path / "texts").exists()


async def test_without_the_extra_texts_are_left_out_and_that_is_said(
    plots: GraphClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(module: str) -> None:
        raise MissingExtra(f"{module} needs onnxruntime")

    told: list[str] = []
    monkeypatch.setattr(plugins, "load", absent)
    _, facts = await read_data(plots, Settings(home=tmp_path), ["content"], lambda stage, *_: told.append(stage))
    assert facts.knowledge.texts is None
    assert told[-1] == "encoding texts: left out, which needs the extra text"


async def test_where_nothing_is_written_nothing_is_encoded(graph: GraphClient, tmp_path: Path) -> None:
    await load(graph)
    _, facts = await read_data(graph, Settings(home=tmp_path), ["content"], silent)
    assert facts.knowledge.texts is None
