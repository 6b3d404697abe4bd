"""The three servers, in processes of their own over the tiny graph, give equal answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from benchmarks.graphql import data
from benchmarks.graphql.asking import Differs, compare
from benchmarks.graphql.database import work_of
from benchmarks.graphql.measure import Effort, measure
from benchmarks.graphql.operations import OPERATIONS, Operation, Subjects
from benchmarks.graphql.peers import Peer, PeerFailed, Server, installed, peers, serving
from cinegraph.settings import load_settings
from graph.client import GraphClient
from tests import tiny

DEGREES = (5, 10, 25)
SHARED = [operation for operation in OPERATIONS if len(operation.texts) == 3]


@dataclass(frozen=True)
class Trio:
    """All servers over one graph."""

    graph: GraphClient
    peers: Sequence[Peer]
    servers: Sequence[Server]
    subjects: Subjects
    logs: Path


@pytest_asyncio.fixture(loop_scope="session")
async def trio(graph: GraphClient, tmp_path: Path) -> AsyncIterator[Trio]:
    await tiny.load(graph)
    await data.plant(graph.writer, DEGREES)
    subjects = replace(await data.subjects(graph.reader, DEGREES), genres=[{"genre": "drama"}])
    try:
        modules = await asyncio.to_thread(installed, load_settings(env_file=None).cache_dir)
    except PeerFailed as error:
        pytest.skip(str(error))
    known = peers(tmp_path / "home", modules)
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(one, graph.address, tmp_path)) for one in known]
        yield Trio(graph, known, servers, subjects, tmp_path)


async def test_peers_answer_as_cinegraph_does_and_a_difference_is_named(trio: Trio) -> None:
    assert [given["id"] for given in trio.subjects.movies] == ["2", "1", "4", "3"]
    expected = 2 * sum(len(getattr(trio.subjects, operation.variables)) for operation in SHARED)
    assert await compare(SHARED, trio.servers, trio.subjects) == expected == 2 * (4 + 4 + 1 + 1 + 2 + 2 + 2 + 1)
    by_id = operation_named("by-id")
    wrong = replace(by_id, texts={**by_id.texts, "apollo": by_id.texts["apollo"].replace(" year ", " year: runtime ")})
    with pytest.raises(Differs, match=r"by-id \{'id': '2'\}: Cinegraph and Apollo .* differ at \.year: 1982 and 117"):
        await compare([wrong], trio.servers, trio.subjects)
    with pytest.raises(Differs, match=r"by-id \{'id': 'none'\}: Cinegraph finds nothing"):
        await compare([by_id], trio.servers[:1], replace(trio.subjects, movies=[{"id": "none"}]))


async def test_what_each_peer_asks_of_neo4j_is_heard(trio: Trio) -> None:
    asked = [operation_named("by-id"), operation_named("nested"), operation_named("page-100000-counted")]
    works = {peer.name: await work_of(trio.graph, asked, peer, trio.subjects, trio.logs) for peer in trio.peers}
    queries = {name: [work[one.name].queries for one in asked] for name, work in works.items()}
    assert queries == {"cinegraph": [1, 1, 1], "apollo": [1, 1, 1], "loaders": [1, 4, 3]}
    assert all(one.db_hits > 0 and one.rows > 0 and one.records > 0 for work in works.values() for one in work.values())
    assert "HAS_KEYWORD" in works["apollo"]["page-100000-counted"].statements[0]


async def test_rounds_are_taken_of_every_server_at_one_rate(trio: Trio) -> None:
    effort = Effort(rounds=2, seconds=0.4, warm_up=0.2, connections=2)
    rate, rounds = await measure(operation_named("by-id"), trio.servers, trio.subjects, psutil.Process(), effort)
    assert {name: [one.requests for one in found] for name, found in rounds.items()} == dict.fromkeys(
        ("cinegraph", "apollo", "loaders"), [round(rate * 0.4)] * 2
    )
    assert {one.failed for found in rounds.values() for one in found} == {0.0}
    assert all(one.api_cpu > 0 for found in rounds.values() for one in found)


async def test_a_server_that_does_not_start_says_why(trio: Trio) -> None:
    broken = replace(trio.peers[2], command=[*trio.peers[2].command[:1], "-c", "raise SystemExit('no port')"])
    with pytest.raises(PeerFailed, match="DataLoaders ended with 1: no port"):
        async with serving(broken, trio.graph.address, trio.logs):
            pass


def operation_named(name: str) -> Operation:
    return next(one for one in OPERATIONS if one.name == name)
