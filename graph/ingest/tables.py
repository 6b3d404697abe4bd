"""The graph as CSV files for `neo4j-admin database import`: a file for each label and type, written in pieces.

What is written is what the online loader writes: the same properties, and the same choice where two rows are one. In
memory are the ids of nodes and the sort keys of movies, never the rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from graph.ingest.movielens import MovieLens, tag_rows
from graph.ingest.ratings import Ratings
from graph.ingest.rows import FactRows, Rows

TEXT: Final = pl.String
LONG: Final = pl.Int64
REAL: Final = pl.Float64
_SUFFIX: Final = {TEXT: "", LONG: ":long", REAL: ":double"}

MOVIE: Final = {
    "title": TEXT,
    "originalTitle": TEXT,
    "year": LONG,
    "releaseDate": TEXT,
    "runtime": LONG,
    "overview": TEXT,
    "tagline": TEXT,
    "posterPath": TEXT,
    "imdbId": TEXT,
    "tmdbId": LONG,
    "voteCount": LONG,
    "voteAverage": REAL,
    "ratingCount": LONG,
    "ratingMean": REAL,
    "popularity": REAL,
}
NAMED: Final = ("Person", "Genre", "Keyword", "Company", "Collection", "Country", "Language", "Tag")
SORTED: Final = {
    "HAS_GENRE": ("Genre", "genreId"),
    "HAS_KEYWORD": ("Keyword", "keywordId"),
    "PRODUCED_BY": ("Company", "companyId"),
    "FROM_COUNTRY": ("Country", "countryId"),
    "IN_LANGUAGE": ("Language", "languageId"),
    "HAS_TAG": ("Tag", "tagId"),
}
"""Relationships of movies that carry both ids and the movie's sort keys."""


