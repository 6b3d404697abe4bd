"""Records as rows of the graph: one batch of rows for each statement, keyed and sorted so that writers never cross.

Nodes are written in the order of their ids and movies belong to one batch each: two batches at once wait for each
other at most, and do not deadlock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from graph.ingest.codes import COUNTRIES, LANGUAGES
from graph.ingest.genres import genres_of
from graph.ingest.options import IngestOptions
from graph.ingest.records import Cast, Crew, MovieFacts, Named

Rows: TypeAlias = list[Any]

WRITING: Final = frozenset(
    {
        "Adaptation",
        "Author",
        "Book",
        "Co-Writer",
        "Comic Book",
        "Novel",
        "Original Story",
        "Scenario Writer",
        "Screenplay",
        "Short Story",
        "Story",
        "Teleplay",
        "Theatre Play",
        "Writer",
    }
)
"""Jobs that become `WROTE`."""


FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "credits": {"ACTED_IN": "cast", "CREW": "crew", "DIRECTED": "directors", "WROTE": "writers"},
    "genres": {"HAS_GENRE": "has_genre"},
    "keywords": {"HAS_KEYWORD": "has_keyword"},
    "production_companies": {"PRODUCED_BY": "produced_by"},
    "production_countries": {"FROM_COUNTRY": "from_country"},
    "original_language": {"IN_LANGUAGE": "in_language"},
    "belongs_to_collection": {"PART_OF": "part_of"},
}
"""The relationships that each field of a film becomes, and where their rows are."""


@dataclass
class FactRows:
    """What one batch of movies adds to the graph.

    Nodes are `id → name`; relationships are `movie's id → what is at the other end`, with its properties where it has
    some.
    """

    facts: Rows = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    genres: dict[str, str] = field(default_factory=dict)
    keywords: dict[str, str] = field(default_factory=dict)
    companies: dict[str, str] = field(default_factory=dict)
    countries: dict[str, str] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    collections: dict[str, str] = field(default_factory=dict)
    cast: dict[str, Rows] = field(default_factory=dict)
    directors: dict[str, Rows] = field(default_factory=dict)
    writers: dict[str, Rows] = field(default_factory=dict)
    crew: dict[str, Rows] = field(default_factory=dict)
    has_genre: dict[str, Rows] = field(default_factory=dict)
    has_keyword: dict[str, Rows] = field(default_factory=dict)
    produced_by: dict[str, Rows] = field(default_factory=dict)
    from_country: dict[str, Rows] = field(default_factory=dict)
    in_language: dict[str, str] = field(default_factory=dict)
    part_of: dict[str, str] = field(default_factory=dict)
    given: dict[str, list[str]] = field(default_factory=dict)
    """The fields that a film came with: of these it says all, also where that is nothing."""

    def add(self, movie_id: str, movie: MovieFacts, options: IngestOptions) -> None:
        """One movie."""
        self.facts.append(_facts(movie_id, movie))
        self.given[movie_id] = sorted(movie.model_fields_set & FIELDS.keys())
        self._add_credits(movie_id, movie, options)
        _link(movie_id, genres_of(genre.name for genre in movie.genres), self.genres, self.has_genre)
        _link(movie_id, _named(movie.keywords.keywords), self.keywords, self.has_keyword)
        _link(movie_id, _named(movie.production_companies), self.companies, self.produced_by)
        countries = sorted({(c.code, COUNTRIES.get(c.code, c.name or c.code)) for c in movie.production_countries})
        _link(movie_id, countries, self.countries, self.from_country)
        if movie.original_language:
            code = movie.original_language.lower()
            spoken = {language.code: language.name for language in movie.spoken_languages}
            self.languages[code] = LANGUAGES.get(code) or spoken.get(code) or code
            self.in_language[movie_id] = code
        if movie.belongs_to_collection:
            ((id, name),) = _named([movie.belongs_to_collection])
            self.collections.setdefault(id, name)
            self.part_of[movie_id] = id

    def _add_credits(self, movie_id: str, movie: MovieFacts, options: IngestOptions) -> None:
        actors = _actors(movie.credits.cast, options.cast_limit)
        crew = movie.credits.crew
        directors = [person for person in crew if person.job == "Director"]
        writers = [person for person in crew if person.job in WRITING]
        others = [person for person in crew if person.job in options.crew_jobs]
        for person in (*(parts[0] for parts in actors.values()), *directors, *writers, *others):
            self.people.setdefault(str(person.id), person.name)
        for rows, found in (
            (self.cast, _roles(actors)),
            (self.directors, sorted({str(person.id) for person in directors})),
            (self.writers, sorted({str(person.id) for person in writers})),
            (self.crew, _jobs(others)),
        ):
            if found:
                rows[movie_id] = found

    def ends(self) -> Rows:
        """What is at the other end of each movie's relationships, by type, of the kinds that its film came with."""
        return [
            [movie_id, {type_: _ids(getattr(self, name).get(movie_id, ())) for type_, name in _kinds(fields)}]
            for movie_id, fields in sorted(self.given.items())
            if fields
        ]


