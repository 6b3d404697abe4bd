"""What a row must be, whatever file it came from: one contract, with a reason for each value that it refuses.

Ratings in files of millions of rows are checked in whole columns (`movielens.py`), and only what fails there comes
here to be told why.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cinegraph.types import MAX_RATING, MIN_RATING

LATEST: Final = 4_102_444_800
"""Seconds at the start of 2100: a time stamp from then on is in milliseconds, or wrong."""
MAX_ID: Final = 2**32 - 1


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _zero_is_none(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    return None if value in (0, "0", "0.0") else _blank_is_none(value)


def _date(value: str | None) -> str | None:
    if value is not None:
        try:
            year = date.fromisoformat(value).year
        except ValueError as error:
            raise ValueError("must be a date as in 1979-05-25") from error
        if not 1870 <= year <= 2100:
            raise ValueError("must be a date from 1870 to 2100")
    return value


def _half(value: float) -> float:
    if not MIN_RATING <= value <= MAX_RATING or value * 2 != int(value * 2):
        raise ValueError(f"must be from {MIN_RATING} to {MAX_RATING} in steps of 0.5")
    return value


def _whole(value: Any) -> Any:
    """CSV files made with pandas write 81 as 81.0."""
    return value.removesuffix(".0") if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1, max_length=1000)]
MaybeText = Annotated[str | None, BeforeValidator(_blank_is_none)]
Year = Annotated[int, Field(ge=1870, le=2100)]
Key = Annotated[int, Field(ge=0, le=MAX_ID)]
Seconds = Annotated[int, Field(ge=0, lt=LATEST)]
Stars = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_half)]
Imdb = Annotated[str, Field(pattern=r"^tt\d{7,}$")]
MaybeImdb = Annotated[Imdb | None, BeforeValidator(_blank_is_none)]
MaybeCode = Annotated[Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}$")] | None, BeforeValidator(_blank_is_none)]
Positive: TypeAlias = Annotated[int, Field(gt=0)]


class Record(BaseModel):
    """A row that holds; what it does not know in the source is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, populate_by_name=True)


class Rating(Record):
    """One user's rating of one movie."""

    user_id: Key = Field(alias="userId")
    movie_id: Key = Field(alias="movieId")
    rating: Stars
    timestamp: Seconds


class Tagging(Record):
    """One tag that one user gave to one movie."""

    user_id: Key = Field(alias="userId")
    movie_id: Key = Field(alias="movieId")
    tag: Annotated[str, Field(min_length=1, max_length=500)]
    timestamp: Seconds


class Link(Record):
    """Where a movie is found elsewhere."""

    movie_id: Key = Field(alias="movieId")
    imdb_id: MaybeImdb = Field(None, alias="imdbId")
    tmdb_id: Annotated[Positive | None, BeforeValidator(_blank_is_none)] = Field(None, alias="tmdbId")


class Movie(Record):
    """A movie as MovieLens has it: title, year, and genres by their names there."""

    movie_id: Key = Field(alias="movieId")
    title: Text
    original_title: str | None = None
    year: Year | None = None
    genres: tuple[Text, ...] = ()


class Named(Record):
    """Anything with an id of TMDB's and a name; ids below zero are a source's own."""

    id: int
    name: Text


class Cast(Named):
    """A part in a film, `order` 0 for the first billed."""

    character: MaybeText = None
    order: Annotated[int, Field(ge=0)]


class Crew(Named):
    """A job in a film."""

    job: Text
    department: MaybeText = None


class Country(Record):
    """A country of production, by its ISO 3166-1 code."""

    code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(alias="iso_3166_1")
    name: MaybeText = None


class Language(Record):
    """A language that is spoken, by its ISO 639-1 code."""

    code: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = Field(alias="iso_639_1")
    name: MaybeText = None


class Keywords(Record):
    """TMDB wraps a movie's keywords once more."""

    keywords: tuple[Named, ...] = ()


class Credits(Record):
    """Who played in a movie, and who made it."""

    cast: tuple[Cast, ...] = ()
    crew: tuple[Crew, ...] = ()


class MovieFacts(Record):
    """A movie as `GET /3/movie/{id}?append_to_response=credits,keywords` answers."""

    id: Positive
    title: Text
    original_title: MaybeText = None
    original_language: MaybeCode = None
    imdb_id: MaybeImdb = None
    overview: MaybeText = None
    tagline: MaybeText = None
    release_date: Annotated[str | None, BeforeValidator(_blank_is_none), AfterValidator(_date)] = None
    runtime: Annotated[
        Annotated[int, Field(gt=0, le=10_000)] | None, BeforeValidator(_zero_is_none), BeforeValidator(_whole)
    ] = None
    poster_path: MaybeText = None
    vote_average: Annotated[Annotated[float, Field(ge=0, le=10)] | None, BeforeValidator(_blank_is_none)] = None
    vote_count: Annotated[
        Annotated[int, Field(ge=0)] | None, BeforeValidator(_blank_is_none), BeforeValidator(_whole)
    ] = None
    genres: tuple[Named, ...] = ()
    production_companies: tuple[Named, ...] = ()
    production_countries: tuple[Country, ...] = ()
    spoken_languages: tuple[Language, ...] = ()
    belongs_to_collection: Named | None = None
    keywords: Keywords = Keywords()
    credits: Credits = Credits()

    @property
    def year(self) -> int | None:
        """The year of the release."""
        return int(self.release_date[:4]) if self.release_date else None


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was refused: the field by its name in the source, the value, and what is wrong with it."""

    field: str
    value: str
    reason: str


class Refused(Exception):
    """A row that is not what it should be; never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def problem_of(error: ValidationError) -> Problem:
    """The first thing that is wrong with a row."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("constrained-", "function-")))
    reason = re.sub(r"^(Value error, |Input )", "", first["msg"])
    return Problem(field, "" if first["type"] == "missing" else shown(first["input"]), reason)


def shown(value: Any) -> str:
    """A value as the quarantine shows it: at most 200 characters of it."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def check(kind: type[R], row: Mapping[str, Any]) -> R:
    """The record of a row; `Refused` says why there is none."""
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        raise Refused(problem_of(error)) from error
