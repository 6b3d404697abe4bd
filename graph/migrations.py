"""Versioned changes of the graph: each statement once, in order, recorded in the graph itself.

A statement is recorded after it ran, so a kill between the two runs it again: every statement of a migration must be
safe to repeat (`IF NOT EXISTS`, `MERGE`). A file that changed after it was applied is refused.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from cinegraph.errors import MigrationFailed, SchemaMissing
from graph.catalog import WriteStatement, read_statement, write_statement
from graph.client import Reader, Row, Writer

_NAME = re.compile(r"V(\d{4})__(\w+)\.cypher")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of statements."""

    version: int
    name: str
    statements: tuple[str, ...]

    @property
    def checksum(self) -> str:
        """Of the statements, not of the comments around them."""
        return hashlib.sha256("\x00".join(self.statements).encode()).hexdigest()[:16]


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """All migrations in order of their versions; two with one version are an error."""
    found = []
    for file in (folder or resources.files("migrations") / "graph").iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], _statements(file.read_text(encoding="utf-8"))))
    found.sort(key=lambda migration: migration.version)
    versions = [migration.version for migration in found]
    if len(set(versions)) < len(versions):
        raise MigrationFailed(f"two migrations have one version: {versions}; give the newer one the next number")
    return tuple(found)


def _statements(text: str) -> tuple[str, ...]:
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
    return tuple(part.strip() for part in re.split(r";\s*(?:\n|$)", bare) if part.strip())


async def migrate(writer: Writer, migrations: Iterable[Migration] | None = None) -> int:
    """Bring the graph to the newest version; the number of statements that ran. Going on after a kill is safe."""
    applied = {row["version"]: row for row in await writer.read(read_statement("migration/applied"))}
    ran = 0
    for migration in load_migrations() if migrations is None else migrations:
        _refuse_changed(migration, applied.get(migration.version))
        ran += await _apply(writer, migration, int(applied.get(migration.version, {"done": 0})["done"]))
    if ran:
        await writer.command(write_statement("migration/await"))
    return ran


async def check_schema(reader: Reader) -> None:
    """Raise `SchemaMissing` for a graph that lacks a migration; nothing is written."""
    applied = {row["version"]: row["done"] for row in await reader.read(read_statement("migration/applied"))}
    missing = [one for one in load_migrations() if applied.get(one.version, 0) < len(one.statements)]
    if missing:
        names = ", ".join(f"V{one.version:04}__{one.name}" for one in missing)
        raise SchemaMissing(
            f"the graph lacks what Cinegraph needs ({names}), and this command only reads; cinegraph graph migrate "
            f"makes it ready, and so does every command that writes: ingest, train, serve"
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
        await writer.write(
            write_statement("migration/record"),
            version=migration.version,
            name=migration.name,
            checksum=migration.checksum,
            statements=len(migration.statements),
            done=number,
        )
    return len(migration.statements) - done
