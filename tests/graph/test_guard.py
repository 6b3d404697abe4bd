"""A graph that is back plans what was read before beside the requests; those with an answer in memory do not wait."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cinegraph.deadlines import Deadline, deadline_of
from cinegraph.errors import GraphAway
from cinegraph.settings import GraphSettings
from graph import guard
from graph.breaker import FAILURES
from graph.catalog import ReadStatement, WriteStatement
from graph.client import Address, GraphClient
from graph.guard import remembered

ONE, TWO, NEW = (ReadStatement(text, text, frozenset({"x"})) for text in ("RETURN $x", "RETURN 2 * $x", "RETURN -$x"))
WRITE = WriteStatement("write", "MERGE (:Meta {id: 'guarded'})", frozenset())


@pytest_asyncio.fixture(loop_scope="session")
async def client(migrated: GraphClient, local_address: Address) -> AsyncIterator[GraphClient]:
    """A client of its own, whose guard has seen two reads, a write and an analyst's statement."""
    async with GraphClient(local_address, GraphSettings()) as found:
        with deadline_of(request()):
            await found.reader.read(ONE, x=1)
            await found.reader.read(TWO, x=2)
            await found.writer.write(WRITE)
            await found.session.read_some("RETURN 'an analyst'", {}, 1.0, 1)
        yield found


@pytest.fixture
def sent(client: GraphClient, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the guard itself sends."""
    found: list[tuple[str, dict[str, Any]]] = []
    read = client.session.guard._read

    async def noted(text: str, given: dict[str, Any]) -> object:
        found.append((text, given))
        return await read(text, given)

    monkeypatch.setattr(client.session.guard, "_read", noted)
    return found


def request(usual: float = 5.0, patient: float = 60.0) -> Deadline:
    return Deadline(usual, patient, asyncio.get_running_loop().time())


def away_and_back(client: GraphClient) -> None:
    breaker = client.session.guard.breaker
    for _ in range(FAILURES):
        breaker.failed()
    breaker.answered()


async def planned(client: GraphClient) -> None:
    task = client.session.guard._planning
    assert task is not None
    async with asyncio.timeout(60):
        await task


async def test_reads_of_before_are_sent_again_the_last_first_and_nothing_else(
    client: GraphClient, sent: list[tuple[str, dict[str, Any]]]
) -> None:
    away_and_back(client)
    assert not client.session.guard.is_planned("RETURN $x")
    await planned(client)
    assert sent == [("RETURN 2 * $x", {"x": 2}), ("RETURN $x", {"x": 1})]
    assert client.session.guard.is_planned("RETURN $x")


async def test_who_has_an_answer_in_memory_does_not_wait_and_others_do(
    client: GraphClient, sent: list[tuple[str, dict[str, Any]]]
) -> None:
    away_and_back(client)
    with deadline_of(one := request()):
        with remembered(), pytest.raises(GraphAway, match="plans the statement first"):
            await client.reader.read(NEW, x=3)
        assert one.seconds == 5.0, "it was not patient"
        assert await client.reader.read(NEW, x=4) == [{"-$x": -4}]
        assert one.seconds == 60.0
        with remembered():
            assert await client.reader.read(NEW, x=5) == [{"-$x": -5}], "it is planned"
    await planned(client)
    assert sent[0] == ("RETURN -$x", {"x": 3}), "what was asked for last is planned first"


async def test_a_graph_that_has_settled_plans_for_all(client: GraphClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SETTLING", 0.0)
    away_and_back(client)
    assert client.session.guard.is_back()
    await planned(client)
    assert not client.session.guard.is_back()
    with deadline_of(one := request()), remembered():
        assert await client.reader.read(NEW, x=3) == [{"-$x": -3}]
        assert one.seconds == 60.0


async def test_a_graph_that_goes_away_again_is_left_alone(
    client: GraphClient, sent: list[tuple[str, dict[str, Any]]]
) -> None:
    away_and_back(client)
    for _ in range(FAILURES):
        client.session.guard.breaker.failed()
    await planned(client)
    assert sent == []
    client.session.guard.breaker.answered()
    await planned(client)
    assert {text for text, _ in sent} == {"RETURN $x", "RETURN 2 * $x"}


async def test_as_many_statements_are_remembered_as_the_graph_keeps_plans_of(
    client: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST", 3)
    watched = client.session.guard
    for number in range(9):
        watched.note_planned(f"RETURN {number}")
        watched.note_planned("RETURN $x", {"x": 1})
    assert watched.is_planned("RETURN $x")
    assert [number for number in range(9) if watched.is_planned(f"RETURN {number}")] == [7, 8]
