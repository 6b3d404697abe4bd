"""The client: each of the driver's errors becomes one of ours, and nothing waits longer than it is set to."""

import asyncio
import inspect

import pytest
from neo4j import exceptions as driver_errors

from cinegraph.errors import GraphBusy, GraphConflict, GraphError, GraphFull, GraphTimeout, GraphUnavailable
from graph.catalog import ReadStatement, WriteStatement
from graph.client import ERRORS, Address, GraphClient, translate
from tests.conftest import GRAPH_SETTINGS

ONE = ReadStatement("one", "RETURN 1 AS one", frozenset())
LONG = ReadStatement(
    "long", "UNWIND range(1, 60000) AS a UNWIND range(1, 60000) AS b WITH a WHERE a < 0 RETURN a", frozenset()
)
FOREIGN = [
    kind
    for _, kind in inspect.getmembers(driver_errors, inspect.isclass)
    if issubclass(kind, driver_errors.Neo4jError | driver_errors.DriverError)
]


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_error_of_the_driver_is_one_of_ours_by_the_table(kind: type[Exception]) -> None:
    assert any(issubclass(kind, foreign) for foreign, _ in ERRORS)
    assert isinstance(translate(kind("words")), GraphError)


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (driver_errors.ServiceUnavailable("gone"), GraphUnavailable),
        (driver_errors.ConnectionAcquisitionTimeoutError("full"), GraphBusy),
        (driver_errors.ConstraintError("twice"), GraphConflict),
        (ConnectionRefusedError("nobody"), GraphUnavailable),
        (OSError(28, "No space left on device"), GraphFull),
    ],
)
def test_what_it_becomes(foreign: Exception, ours: type[GraphError]) -> None:
    assert type(translate(foreign)) is ours


def test_a_full_pool_names_the_setting() -> None:
    assert "CINEGRAPH_GRAPH__POOL_SIZE" in str(translate(driver_errors.ConnectionAcquisitionTimeoutError("50N42")))


async def test_a_full_pool_is_waited_for_once(local_address: Address) -> None:
    settings = GRAPH_SETTINGS.model_copy(update={"pool_size": 1, "acquisition_timeout": 1.0, "query_timeout": 8})
    async with GraphClient(local_address, settings) as client:
        await client.reader.read(ONE)
        first = asyncio.create_task(client.reader.read(LONG))
        await asyncio.sleep(0.2)
        before = client.session.statements
        with pytest.raises(GraphBusy):
            await client.reader.read(ONE)
        assert client.session.statements == before + 1
        with pytest.raises(GraphTimeout):
            await first


async def test_a_read_is_tried_once_more_when_the_connection_broke(
    migrated: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = migrated.session.read, []

    async def breaks(text: str, parameters: dict[str, object]) -> list[dict[str, object]]:
        calls.append(text)
        if len(calls) == 1:
            raise GraphUnavailable("broke")
        return await real(text, parameters)

    monkeypatch.setattr(migrated.session, "read", breaks)
    assert await migrated.reader.read(ONE) == [{"one": 1}]
    assert len(calls) == 2


async def test_a_write_reads_its_own_writes_on_every_connection(graph: GraphClient) -> None:
    write = WriteStatement("tag", "MERGE (t:Tag {id: $id}) RETURN t.id AS id", frozenset({"id"}))
    count = ReadStatement("count", "MATCH (t:Tag) RETURN count(t) AS n", frozenset())
    for n in range(20):
        await graph.writer.write(write, id=str(n))
        found = await asyncio.gather(*(graph.reader.read(count) for _ in range(4)))
        assert [row["n"] for (row,) in found] == [n + 1] * 4
