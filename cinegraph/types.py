"""The words of the domain: what is in the graph, and what is passed between the packages.

Times are integers: milliseconds since 1970-01-01 UTC. Ratings go from 0.5 to 5.0 in steps of 0.5.
Ids are strings, unique within a label: MovieLens ids as they are ("1"), TMDB's for people, keywords, companies and
collections ("578"), slugs for genres ("science-fiction"), ISO codes for countries ("US") and languages ("en").
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

MIN_RATING: Final = 0.5
MAX_RATING: Final = 5.0
LIKED: Final = 4.0
"""A rating from which on a movie counts as liked (a positive)."""

Millis: TypeAlias = int
"""Milliseconds: a moment since 1970, or a span."""
DAY: Final[Millis] = 86_400_000


def now() -> Millis:
    """This moment."""
    return time.time_ns() // 1_000_000


class Label(StrEnum):
    """What a node is."""

    MOVIE = "Movie"
    PERSON = "Person"
    GENRE = "Genre"
    KEYWORD = "Keyword"
    COMPANY = "Company"
    COLLECTION = "Collection"
    COUNTRY = "Country"
    LANGUAGE = "Language"
    USER = "User"
    TAG = "Tag"
    MODEL_VERSION = "ModelVersion"


LABELS: Final = frozenset(label.value for label in Label)


class Relation(StrEnum):
    """What a relationship is; the comment names its direction."""

    ACTED_IN = "ACTED_IN"  # Person → Movie
    DIRECTED = "DIRECTED"  # Person → Movie
    WROTE = "WROTE"  # Person → Movie
    CREW = "CREW"  # Person → Movie
    HAS_GENRE = "HAS_GENRE"  # Movie → Genre
    HAS_KEYWORD = "HAS_KEYWORD"  # Movie → Keyword
    PRODUCED_BY = "PRODUCED_BY"  # Movie → Company
    PART_OF = "PART_OF"  # Movie → Collection
    FROM_COUNTRY = "FROM_COUNTRY"  # Movie → Country
    IN_LANGUAGE = "IN_LANGUAGE"  # Movie → Language, the original one
    HAS_TAG = "HAS_TAG"  # Movie → Tag
    SIMILAR = "SIMILAR"  # Movie → Movie, written back by a model
    RATED = "RATED"  # User → Movie
    VIEWED = "VIEWED"  # User → Movie
    TAGGED = "TAGGED"  # User → Movie
    DISMISSED = "DISMISSED"  # User → Movie
    PREFERS = "PREFERS"  # User → Genre, Person, Keyword or Collection


class NodeRef(NamedTuple):
    """A node by its key: what is kept for later, since Neo4j uses its internal ids again."""

    label: Label
    id: str

    def __str__(self) -> str:
        return f"{self.label}:{self.id}"


class EdgeRef(NamedTuple):
    """A relationship by type and both ends; `element_id` is Neo4j's own id at the time of reading."""

    relation: Relation
    start: NodeRef
    end: NodeRef
    element_id: str = ""


@dataclass(frozen=True, slots=True)
class IntRange:
    """Whole numbers from `minimum` to `maximum`, both included; None leaves an end open."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class MovieFilter:
    """Which movies: every condition that is given must hold; an empty filter is true for all.

    `genres`, `people`, `keywords`, `countries`, `languages` hold ids, of which one must match; `all_` needs all of
    its filters, `any_` at least one (none, when it is empty and given), `none_` none.
    """

    genres: tuple[str, ...] | None = None
    people: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    countries: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    year: IntRange | None = None
    runtime: IntRange | None = None
    all_: tuple["MovieFilter", ...] | None = None
    any_: tuple["MovieFilter", ...] | None = None
    none_: tuple["MovieFilter", ...] | None = None
