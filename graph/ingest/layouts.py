"""Every layout that GroupLens has published: what its files are called, how they are written, and how to read them.

Movies, links and tags are read line by line, so that a quote that is never closed costs one row and not the rest of
the file; ratings are many, and read in `ratings.py`.
"""

import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from cinegraph.errors import SourceMalformed
from graph.ingest.quarantine import Quarantine
from graph.ingest.records import Link, Movie, Problem, R, Refused, Tagging, check, shown
from graph.ingest.source import Source, open_source
from graph.ingest.titles import parse_title

TAG_FIELDS: Final = ("userId", "movieId", "tag", "timestamp")
LINK_FIELDS: Final = ("movieId", "imdbId", "tmdbId")
MOVIE_FIELDS: Final = ("movieId", "title", "genres")


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of a layout's files and how their fields are parted; `header` is whether they begin with names."""

    movies: str
    ratings: str
    tags: str
    links: str
    separator: str
    header: bool


CSV: Final = Layout("movies.csv", "ratings.csv", "tags.csv", "links.csv", ",", header=True)
DAT: Final = Layout("movies.dat", "ratings.dat", "tags.dat", "", "::", header=False)
UDATA: Final = Layout("u.item", "u.data", "", "u.genre", "\t", header=False)
LAYOUTS: Final = (CSV, DAT, UDATA)


def find_layout(path: Path) -> tuple[Source, Layout]:
    """The data set at a path; `SourceMalformed` names what was looked for."""
    optional = frozenset({"tags.csv", "links.csv", "tags.dat", "u.genre"})
    source = open_source(path, tuple(frozenset({x.movies, x.ratings}) for x in LAYOUTS), optional)
    return source, next(layout for layout in LAYOUTS if layout.movies in source)


def read_movies(source: Source, layout: Layout, quarantine: Quarantine) -> dict[int, Movie]:
    """All movies by their ids, in the order of the file."""
    movies: dict[int, Movie] = {}
    fields = _item_fields(source) if layout is UDATA else _movie_fields
    for row, movie in _records(source, layout, layout.movies, MOVIE_FIELDS, Movie, fields, quarantine):
        if movie.movie_id in movies:
            problem = Problem("movieId", str(movie.movie_id), "is the id of an earlier row too")
            quarantine.refuse(layout.movies, row, problem)
        else:
            movies[movie.movie_id] = movie
    if not movies:
        raise SourceMalformed(f"{source.path}: {layout.movies} has no movies")
    return movies


def read_links(source: Source, layout: Layout, known: Collection[int], quarantine: Quarantine) -> dict[int, Link]:
    """The movies' ids elsewhere, where the data set has them."""
    links: dict[int, Link] = {}
    if layout is not CSV or layout.links not in source:
        return links
    for row, link in _records(source, layout, layout.links, LINK_FIELDS, Link, _link_fields, quarantine):
        if link.movie_id in known:
            links[link.movie_id] = link
        else:
            quarantine.refuse(layout.links, row, unknown_movie(link.movie_id, layout))
    return links


def read_tags(source: Source, layout: Layout, known: Collection[int], quarantine: Quarantine) -> Iterator[Tagging]:
    """The tags that users gave, where the data set has them."""
    if layout.tags not in source:
        return
    for row, tagging in _records(source, layout, layout.tags, TAG_FIELDS, Tagging, _tag_fields, quarantine):
        if tagging.movie_id in known:
            yield tagging
        else:
            quarantine.refuse(layout.tags, row, unknown_movie(tagging.movie_id, layout))


Fields: TypeAlias = Callable[[list[str]], Mapping[str, Any]]


def _records(
    source: Source,
    layout: Layout,
    file: str,
    names: tuple[str, ...],
    kind: type[R],
    fields: Fields,
    quarantine: Quarantine,
) -> Iterator[tuple[int, R]]:
    encoding = "utf-8" if layout is CSV else _encoding(source, file)
    width = 24 if file == UDATA.movies else len(names)
    for row, line in source.lines(file):
        if layout.header and row == 1:
            check_header(source, file, line, names)
            continue
        quarantine.count(file, 1)
        try:
            record = check(kind, fields(_parts(line, encoding, layout, width)))
        except Refused as refused:
            quarantine.refuse(file, row, refused.problem)
        else:
            yield row, record


def _parts(line: bytes, encoding: str, layout: Layout, width: int) -> list[str]:
    text = line.decode("utf-8", "replace")
    try:
        text = line.decode(encoding)
        parts = _split(text, layout, width)
    except UnicodeDecodeError as error:
        raise Refused(Problem("", shown(text), "is not UTF-8")) from error
    except csv.Error as error:
        raise Refused(Problem("", shown(text), "has a quote that is not closed")) from error
    if len(parts) != width:
        raise Refused(Problem("", shown(text), f"has {len(parts)} fields where {width} are expected"))
    return parts


def _split(text: str, layout: Layout, width: int) -> list[str]:
    if layout is CSV:
        return next(csv.reader([text], strict=True))
    if layout is UDATA:
        return text.split("|")
    if width == len(TAG_FIELDS):  # a tag may hold the separator
        return [*text.rsplit("::", 1)[0].split("::", 2), *text.rsplit("::", 1)[1:]]
    return text.split("::")


def _encoding(source: Source, file: str) -> str:
    """Old data sets are in Latin-1, the others in UTF-8, which Latin-1 text hardly ever is by chance."""
    try:
        for _, block in source.blocks(file):
            block.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def check_header(source: Source, file: str, line: bytes, names: tuple[str, ...]) -> None:
    """`SourceMalformed` unless the first line has the names of the fields."""
    found = line.decode("utf-8-sig", "replace").strip()
    if found != ",".join(names):
        raise SourceMalformed(f"{source.path}: {file} begins with {shown(found)!r} and not with {','.join(names)!r}")


def _movie_fields(parts: list[str]) -> Mapping[str, Any]:
    title = parse_title(parts[1])
    genres = [genre for genre in parts[2].split("|") if genre]
    return {
        "movieId": parts[0],
        "title": title.title,
        "original_title": title.original,
        "year": title.year,
        "genres": genres,
    }


def _item_fields(source: Source) -> Fields:
    """`u.item` has a column of 0 or 1 for each genre of `u.genre`."""
    names = [line.decode("latin-1").partition("|")[0] for _, line in source.lines("u.genre")]

    def fields(parts: list[str]) -> Mapping[str, Any]:
        genres = [name for name, flag in zip(names, parts[5:], strict=False) if flag == "1"]
        return _movie_fields([parts[0], parts[1], "|".join(genres)])

    return fields


def _link_fields(parts: list[str]) -> Mapping[str, Any]:
    imdb = parts[1].strip()
    return {"movieId": parts[0], "imdbId": f"tt{imdb:0>7}" if imdb else None, "tmdbId": parts[2]}


def _tag_fields(parts: list[str]) -> Mapping[str, Any]:
    return dict(zip(TAG_FIELDS, parts, strict=True))


def unknown_movie(movie_id: int, layout: Layout) -> Problem:
    """Why a row about a movie that the data set does not have is refused."""
    return Problem("movieId", str(movie_id), f"is no movie of {layout.movies}")
