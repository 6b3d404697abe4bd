"""Exposures on their way to the graph: none is lost, none is written twice, and no request waits for them."""

import asyncio
import logging
from typing import Any

import pytest

from cinegraph.errors import GraphUnavailable
from graph.catalog import WriteStatement
from graph.client import GraphClient, Row, Writer
from recommenders import exposures as module
from recommenders.exposures import BATCH, Exposures
from tests.experimenting import begun, exposed, exposure


class Unsteady(Writer):
    """Refuses the first writes, or holds them until it is let go; remembers how many rows each had."""

    def __init__(self, client: GraphClient, refusals: int = 0, error: Exception | None = None) -> None:
        super().__init__(client.session)
        self.refusals, self.error = refusals, error or GraphUnavailable("away")
        self.rows: list[int] = []
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, statement: WriteStatement, /, **parameters: Any) -> list[Row]:
        await self.open.wait()
        if self.refusals:
            self.refusals -= 1
            raise self.error
        self.rows.append(len(parameters["rows"]))
        return await super().write(statement, **parameters)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHERING", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)


async def written(found: Exposures) -> None:
    async with asyncio.timeout(30):
        while len(found):
            await asyncio.sleep(0.01)


async def test_a_user_who_comes_again_is_written_once(graph: GraphClient) -> None:
    await begun(graph)
    found, writer = Exposures(), Unsteady(graph)
    for at in (7, 8, 9):
        found.note(exposure("a", at))
        found.note(exposure("b", at))
    await found.flush(writer)
    found.note(exposure("a", 10))
    await found.flush(writer)
    assert writer.rows == [2]
    assert [(row["user"], row["at"]) for row in await exposed(graph)] == [("a", 7), ("b", 7)]


async def test_many_go_in_batches_each_of_one_experiment(graph: GraphClient) -> None:
    await begun(graph)
    found, writer = Exposures(), Unsteady(graph)
    for n in range(BATCH + 1):
        found.note(exposure(f"u{n}", 7))
    found.note(exposure("a", 7, id_="gone"))
    await found.flush(writer)
    assert (writer.rows, len(found)) == ([BATCH, 1, 1], 0)
    assert len(await exposed(graph)) == BATCH + 1


@pytest.mark.parametrize("error", [GraphUnavailable("away"), KeyError("a fault")])
async def test_what_the_graph_refuses_is_written_later_and_told_of(
    graph: GraphClient, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    await begun(graph)
    found, writer = Exposures(), Unsteady(graph, 3, error)
    with caplog.at_level(logging.WARNING):
        async with found.written(writer):
            found.note(exposure("a", 7))
            await written(found)
    assert [(row["user"], row["at"]) for row in await exposed(graph)] == [("a", 7)]
    assert len(caplog.records) == (1 if isinstance(error, GraphUnavailable) else 3)


async def test_the_end_of_a_server_writes_what_waits(graph: GraphClient) -> None:
    await begun(graph)
    found, writer = Exposures(), Unsteady(graph)
    writer.open.clear()
    async with found.written(writer):
        found.note(exposure("a", 7))
        await asyncio.sleep(0.02)  # the writing has begun, and is held
        found.note(exposure("b", 8))
        assert await exposed(graph) == []
        asyncio.get_running_loop().call_later(0.02, writer.open.set)
    assert [row["user"] for row in await exposed(graph)] == ["a", "b"]


async def test_an_end_without_a_graph_ends_and_says_how_many_are_lost(
    graph: GraphClient, caplog: pytest.LogCaptureFixture
) -> None:
    found = Exposures()
    with caplog.at_level(logging.ERROR):
        async with found.written(Unsteady(graph, 10**9)):
            found.note(exposure("a", 7))
    assert caplog.messages == ["1 exposures could not be written: away"]


async def test_a_full_queue_refuses_at_once_and_takes_the_user_later(
    graph: GraphClient, caplog: pytest.LogCaptureFixture
) -> None:
    await begun(graph)
    found = Exposures(most=2)
    with caplog.at_level(logging.ERROR):
        for user in ("a", "b", "c", "d"):
            found.note(exposure(user, 7))
    assert len(caplog.records) == 1
    await found.flush(graph.writer)
    found.note(exposure("c", 9))
    await found.flush(graph.writer)
    assert [(row["user"], row["at"]) for row in await exposed(graph)] == [("a", 7), ("b", 7), ("c", 9)]