def _kinds(fields: Iterable[str]) -> Iterable[tuple[str, str]]:
    return (kind for field in fields for kind in FIELDS[field].items())


def _ids(found: Any) -> list[str]:
    """The ids of what a movie has: one, some, or rows that begin with one."""
    return [found] if isinstance(found, str) else [item if isinstance(item, str) else item[0] for item in found]


def _link(movie_id: str, found: Sequence[tuple[str, str]], nodes: dict[str, str], rows: dict[str, Rows]) -> None:
    for id, name in found:
        nodes.setdefault(id, name)
    if found:
        rows[movie_id] = [id for id, _ in found]


def _facts(movie_id: str, movie: MovieFacts) -> Mapping[str, Any]:
    return {
        "id": movie_id,
        "tmdbId": movie.id,
        "title": movie.title,
        "year": movie.year,
        "originalTitle": movie.original_title,
        "imdbId": movie.imdb_id,
        "releaseDate": movie.release_date,
        "runtime": movie.runtime,
        "overview": movie.overview,
        "tagline": movie.tagline,
        "posterPath": movie.poster_path,
        "voteCount": movie.vote_count,
        "voteAverage": movie.vote_average,
    }


def _named(found: Iterable[Named]) -> list[tuple[str, str]]:
    return sorted({str(one.id): one.name for one in found}.items())


def _actors(cast: Sequence[Cast], limit: int) -> dict[int, list[Cast]]:
    """The parts of the first billed, by person."""
    parts: dict[int, list[Cast]] = {}
    for part in sorted(cast, key=lambda part: part.order):
        if part.id in parts or len(parts) < limit:
            parts.setdefault(part.id, []).append(part)
    return parts


def _roles(actors: Mapping[int, Sequence[Cast]]) -> Rows:
    """One row for each person: the characters joined, the best place in the billing."""
    return [
        [str(id), " / ".join(dict.fromkeys(part.character for part in parts if part.character)) or None, parts[0].order]
        for id, parts in actors.items()
    ]


def _jobs(crew: Sequence[Crew]) -> Rows:
    """One row for each person: the jobs joined, the department of the first."""
    jobs: dict[str, list[Crew]] = {}
    for person in crew:
        jobs.setdefault(str(person.id), []).append(person)
    return [
        [id, " / ".join(dict.fromkeys(one.job for one in found)), found[0].department]
        for id, found in sorted(jobs.items())
    ]


def by_movie(rows: Mapping[str, Any]) -> Rows:
    """Relationships as a statement takes them: the movies in the order of their ids."""
    return [[movie_id, rows[movie_id]] for movie_id in sorted(rows)]


def by_id(nodes: Mapping[str, str]) -> Rows:
    """Nodes as a statement takes them, in the order of their ids."""
    return [[id, nodes[id]] for id in sorted(nodes)]
