"""Migrations: once each, in order, and safe to interrupt anywhere (T14)."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from cinegraph.errors import MigrationFailed
from graph.catalog import ReadStatement, WriteStatement
from graph.client import GraphClient, Row, Writer
from graph.migrations import Migration, load_migrations, migrate
from tests.conftest import GRAPH_SETTINGS

ONE = Migration(
    9001,
    "trial",
    (
        "MERGE (n:Trial {id: 'a'}) SET n.steps = 1",
        "MERGE (n:Trial {id: 'b'}) SET n.steps = 2",
        "MATCH (n:Trial {id: 'a'}) SET n.name = 'first'",
    ),
)
FORGET = WriteStatement(
    "forget", "MATCH (n) WHERE n:Trial OR (n:Migration AND n.version > 9000) DETACH DELETE n", frozenset()
)
TRIALS = ReadStatement(
    "trials", "MATCH (n:Trial) RETURN n.id AS id, n.steps AS steps, n.name AS name ORDER BY id", frozenset()
)
WHOLE: list[Row] = [{"id": "a", "steps": 1, "name": "first"}, {"id": "b", "steps": 2, "name": None}]


class Killed(BaseException):
    """Stands for the end of the process."""


class Crashing(Writer):
    """Ends at the n-th write, before or after it took effect."""

    def __init__(self, client: GraphClient, at: int, after: bool) -> None:
        super().__init__(client.session)
        self.at, self.after, self.count = at, after, 0

    async def _step(self, run: object, statement: WriteStatement, parameters: Row) -> list[Row]:
        self.count += 1
        if self.count == self.at and not self.after:
            raise Killed
        rows: list[Row] = await run(statement, **parameters)  # type: ignore[operator]
        if self.count == self.at:
            raise Killed
        return rows

    async def write(self, statement: WriteStatement, /, **parameters: object) -> list[Row]:
        return await self._step(super().write, statement, parameters)

    async def command(self, statement: WriteStatement, /, **parameters: object) -> list[Row]:
        return await self._step(super().command, statement, parameters)


async def test_the_second_run_does_nothing(graph: GraphClient) -> None:
    assert await migrate(graph.writer) == 0


@pytest.mark.parametrize("after", [False, True])
async def test_t14_a_migration_killed_at_any_statement_resumes(graph: GraphClient, after: bool) -> None:
    for at in range(1, 2 * len(ONE.statements) + 4):
        await graph.writer.write(FORGET)
        with pytest.raises(Killed):
            await migrate(Crashing(graph, at, after), [ONE])
        await migrate(graph.writer, [ONE])
        assert await graph.reader.read(TRIALS) == WHOLE
        assert await migrate(graph.writer, [ONE]) == 0
    await graph.writer.write(FORGET)


async def test_of_eight_who_migrate_at_once_one_does(graph: GraphClient) -> None:
    unconstrain = WriteStatement("unconstrain", "DROP CONSTRAINT migration_id IF EXISTS", frozenset())
    unlock = WriteStatement("unlock", "DROP CONSTRAINT migration_lock_id IF EXISTS", frozenset())
    for statement in (FORGET, unconstrain, unlock):
        await graph.writer.command(statement)
    count = replace(ONE, statements=("CREATE (:Trial {id: 'once'})", *ONE.statements))
    constraint = Migration(
        9002, "key", ("CREATE CONSTRAINT trial_id IF NOT EXISTS FOR (n:Trial) REQUIRE n.id IS UNIQUE",)
    )
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(GraphClient(graph.address, GRAPH_SETTINGS)) for _ in range(8)]
        ran = await asyncio.gather(*(migrate(client.writer, [count, constraint]) for client in clients))
    assert sorted(ran) == [0] * 7 + [5]
    nodes = await graph.session.read("MATCH (m:Migration) WHERE m.version > 9000 RETURN m.version AS v ORDER BY v", {})
    assert [row["v"] for row in nodes] == [9001, 9002]
    assert len(await graph.reader.read(TRIALS)) == 3
    assert await graph.session.read("MATCH (l:MigrationLock) RETURN count(l) AS n", {}) == [{"n": 0}]
    await graph.writer.command(WriteStatement("drop", "DROP CONSTRAINT trial_id", frozenset()))
    await graph.writer.write(FORGET)


async def test_records_that_are_there_more_than_once_become_one(graph: GraphClient) -> None:
    await graph.writer.command(WriteStatement("open", "DROP CONSTRAINT migration_id IF EXISTS", frozenset()))
    await graph.session.write(
        "UNWIND [1, 3, 2] AS done CREATE (:Migration {id: 9001, version: 9001, checksum: $checksum, done: done})",
        {"checksum": ONE.checksum},
    )
    other = replace(ONE, version=9002, statements=("MERGE (n:Trial {id: 'c'})",))
    assert await migrate(graph.writer, [ONE, other]) == 1
    text = "MATCH (m:Migration) WHERE m.version = 9001 RETURN collect(m.done) AS done"
    assert await graph.session.read(text, {}) == [{"done": [3]}]
    await graph.writer.write(FORGET)


async def test_a_migration_that_changed_after_it_was_applied_is_refused(graph: GraphClient) -> None:
    await migrate(graph.writer, [ONE])
    changed = replace(ONE, statements=("MERGE (n:Trial {id: 'c'})",))
    with pytest.raises(MigrationFailed, match="V9001__trial changed after it was applied"):
        await migrate(graph.writer, [changed])
    await graph.writer.write(FORGET)


def test_the_files_are_numbered_from_one_without_gaps() -> None:
    assert [m.version for m in load_migrations()] == list(range(1, len(load_migrations()) + 1))
