"""Migrations: once each, in order, and safe to interrupt anywhere (T14)."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from cinegraph.errors import InvalidInput, MigrationFailed
from graph.catalog import ReadStatement, WriteStatement, read_statement
from graph.client import GraphClient, Row, Writer
from graph.experiments import expose, sums
from graph.migrations import Migration, check_schema, load_migrations, migrate, migrate_to
from tests import tiny
from tests.conftest import GRAPH_SETTINGS
from tests.experimenting import begun, crowd, exposure

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
APPLIED = read_statement("migration/applied")
SCHEMA = ReadStatement(
    "schema",
    "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties RETURN * ORDER BY name",
    frozenset(),
)
CONTENT = ReadStatement(
    "content",
    "MATCH (n) WHERE NOT n:Migration OPTIONAL MATCH (n)-[r]->(m) "
    "RETURN labels(n) AS labels, properties(n) AS node, type(r) AS type, properties(r) AS edge, m.id AS end "
    "ORDER BY labels, n.id, type, end",
    frozenset(),
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


NEWEST = load_migrations()[-1].version
STEPS = {version: 1 + sum(2 + len(one.undo) for one in load_migrations()[version:]) for version in range(1, NEWEST)}
"""The writes of a way back to each version: of each migration the record, its undoing, the record; last the wait."""


async def schema_and_content(graph: GraphClient) -> tuple[list[Row], list[Row]]:
    return await graph.reader.read(SCHEMA), await graph.reader.read(CONTENT)


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_t14_the_way_back_and_forth_loses_nothing_wherever_it_is_killed(graph: GraphClient, version: int) -> None:
    await tiny.load(graph)
    newest = await schema_and_content(graph)
    await migrate_to(graph.writer, version)
    older = await schema_and_content(graph)
    changes = " ".join(text for one in load_migrations()[version:] for text in one.undo)
    assert (older[0] == newest[0], older[1] == newest[1]) == ("DROP " not in changes, True)
    assert [row["version"] for row in await graph.reader.read(APPLIED)] == [*range(1, version + 1)]
    assert await migrate(graph.writer) > 0
    assert await schema_and_content(graph) == newest
    for at in range(1, STEPS[version] + 1):
        with pytest.raises(Killed):
            await migrate_to(Crashing(graph, at, after=at % 2 == 0), version)
        if at % 3:
            await migrate_to(graph.writer, version)
            assert await schema_and_content(graph) == older
        await migrate(graph.writer)
        assert await schema_and_content(graph) == newest


async def test_sums_of_arms_are_worked_out_from_what_was_exposed_before_there_were_any(graph: GraphClient) -> None:
    await begun(graph)
    await crowd(graph, "control", [f"c{n}" for n in range(6)], [0, 1, 2], dismissed=2)
    await expose(graph.writer, "one", [exposure("late", 9_000, "new")])
    await migrate_to(graph.writer, 5)
    assert await sums(graph.reader, ["one"]) == []
    await crowd(graph, "control", ["d0", "d1"], [3])  # by an older Cinegraph, which sums nothing up
    await migrate_to(graph.writer, 5)
    await migrate(graph.writer)
    found = {(row["arm"], row["outcome"]): row for row in await sums(graph.reader, ["one"])}
    liked = {"exposed": 8, "users": 8, "y": 12, "yy": 28, "x": 0, "xx": 0, "xy": 0}
    assert found["control", "liked"] == {"id": "one", "arm": "control", "outcome": "liked", **liked}
    assert (found["control", "dismissed"]["y"], found["control", "dismissed"]["yy"]) == (12, 24)
    assert (found["new", "liked"]["exposed"], found["new", "liked"]["users"]) == (1, 0)


async def test_a_version_that_there_is_no_way_to_is_refused(graph: GraphClient) -> None:
    for version in (0, NEWEST + 1):
        with pytest.raises(InvalidInput, match=f"no way to version {version} of the graph; 1 to {NEWEST} can be"):
            await migrate_to(graph.writer, version)
    assert await migrate(graph.writer) == 0


def test_every_migration_but_the_first_can_be_undone() -> None:
    assert [one.version for one in load_migrations() if not one.undo] == [1]


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


async def test_a_graph_that_is_newer_than_the_program_is_refused_and_left_as_it_is(graph: GraphClient) -> None:
    await migrate(graph.writer, [ONE])
    try:
        for refused in (migrate(graph.writer), migrate_to(graph.writer, NEWEST), check_schema(graph.reader)):
            with pytest.raises(MigrationFailed, match=rf"at version 9001, .* up to {NEWEST}: .* migrate --to {NEWEST}"):
                await refused
        assert await graph.reader.read(TRIALS) == WHOLE
    finally:
        await graph.writer.write(FORGET)


def test_the_files_are_numbered_from_one_without_gaps() -> None:
    assert [m.version for m in load_migrations()] == list(range(1, len(load_migrations()) + 1))
