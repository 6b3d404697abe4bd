"""Kaggle's two extracts of TMDB as the same records: lists stand in the cells of CSV files, as JSON or as Python text.

Credits and keywords are in files of their own, in another order: they are kept in a file by film, so that memory does
not grow with them. Python text is read as literals only; nothing in it is ever run.
"""

import ast
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from cinegraph.errors import SourceMalformed
from graph.ingest.quarantine import Quarantine
from graph.ingest.records import Credits, Keywords, MovieFacts, Problem, Record, Refused, check, shown
from graph.ingest.source import Source

LONGEST_CELL: Final = 1 << 22
"""Characters of a cell at most; the longest list of credits has some 200,000."""
csv.field_size_limit(LONGEST_CELL)

Parse: TypeAlias = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Extract:
    """The files of one extract, and how their lists are written; `keywords` may be a column of the films' file."""

    films: str
    credits: str
    credits_id: str
    keywords: str
    parse: Parse


def _literal(text: str) -> Any:
    return ast.literal_eval(text)


FIVE: Final = Extract("tmdb_5000_movies.csv", "tmdb_5000_credits.csv", "movie_id", "", json.loads)
FULL: Final = Extract("movies_metadata.csv", "credits.csv", "id", "keywords.csv", _literal)
WANTED: Final = (frozenset({FIVE.films, FIVE.credits}), frozenset({FULL.films}))
OPTIONAL: Final = frozenset({FULL.credits, FULL.keywords})
NAMES: Final = frozenset({FIVE.films, FIVE.credits, FULL.films, FULL.credits, FULL.keywords})

LISTS: Final = ("genres", "production_companies", "production_countries", "spoken_languages")
PLAIN: Final = (
    "id",
    "title",
    "original_title",
    "original_language",
    "overview",
    "tagline",
    "release_date",
    "runtime",
    "vote_average",
    "vote_count",
)


def read_kaggle(source: Source, folder: Path, quarantine: Quarantine) -> Iterator[MovieFacts]:
    """The good films of an extract, each with its credits and keywords."""
    extract = FIVE if FIVE.films in source else FULL
    credits, keywords = Shelf(folder / "credits"), Shelf(folder / "keywords")
    if extract.credits in source:
        _shelve(source, extract, extract.credits, extract.credits_id, Credits, credits, quarantine)
    if extract.keywords in source:
        _shelve(source, extract, extract.keywords, "id", Keywords, keywords, quarantine)
    needed = {*PLAIN, *LISTS, *(() if extract.keywords else ("keywords",))}
    for row, cells in _cells(source, extract.films, needed, quarantine):
        try:
            film = check(MovieFacts, _film(cells, extract))
        except Refused as refused:
            quarantine.refuse(extract.films, row, refused.problem)
            continue
        more: dict[str, Record] = {}
        if extract.credits in source:
            more["credits"] = Credits.model_validate(credits.get(film.id))
        if extract.keywords in source:
            more["keywords"] = Keywords.model_validate(keywords.get(film.id))
        yield film.model_copy(update=more)


def _film(cells: Mapping[str, str], extract: Extract) -> dict[str, Any]:
    film: dict[str, Any] = {name: cells[name] for name in PLAIN}
    film.update({name: cells.get(name) for name in ("imdb_id", "poster_path")})
    film.update({name: _parsed(cells, name, extract.parse, list) for name in LISTS})
    if not extract.keywords:
        film["keywords"] = {"keywords": _parsed(cells, "keywords", extract.parse, list)}
    if cells.get("belongs_to_collection"):
        film["belongs_to_collection"] = _parsed(cells, "belongs_to_collection", extract.parse, dict)
    return film


def _parsed(cells: Mapping[str, str], name: str, parse: Parse, kind: type) -> Any:
    """The list or object in a cell; nothing in an empty one."""
    text = cells[name].strip()
    if not text:
        return kind()
    try:
        value = parse(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        value = None
    if not isinstance(value, kind):
        words = "list" if kind is list else "set of names and values"
        raise Refused(Problem(name, shown(text), f"is not a {words}"))
    return value


def _shelve(
    source: Source, extract: Extract, file: str, key: str, kind: type[Record], shelf: "Shelf", quarantine: Quarantine
) -> None:
    """Look at every row of credits or keywords, and keep the good ones by film."""
    columns = tuple(kind.model_fields)
    for row, cells in _cells(source, file, {key, *columns}, quarantine):
        try:
            values = {name: _parsed(cells, name, extract.parse, list) for name in columns}
            check(kind, values)
            if not cells[key].isdigit():
                raise Refused(Problem(key, shown(cells[key]), "should be a valid integer"))
        except Refused as refused:
            quarantine.refuse(file, row, refused.problem)
        else:
            shelf.put(int(cells[key]), values)


def _cells(
    source: Source, file: str, needed: set[str], quarantine: Quarantine
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of a CSV file by the names of its columns, each with the number of the line it begins in."""
    with source.open(file) as raw:
        reader = csv.reader(io.TextIOWrapper(raw, "utf-8-sig", "replace", newline=""))
        names = next(reader, [])
        if not needed <= set(names):
            missing = ", ".join(sorted(needed - set(names)))
            raise SourceMalformed(f"{source.path}: {file} has no column {missing}; it has {', '.join(names)}")
        row = reader.line_num + 1
        for cells in _rows(reader, source, file):
            if cells:
                quarantine.count(file, 1)
                if len(cells) == len(names):
                    yield row, dict(zip(names, cells, strict=True))
                else:
                    reason = f"has {len(cells)} fields where {len(names)} are expected"
                    quarantine.refuse(file, row, Problem("", shown(",".join(cells)), reason))
            row = reader.line_num + 1


def _rows(reader: Any, source: Source, file: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise SourceMalformed(
            f"{source.path}: {file} cannot be read from line {reader.line_num} on ({error}): a quote may not be closed"
        ) from error


@dataclass
class Shelf:
    """Values by number in a file, of which only the places are in memory."""

    file: Path
    _places: dict[int, tuple[int, int]] = field(default_factory=dict)
    _end: int = 0

    def put(self, number: int, values: Mapping[str, Any]) -> None:
        """Keep the values of a number; the last ones count."""
        data = json.dumps(values).encode()
        with self.file.open("ab") as out:
            out.write(data)
        self._places[number] = (self._end, len(data))
        self._end += len(data)

    def get(self, number: int) -> dict[str, Any]:
        """The values of a number, none where there are none."""
        if number not in self._places:
            return {}
        start, length = self._places[number]
        with self.file.open("rb") as file:
            file.seek(start)
            found: dict[str, Any] = json.loads(file.read(length))
        return found