@dataclass
class Table:
    """One CSV file; `columns` are its header as the import reads it, with the type of each.

    `lines` says that a text in it has more than one line.
    """

    file: Path
    columns: Mapping[str, Any]
    rows: int = 0
    lines: bool = False

    def __post_init__(self) -> None:
        header = (name + ("" if ":" in name else _SUFFIX[kind]) for name, kind in self.columns.items())
        self.file.write_text(",".join(header) + "\n", encoding="utf-8")

    def write(self, rows: Rows) -> None:
        """Append some rows, each with a value for every column."""
        self.lines = self.lines or any(_has_lines(value) for row in rows for value in row)
        self.write_frame(pl.DataFrame(rows, list(self.columns.items()), orient="row"))

    def write_frame(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame whose columns are in this order."""
        self.rows += frame.height
        with self.file.open("ab") as out:
            frame.write_csv(out, include_header=False)


@dataclass
class Statistics:
    """How often and how well each movie was rated."""

    counts: dict[int, int] = field(default_factory=dict)
    halves: dict[int, int] = field(default_factory=dict)

    def add(self, ratings: Ratings) -> None:
        """Count some ratings."""
        movies, places = np.unique(ratings["movie"], return_inverse=True)
        counts: NDArray[np.int64] = np.bincount(places)
        halves = np.bincount(places, ratings["half"]).astype(np.int64)
        for movie, count, half in zip(movies.tolist(), counts.tolist(), halves.tolist(), strict=True):
            self.counts[movie] = self.counts.get(movie, 0) + count
            self.halves[movie] = self.halves.get(movie, 0) + half

    def of(self, movie_id: str) -> tuple[int, float | None]:
        """The number of ratings of a movie, and their mean."""
        movie = int(movie_id) if movie_id.isdigit() else -1
        count = self.counts.get(movie, 0)
        return count, (self.halves[movie] / 2 / count if count else None)


class GraphTables:
    """All files of one import."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[str, set[str]] = {label: set() for label in (*NAMED, "Movie", "User")}
        self._keys: dict[str, tuple[float, int]] = {}
        self._genres: dict[str, set[str]] = {}
        self.nodes = {"Movie": self._table("Movie", {"id:ID(Movie)": TEXT} | MOVIE)}
        self.nodes["User"] = self._table("User", {"id:ID(User)": TEXT, "version": LONG})
        self.nodes |= {label: self._table(label, {f"id:ID({label})": TEXT, "name": TEXT}) for label in NAMED}
        self.relationships = {
            name: self._link_table(name, "Movie", label, {"movieId": TEXT, key: TEXT, **_more(name)})
            for name, (label, key) in SORTED.items()
        }
        by_person: dict[str, dict[str, Any]] = {
            "ACTED_IN": {"character": TEXT, "order": LONG},
            "CREW": {"job": TEXT, "department": TEXT},
        }
        for name in ("ACTED_IN", "DIRECTED", "WROTE", "CREW"):
            self.relationships[name] = self._link_table(name, "Person", "Movie", by_person.get(name, {}))
        self.relationships["PART_OF"] = self._link_table("PART_OF", "Movie", "Collection", {})
        by_user = {"userId": TEXT, "movieId": TEXT}
        self.relationships["RATED"] = self._link_table("RATED", "User", "Movie", by_user | {"rating": REAL, "at": LONG})
        tagged = by_user | {"tagId": TEXT, "name": TEXT, "at": LONG}
        self.relationships["TAGGED"] = self._link_table("TAGGED", "User", "Movie", tagged)

    def _table(self, name: str, columns: Mapping[str, Any]) -> Table:
        return Table(self.folder / f"{name}.csv", columns)

    def _link_table(self, name: str, start: str, end: str, more: Mapping[str, Any]) -> Table:
        return self._table(name, {f":START_ID({start})": TEXT, f":END_ID({end})": TEXT, **more})

    # -- ratings and tags ----------------------------------------------------------------------------------------

    def ratings(self, ratings: Ratings) -> None:
        """One bucket: all ratings of its users."""
        users, movies = (pl.Series(ratings[name]).cast(TEXT) for name in ("user", "movie"))
        stars, at = pl.Series(ratings["half"] / 2), pl.Series(ratings["at"].astype(np.int64) * 1000)
        columns = list(self.relationships["RATED"].columns)
        values = (users, movies, users, movies, stars, at)
        frame = pl.DataFrame([value.alias(name) for name, value in zip(columns, values, strict=True)])
        self.relationships["RATED"].write_frame(frame)
        self._users(str(user) for user in np.unique(ratings["user"]).tolist())

    def tags(self, data: MovieLens) -> None:
        """All tags, and how often each was given to each movie."""
        counts: dict[tuple[str, str], int] = {}
        for names, rows in tag_rows(data):
            self._nodes("Tag", names)
            self._users(user for user, _ in rows)
            items = [(user, *item) for user, given in rows for item in given]
            table = self.relationships["TAGGED"]
            table.write([[user, movie, user, movie, tag, name, at] for user, movie, tag, name, at in items])
            for _, movie, tag, _, _ in items:
                counts[movie, tag] = counts.get((movie, tag), 0) + 1
        found = sorted(counts.items())
        self.relationships["HAS_TAG"].write([[m, t, m, t, count, *self._keys[m]] for (m, t), count in found])

    def _users(self, ids: Iterable[str]) -> None:
        new = [id for id in dict.fromkeys(ids) if id not in self._seen["User"]]
        self._seen["User"].update(new)
        self.nodes["User"].write([[id, 1] for id in new])

    # -- movies and facts ----------------------------------------------------------------------------------------

    def movies(self, data: MovieLens, facts: Iterable[FactRows], statistics: Statistics) -> None:
        """Every movie once, with what is known of it from both sources."""
        mine = {str(row["id"]): row for row in data.movie_rows()}
        genres, of_movies = data.genre_rows()
        self._nodes("Genre", genres)
        self._genres = {movie_id: set(found) for movie_id, found in of_movies}
        for rows in facts:
            self._movies([(mine.pop(row["id"], None), row) for row in rows.facts], statistics)
            self._facts(rows)
        self._movies([(row, None) for row in mine.values()], statistics)
        self._sorted("HAS_GENRE", {movie_id: sorted(found) for movie_id, found in sorted(self._genres.items())})

    def _movies(self, pairs: Iterable[tuple[Any, Any]], statistics: Statistics) -> None:
        rows = []
        for mine, theirs in pairs:
            movie = merged(mine, theirs)
            movie["ratingCount"], movie["ratingMean"] = statistics.of(movie["id"])
            votes = movie.get("voteCount") or 0
            movie["popularity"] = movie["ratingCount"] + votes / (votes + 1000.0)
            self._keys[movie["id"]] = (movie["popularity"], movie.get("year") or 0)
            rows.append([movie["id"], *(movie.get(name) for name in MOVIE)])
        self.nodes["Movie"].write(rows)

    def _facts(self, rows: FactRows) -> None:
        for label, nodes in (
            ("Person", rows.people),
            ("Genre", rows.genres),
            ("Keyword", rows.keywords),
            ("Company", rows.companies),
            ("Collection", rows.collections),
            ("Country", rows.countries),
            ("Language", rows.languages),
        ):
            self._nodes(label, nodes.items())
        for movie_id, found in rows.has_genre.items():
            self._genres.setdefault(movie_id, set()).update(found)
        self._sorted("HAS_KEYWORD", rows.has_keyword)
        self._sorted("PRODUCED_BY", rows.produced_by)
        self._sorted("FROM_COUNTRY", rows.from_country)
        self._sorted("IN_LANGUAGE", {movie_id: [code] for movie_id, code in rows.in_language.items()})
        self.relationships["PART_OF"].write([list(pair) for pair in rows.part_of.items()])
        for name, made in (("DIRECTED", rows.directors), ("WROTE", rows.writers)):
            self.relationships[name].write([[person, movie] for movie, people in made.items() for person in people])
        for name, jobs in (("ACTED_IN", rows.cast), ("CREW", rows.crew)):
            people = [[item[0], movie, *item[1:]] for movie, items in jobs.items() for item in items]
            self.relationships[name].write(people)

    def _sorted(self, name: str, found: Mapping[str, Iterable[str]]) -> None:
        rows = [[m, other, m, other, *self._keys[m]] for m, others in found.items() for other in others]
        self.relationships[name].write(rows)

    def _nodes(self, label: str, nodes: Iterable[Iterable[str]]) -> None:
        new = {id: name for id, name in nodes if id not in self._seen[label]}
        self._seen[label].update(new)
        self.nodes[label].write([[id, name] for id, name in new.items()])

    def has_lines(self) -> bool:
        """Whether a text has more than one line: the import is slower where it must look for that."""
        return any(table.lines for table in (*self.nodes.values(), *self.relationships.values()))

    def arguments(self) -> Iterator[str]:
        """Every file as an argument of `neo4j-admin database import full`."""
        for label, table in self.nodes.items():
            yield f"--nodes={label}={table.file}"
        for name, table in self.relationships.items():
            yield f"--relationships={name}={table.file}"


def _has_lines(value: object) -> bool:
    return isinstance(value, str) and ("\n" in value or "\r" in value)


def _more(name: str) -> dict[str, Any]:
    return ({"count": LONG} if name == "HAS_TAG" else {}) | {"popularity": REAL, "year": LONG}


def merged(mine: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None) -> dict[str, Any]:
    """A movie from both sources: title, year and link as MovieLens has them, the rest as TMDB does."""
    if mine is None or theirs is None:
        return dict(mine or theirs or {})
    movie = {**mine, **{name: value for name, value in theirs.items() if value is not None}}
    for name in ("title", "year", "imdbId"):
        movie[name] = mine[name] if mine[name] is not None else theirs[name]
    return movie
