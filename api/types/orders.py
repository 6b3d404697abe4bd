"""The orders that connections can have."""

from collections.abc import Mapping
from enum import Enum

import strawberry

from api.compiler.model import LABEL, Order, Root, SortKey, by
from cinegraph.types import Label


@strawberry.enum(description="The order of a list of movies.")
class MovieSort(Enum):
    POPULARITY = strawberry.enum_value("POPULARITY", description="Most ratings first.")
    YEAR = strawberry.enum_value("YEAR", description="Newest first.")
    RATING = strawberry.enum_value("RATING", description="Best mean rating first.")
    TITLE = strawberry.enum_value("TITLE", description="By title, A to Z.")


@strawberry.enum(description="The order of the movies of a genre, keyword, company, country, language or tag.")
class LinkedMovieSort(Enum):
    POPULARITY = strawberry.enum_value("POPULARITY", description="Most ratings first.")
    YEAR = strawberry.enum_value("YEAR", description="Newest first; movies without a year last.")


@strawberry.enum(description="The order of a person's movies.")
class FilmographySort(Enum):
    YEAR = strawberry.enum_value("YEAR", description="Newest first; movies without a year last.")
    POPULARITY = strawberry.enum_value("POPULARITY", description="Most ratings first.")


MOVIES = Root(
    Label.MOVIE,
    {
        "POPULARITY": Order((SortKey("{n}.popularity", "popularity"), SortKey("{n}.id", "id")), descending=True),
        "YEAR": Order((SortKey("coalesce({n}.year, 0)"), SortKey("{n}.id")), descending=True),
        "RATING": Order((SortKey("coalesce({n}.ratingMean, 0.0)"), SortKey("{n}.id")), descending=True),
        "TITLE": Order((SortKey("{n}.title", "title"), SortKey("{n}.id", "id"))),
    },
)

NAMED = {"DEFAULT": Order((SortKey("{n}.name", "name"), SortKey("{n}.id", "id")))}
BY_NAME = NAMED["DEFAULT"]
PEOPLE, GENRES = Root(Label.PERSON, NAMED), Root(Label.GENRE, NAMED)

BILLING = Order((SortKey("coalesce({r}.order, 1000000)"), SortKey("{n}.id")))
JOB = Order((SortKey("coalesce({r}.job, '')"), SortKey("{n}.id")))
FILMOGRAPHY: Mapping[str, Order] = {
    "YEAR": Order((SortKey("coalesce({n}.year, 0)"), SortKey("{n}.id")), descending=True),
    "POPULARITY": Order((SortKey("coalesce({n}.popularity, 0.0)"), SortKey("{n}.id")), descending=True),
}
LINKED: Mapping[str, Order] = {
    "POPULARITY": by("popularity", "movieId", descending=True),
    "YEAR": by("year", "movieId", descending=True),
}
BY_LINKED_POPULARITY: Mapping[str, Order] = {"POPULARITY": LINKED["POPULARITY"]}
LATEST_BY_USER = by("at", "userId", descending=True)
LATEST_BY_MOVIE = by("at", "movieId", descending=True)
LATEST_BY_TAG = by("at", "movieId", "tagId", descending=True)
CLOSEST = Order((SortKey("{r}.rank"), SortKey("{n}.id")))
STRONGEST = Order((SortKey("{r}.weight"), SortKey("{n}.id"), LABEL), descending=True)
MOST_USED = Order((SortKey("{r}.count"), SortKey("{n}.id")), descending=True)
