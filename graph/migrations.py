"""Versioned changes of the graph: each statement once, in order, recorded in the graph itself.

A statement is recorded after it ran, so a kill between the two runs it again: every statement of a migration must be
safe to repeat (`IF NOT EXISTS`, `MERGE`). A file that changed after it was applied is refused. `U0002__….cypher` undoes
`V0002__….cypher`, for a return to an older Cinegraph; the first version has nothing to go back to.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from cinegraph.errors import GraphConflict, GraphStatementFailed, InvalidInput, MigrationFailed, SchemaMissing
from graph.catalog import WriteStatement, read_statement, write_statement
from graph.client import Reader, Row, Writer

PATIENCE: Final = (0.1, 0.5, 2.0)
"""Seconds to wait before a constraint is made again."""
_NAME = re.compile(r"V((\d{4})__(\w+))\.cypher")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of statements, and those of the file that undoes it (none where nothing does)."""

    version: int
    name: str
    statements: tuple[str, ...]
    undo: tuple[str, ...] = ()

    @property
    def checksum(self) -> str:
        """Of the statements, not of the comments around them."""
        return hashlib.sha256("\x00".join(self.statements).encode()).hexdigest()[:16]


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """All migrations in order of their versions; two with one version are an error."""
    texts = {
        file.name: file.read_text(encoding="utf-8")
        for file in (folder or resources.files("migrations") / "graph").iterdir()
        if file.name.endswith(".cypher")
    }
    found = []
    for match in filter(None, map(_NAME.fullmatch, texts)):
        undo = _statements(texts.get(f"U{match[1]}.cypher", ""))
        found.append(Migration(int(match[2]), match[3], _statements(texts[match[0]]), undo))
    found.sort(key=lambda migration: migration.version)
    versions = [migration.version for migration in found]
    if len(set(versions)) < len(versions):
        raise MigrationFailed(f"two migrations have one version: {versions}; give the newer one the next number")
    return tuple(found)


def _statements(text: str) -> tuple[str, ...]:
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
    return tuple(part.strip() for part in re.split(r";\s*(?:\n|$)", bare) if part.strip())


async def migrate(writer: Writer, migrations: Iterable[Migration] | None = None) -> int:
    """Bring the graph to the newest version; the number of statements that ran. Going on after a kill is safe, and of
    several who do it at once one does it, while the others wait."""
    wanted = load_migrations() if migrations is None else tuple(migrations)
    _refuse_newer(await _applied(writer), wanted)
    return await _forward(writer, wanted)


async def _forward(writer: Writer, wanted: Iterable[Migration]) -> int:
    if not any(missing for _, missing in await _missing(writer, wanted)):
        return 0
    await _constrain(writer, "migration/lockable")
    async with writer.holding(write_statement("migration/lock")):
        await writer.write(write_statement("migration/unite"))
        await _constrain(writer, "migration/constrain")
        ran = 0
        for migration, missing in await _missing(writer, wanted):
            ran += await _apply(writer, migration, len(migration.statements) - missing)
        if ran:
            await writer.command(write_statement("migration/await"))
    return ran


async def migrate_to(writer: Writer, version: int, migrations: Iterable[Migration] | None = None) -> None:
    """Bring the graph to a version, forward or back; nothing in it is lost, and what a kill leaves half done is whole
    after the next `migrate_to` or `migrate`. Raises `InvalidInput` for a version that there is no way to."""
    known = load_migrations() if migrations is None else tuple(migrations)
    _refuse_newer(await _applied(writer), known)
    back = [one for one in reversed(known) if one.version > version]
    if version not in [one.version for one in known] or any(not one.undo for one in back):
        last = known[-1].version
        first = max((one.version for one in known if not one.undo), default=last)
        raise InvalidInput(f"there is no way to version {version} of the graph; {first} to {last} can be asked for")
    await _forward(writer, known[: len(known) - len(back)])
    async with writer.holding(write_statement("migration/lock")):
        applied = await _applied(writer)
        for migration in back:
            if migration.version in applied:
                await _undo(writer, migration)
        await writer.command(write_statement("migration/await"))


async def _undo(writer: Writer, migration: Migration) -> None:
    """From the first step on the record says that nothing of it is applied, so that it can be applied again."""
    await _record(writer, migration, 0)
    for text in migration.undo:
        await writer.command(WriteStatement(migration.name, text, frozenset()))
    await writer.write(write_statement("migration/forget"), version=migration.version)


async def _constrain(writer: Writer, name: str) -> None:
    """Make a constraint where there is none; of several who make it at once some are told that it is being made."""
    for seconds in PATIENCE:
        try:
            await writer.command(write_statement(name))
            return
        except (GraphConflict, GraphStatementFailed):
            await asyncio.sleep(seconds)
    await writer.command(write_statement(name))


async def _missing(writer: Writer, wanted: Iterable[Migration]) -> list[tuple[Migration, int]]:
    """Each migration, and how many of its statements have not run."""
    applied = await _applied(writer)
    found = []
    for migration in wanted:
        row = applied.get(migration.version)
        _refuse_changed(migration, row)
        found.append((migration, len(migration.statements) - int(row["done"] if row else 0)))
    return found


async def check_schema(reader: Reader) -> None:
    """Raise `SchemaMissing` for a graph that lacks a migration, `MigrationFailed` for one that has more than we know;
    nothing is written."""
    applied, known = await _applied(reader), load_migrations()
    _refuse_newer(applied, known)
    done = {version: row["done"] for version, row in applied.items()}
    missing = [one for one in known if done.get(one.version, 0) < len(one.statements)]
    if missing:
        names = ", ".join(f"V{one.version:04}__{one.name}" for one in missing)
        raise SchemaMissing(
            f"the graph lacks what Cinegraph needs ({names}), and this command only reads; cinegraph graph migrate "
            f"makes it ready, and so does every command that writes: ingest, train, serve"
        )


async def _applied(reader: Reader) -> dict[int, Row]:
    """What the graph says of each migration that was begun, by version."""
    return {row["version"]: row for row in await reader.read(read_statement("migration/applied"))}


def _refuse_newer(applied: Iterable[int], known: Sequence[Migration]) -> None:
    newest, last = max(applied, default=0), max((one.version for one in known), default=0)
    if newest > last:
        raise MigrationFailed(
            f"the graph is at version {newest}, and this Cinegraph knows versions up to {last}: use the newer "
            f"Cinegraph, or take the graph back with it first: cinegraph graph migrate --to {last}"
        )


def _refuse_changed(migration: Migration, applied: Row | None) -> None:
    if applied and applied["checksum"] != migration.checksum:
        raise MigrationFailed(
            f"V{migration.version:04}__{migration.name} changed after it was applied (was {applied['checksum']}, is "
            f"{migration.checksum}); put the file back as it was and write a new migration for the change"
        )


async def _apply(writer: Writer, migration: Migration, done: int) -> int:
    for number, text in enumerate(migration.statements[done:], done + 1):
        await writer.command(WriteStatement(migration.name, text, frozenset()))
        await _record(writer, migration, number)
    return len(migration.statements) - done


async def _record(writer: Writer, migration: Migration, done: int) -> None:
    """Note how many statements of a migration are applied."""
    await writer.write(
        write_statement("migration/record"),
        version=migration.version,
        name=migration.name,
        checksum=migration.checksum,
        statements=len(migration.statements),
        done=done,
    )
