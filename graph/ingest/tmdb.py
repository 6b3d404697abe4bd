"""TMDB's facts become titles, people, keywords and all else that hangs on a movie."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import ValidationError

from graph.catalog import read_statement
from graph.client import Reader, Row, Writer
from graph.ingest import kaggle
from graph.ingest.checkpoint import find_finished, open_checkpoint
from graph.ingest.findings import Findings
from graph.ingest.loader import Loader
from graph.ingest.options import IngestOptions, Progress, in_thread, silent
from graph.ingest.quality import QualityReport, report
from graph.ingest.quarantine import Quarantine
from graph.ingest.records import MovieFacts, problem_of
from graph.ingest.rows import FactRows
from graph.ingest.source import Source, open_source
from graph.ingest.titles import similarity
from graph.ingest.workspace import work_folder

AT_ONCE: Final = 500
"""Films of one batch at most."""
UNLIKE: Final = 0.4
"""Titles less alike than this (0 to 1) have little in common."""
APART: Final = 10
"""Years between two dates from which on they are those of two films, even of one title."""

Found: TypeAlias = Iterator[MovieFacts]


async def ingest_tmdb(
    writer: Writer, path: Path, options: IngestOptions | None = None, progress: Progress = silent
) -> QualityReport:
    """Bring TMDB's facts into the graph, by the links that MovieLens has brought.

    `path` is a file of JSON lines (plain or `.gz`), or a folder or zip with Kaggle's files.
    """
    options = options or IngestOptions()
    source = await asyncio.to_thread(find_files, path)
    (links,) = await writer.read(read_statement("import/links"))
    add = options.add_unlinked if options.add_unlinked is not None else not links["linked"]
    fingerprint = await asyncio.to_thread(source.fingerprint, *depends_on(links["fingerprints"], add, options))
    known = await find_finished(writer, "tmdb", source.name, fingerprint, options.force)
    if known is not None:
        return await report(writer, f"tmdb:{source.name}", known, unchanged=True)
    with work_folder(options.work) as folder:
        facts = await check_tmdb(source, Linker(in_graph(writer), add), folder, options, progress)
        checkpoint = await open_checkpoint(writer, "tmdb", source.name, fingerprint, options.force)
        loader = Loader(checkpoint, options, progress)
        await loader.facts(facts.batches, facts.movies)
        await loader.copy_popularity()
    await checkpoint.finish(facts.findings)
    return await report(writer, checkpoint.id, facts.findings, unchanged=False)


def depends_on(movielens: list[str], add_unlinked: bool, options: IngestOptions) -> tuple[object, ...]:
    """What the facts in the graph depend on beside the files: with another of these, the same files are read anew."""
    return (movielens, add_unlinked, options.cast_limit, sorted(options.crew_jobs))


def find_files(path: Path) -> Source:
    """The files at a path: Kaggle's by their names, else JSON lines, a file or the only such one of a folder."""
    if path.is_dir() and len(of_lines := [*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")]) == 1:
        path = of_lines[0]
    if path.is_file() and path.name in kaggle.NAMES:
        path = path.parent
    if path.is_file() and path.suffix != ".zip":
        return Source(path, {path.name: path.name})
    return open_source(path, kaggle.WANTED, kaggle.OPTIONAL, "a file of JSON lines, plain or .gz, or ")


def read_films(source: Source, folder: Path, quarantine: Quarantine) -> Found:
    """The good films of a source, in the order of the file."""
    if kaggle.NAMES & source.places.keys():
        return kaggle.read_kaggle(source, folder, quarantine)
    return read_lines(source, quarantine)


def read_lines(source: Source, quarantine: Quarantine) -> Found:
    """The good films of a file with one JSON object a line."""
    (name,) = source.places
    for row, line in source.lines(name):
        quarantine.count(name, 1)
        try:
            yield MovieFacts.model_validate_json(line)
        except ValidationError as error:
            quarantine.refuse(name, row, problem_of(error))


@dataclass
class Facts:
    """Films whose every row was looked at, as rows of the graph in a file."""

    file: Path
    movies: int = 0
    findings: Findings = field(default_factory=Findings)

    def add(self, rows: FactRows) -> None:
        """One batch."""
        self.movies += len(rows.facts)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(vars(rows), ensure_ascii=False) + "\n")

    def batches(self) -> Iterator[tuple[int, FactRows]]:
        """All batches, with their numbers of movies."""
        if self.file.exists():
            with self.file.open(encoding="utf-8") as lines:
                for line in lines:
                    rows = FactRows(**json.loads(line))
                    yield len(rows.facts), rows


async def check_tmdb(
    source: Source, linker: "Linker", folder: Path, options: IngestOptions, progress: Progress = silent
) -> Facts:
    """Look at every film, find the movies it belongs to and what contradicts them; raises when too many are bad."""
    quarantine = Quarantine(options.quarantine)
    facts = Facts(folder / "facts.jsonl")
    try:
        done = 0
        async for films in _batches(read_films(source, folder, quarantine)):
            facts.add(await linker.link(films, options))
            done += len(films)
            progress("checking films", done, None)
    finally:
        quarantine.close()
    quarantine.judge(options.max_bad)
    facts.findings = linker.findings
    facts.findings.rows, facts.findings.bad_rows = quarantine.rows(), quarantine.first()
    return facts


async def _batches(films: Found) -> AsyncIterator[list[MovieFacts]]:
    def pieces() -> Iterator[list[MovieFacts]]:
        piece: list[MovieFacts] = []
        for film in films:
            piece.append(film)
            if len(piece) == AT_ONCE:
                yield piece
                piece = []
        if piece:
            yield piece

    async for piece in in_thread(pieces()):
        yield piece


Lookup: TypeAlias = Callable[[list[int]], Awaitable[list[Row]]]
"""The movies that link to some of TMDB's ids: as `ingest/linked` gives them."""


def in_graph(reader: Reader) -> Lookup:
    """Links as the graph has them."""

    async def lookup(ids: list[int]) -> list[Row]:
        (row,) = await reader.read(read_statement("ingest/linked"), ids=ids)
        movies: list[Row] = row["movies"]
        return movies

    return lookup


class Linker:
    """Finds the movies of films by TMDB's ids, and says where the two contradict each other."""

    def __init__(self, lookup: Lookup, add_unlinked: bool) -> None:
        self._lookup, self._add_unlinked = lookup, add_unlinked
        self._seen: set[int] = set()
        self.findings = Findings()

    async def link(self, films: Iterable[MovieFacts], options: IngestOptions) -> FactRows:
        """The rows of some films; one that came before is left out."""
        new = [film for film in films if self._is_new(film)]
        known: dict[int, list[Row]] = {}
        for movie in await self._lookup([film.id for film in new]):
            known.setdefault(movie["tmdbId"], []).append(movie)
        rows = FactRows()
        for film in new:
            for movie_id in self._movie_ids(film, known.get(film.id, [])):
                rows.add(movie_id, film, options)
        return rows

    def _is_new(self, film: MovieFacts) -> bool:
        if film.id in self._seen:
            self.findings.add("repeated_film", _name(film))
        is_new = film.id not in self._seen
        self._seen.add(film.id)
        return is_new

    def _movie_ids(self, film: MovieFacts, movies: list[Row]) -> list[str]:
        own = f"tmdb:{film.id}"
        linked = [movie for movie in movies if movie["id"] != own]
        for movie in linked:
            self._compare(movie, film)
        if linked:
            return [str(movie["id"]) for movie in linked]
        self.findings.add("unlinked_film", _name(film), "became a movie" if self._add_unlinked else "left out")
        return [own] if self._add_unlinked else []

    def _compare(self, movie: Row, film: MovieFacts) -> None:
        subject = f"{movie['title']} ({movie['year'] or 'no year'}), movie {movie['id']}"
        years = abs(movie["year"] - film.year) if movie["year"] and film.year else 0
        names = [name for name in (movie["title"], movie["originalTitle"]) if name]
        alike = similarity(names, [name for name in (film.title, film.original_title) if name])
        if years >= APART or (alike < UNLIKE and years > 1):
            self.findings.add("wrong_link", subject, _name(film))
        elif alike < UNLIKE:
            self.findings.add("title_differs", subject, _name(film))
        if movie["imdbId"] and film.imdb_id and movie["imdbId"] != film.imdb_id:
            self.findings.add("imdb_differs", subject, f"{movie['imdbId']}, and at TMDB {film.imdb_id}")


def _name(film: MovieFacts) -> str:
    return f"TMDB {film.id}: {film.title} ({film.year or 'no year'})"
