"""Migrations: once each, in order, and safe to interrupt anywhere (T14)."""

from dataclasses import replace

import pytest

from cinegraph.errors import MigrationFailed
from graph.catalog import ReadStatement, WriteStatement
from graph.client import GraphClient, Row, Writer
from graph.migrations import Migration, load_migrations, migrate

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
    for at in range(1, 2 * len(ONE.statements) + 1):
        await graph.writer.write(FORGET)
        with pytest.raises(Killed):
            await migrate(Crashing(graph, at, after), [ONE])
        await migrate(graph.writer, [ONE])
        assert await graph.reader.read(TRIALS) == WHOLE
        assert await migrate(graph.writer, [ONE]) == 0
    await graph.writer.write(FORGET)


async def test_a_migration_that_changed_after_it_was_applied_is_refused(graph: GraphClient) -> None:
    await migrate(graph.writer, [ONE])
    changed = replace(ONE, statements=("MERGE (n:Trial {id: 'c'})",))
    with pytest.raises(MigrationFailed, match="V9001__trial changed after it was applied"):
        await migrate(graph.writer, [changed])
    await graph.writer.write(FORGET)


def test_the_files_are_numbered_from_one_without_gaps() -> None:
    assert [m.version for m in load_migrations()] == list(range(1, len(load_migrations()) + 1))
