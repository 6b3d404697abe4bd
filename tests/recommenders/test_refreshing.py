"""The watcher of the served model goes on, whatever goes wrong while it looks."""

import asyncio
import logging
from pathlib import Path

import pytest

from cinegraph.errors import GraphUnavailable
from graph.catalog import ReadStatement
from graph.client import GraphClient, Reader, Row
from recommenders.serving import Serving
from tests.published import FACTORS, publish_model, serving_over


class Failing(Reader):
    """Raises these, one after the other, then answers that nothing is there."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = failures
        self.answered = asyncio.Event()

    async def read(self, statement: ReadStatement, /, **parameters: object) -> list[Row]:
        if self.failures:
            raise self.failures.pop(0)
        self.answered.set()
        return []


async def test_no_fault_ends_the_looks_for_a_new_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = Failing([GraphUnavailable("away"), KeyError("a fault"), ValueError("another")])
    with caplog.at_level(logging.WARNING):
        watcher = asyncio.create_task(Serving(reader, tmp_path, refresh_seconds=0.001).watch())
        await asyncio.wait_for(reader.answered.wait(), 10)
        watcher.cancel()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "could not look for a new model, which is tried on: away"),
        ("ERROR", "a fault while looking for a new model; what is served stays"),
        ("ERROR", "a fault while looking for a new model; what is served stays"),
    ]


async def test_a_switch_is_noted_once_with_both_versions(
    graph: GraphClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "recommenders.serving"):
        serving = await serving_over(graph, tmp_path)
        old = serving.model_version
        new = await publish_model(graph, tmp_path, FACTORS, "lightgcn")
        await serving.refresh()
        await serving.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        f"{old} is served now, over 5 movies; before it none",
        f"{new} is served now, over 5 movies; before it {old}",
    ]
