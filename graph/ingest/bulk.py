"""The offline way for large data sets: CSV files for `neo4j-admin database import full`, into a new store.

It replaces the whole graph, so it is refused where there is one already, unless told to; the server must not run, and
cannot be started meanwhile. The new store is made, indexed and recorded in a folder of its own, and takes the place of
the old one in the last step: whatever fails before that, a kill too, leaves the old graph as it was.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from cinegraph.errors import IngestError, InvalidInput
from cinegraph.settings import GraphSettings
from graph.catalog import read_statement
from graph.client import GraphClient, Row
from graph.ingest.checkpoint import open_checkpoint, recorded
from graph.ingest.exchange import exchange, mend
from graph.ingest.layouts import find_layout
from graph.ingest.movielens import MovieLens, check_movielens
from graph.ingest.options import IngestOptions, Progress, in_thread, silent
from graph.ingest.quality import QualityReport, report
from graph.ingest.tables import GraphTables, Statistics
from graph.ingest.tmdb import Facts, Linker, Lookup, check_tmdb, depends_on, find_files
from graph.ingest.workspace import work_folder
from graph.local import LocalServer
from graph.migrations import migrate
from graph.threads import stoppable

STORE: Final = "databases/neo4j"
"""Where the graph lies in the folder of data."""


@dataclass(frozen=True, slots=True)
class BulkSources:
    """What is imported at once: a MovieLens data set, and TMDB's facts where there are some."""

    movielens: Path
    tmdb: Path | None = None


@dataclass(frozen=True, slots=True)
class _Print:
    """What is recorded of a source, so that it counts as ingested."""

    kind: str
    name: str
    fingerprint: str


Checked: TypeAlias = tuple[list[_Print], MovieLens, Facts]


async def ingest_bulk(
    server: LocalServer,
    settings: GraphSettings,
    sources: BulkSources,
    options: IngestOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> QualityReport:
    """Make the local graph anew from files, without transactions; the server runs only before and after.

    The same checks as online come first, and with too many bad rows the old graph stays. Raises `InvalidInput` while
    the server runs, and for a graph that is not empty unless `overwrite`.
    """
    options = options or IngestOptions()
    with server.closed():
        await asyncio.to_thread(mend, _data(server), STORE)
        if not overwrite:
            await _refuse_full(server, settings)
        with work_folder(server.folder, "import-") as folder:
            prints, data, facts = await _check(sources, folder, options, progress)
            tables = await _write(data, facts, folder, progress)
            new = server.beside(folder)
            found = await _make(new, settings, tables, (prints, data, facts), progress)
            await asyncio.to_thread(exchange, _data(new), _data(server))
    return found


def _data(server: LocalServer) -> Path:
    return server.folder / "neo4j" / "data"


async def _refuse_full(server: LocalServer, settings: GraphSettings) -> None:
    if not (_data(server) / STORE).exists():
        return
    async with _client(server, settings) as client:
        (state,) = await client.reader.read(read_statement("import/is_empty"))
    if state["nodes"]:
        raise InvalidInput(
            f"the graph has {state['nodes']:,} nodes, and an import replaces all of it, also what users did there; say "
            f"--overwrite if that is meant; to add to it, ingest with movielens and tmdb instead of bulk"
        )


async def _make(
    new: LocalServer, settings: GraphSettings, tables: GraphTables, checked: Checked, progress: Progress
) -> QualityReport:
    """The store of a new graph, with its indexes and the record of what is in it."""
    progress("importing", 0, None)
    await stoppable(lambda ending: _import(new, tables, ending))
    async with _client(new, settings) as client:
        progress("indexes", 0, None)
        await migrate(client.writer)
        return await _record(client, *checked)


@contextlib.asynccontextmanager
async def _client(server: LocalServer, settings: GraphSettings) -> AsyncIterator[GraphClient]:
    """A client of the server, which runs only as long as this."""
    running = await stoppable(server.run)
    try:
        async with GraphClient(server.address(running), settings) as client:
            yield client
    finally:
        await asyncio.to_thread(server.end, running)


async def _check(sources: BulkSources, folder: Path, options: IngestOptions, progress: Progress) -> Checked:
    """Look at every row of every file, before anything of the old graph is touched."""
    source, layout = await asyncio.to_thread(find_layout, sources.movielens)
    prints = [_Print("movielens", source.name, await asyncio.to_thread(source.fingerprint))]
    data = await check_movielens(source, layout, folder, options, progress)
    if sources.tmdb is None:
        return prints, data, Facts(folder / "facts.jsonl")
    add = options.add_unlinked if options.add_unlinked is not None else not any(x.tmdb_id for x in data.links.values())
    films = await asyncio.to_thread(find_files, sources.tmdb)
    known = depends_on([recorded(prints[0].fingerprint)], add, options)
    prints.append(_Print("tmdb", films.name, await asyncio.to_thread(films.fingerprint, *known)))
    return prints, data, await check_tmdb(films, Linker(_in_files(data), add), folder, options, progress)


def _in_files(data: MovieLens) -> Lookup:
    """Links as MovieLens' own files have them."""
    movies: dict[int, list[Row]] = {}
    for row in data.movie_rows():
        if row["tmdbId"] is not None:
            movies.setdefault(row["tmdbId"], []).append(row)

    async def lookup(ids: list[int]) -> list[Row]:
        return sorted((row for id in ids for row in movies.get(id, [])), key=lambda row: str(row["id"]))

    return lookup


async def _write(data: MovieLens, facts: Facts, folder: Path, progress: Progress) -> GraphTables:
    tables, statistics = await asyncio.to_thread(GraphTables, folder), Statistics()
    done = 0
    async for ratings in in_thread(iter(data.ratings)):
        await asyncio.to_thread(tables.ratings, ratings)
        await asyncio.to_thread(statistics.add, ratings)
        done += ratings.size
        progress("writing ratings", done, data.ratings.rows)
    progress("writing movies", 0, len(data.movies))
    await asyncio.to_thread(tables.movies, data, (rows for _, rows in facts.batches()), statistics)
    progress("writing tags", 0, None)
    await asyncio.to_thread(tables.tags, data)
    return tables


def _import(server: LocalServer, tables: GraphTables, ending: threading.Event) -> None:
    arguments = [
        "database",
        "import",
        "full",
        "neo4j",
        "--id-type=string",
        "--bad-tolerance=0",
        f"--multiline-fields={str(tables.has_lines()).lower()}",
        f"--threads={os.cpu_count() or 1}",
        f"--report-file={tables.folder / 'import.report'}",
        *tables.arguments(),
    ]
    done = server.admin(*arguments, ending=ending)
    if done.returncode:
        words = "\n".join(done.stdout.strip().splitlines()[-6:])
        raise IngestError(f"neo4j-admin could not import the files; the graph is as it was. Its last words:\n{words}")


async def _record(client: GraphClient, prints: list[_Print], data: MovieLens, facts: Facts) -> QualityReport:
    """Note what is in the graph, so that the same files are not ingested again."""
    found = {"movielens": data.findings, "tmdb": facts.findings}
    for one in prints:
        checkpoint = await open_checkpoint(client.writer, one.kind, one.name, one.fingerprint, force=False)
        await checkpoint.finish(found[one.kind])
    return await report(client.reader, f"{prints[-1].kind}:{prints[-1].name}", found[prints[-1].kind], unchanged=False)
