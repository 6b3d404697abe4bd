"""Movies, the people who made them, and what else they are connected to."""

from typing import Any

import strawberry

from api.compiler.model import KEY, Related, Resolved
from api.scalars import DateTime
from api.similar import LEAST, similar_movies
from api.types.build import Node, along, connected, connection, identity, lazily, leaf, to_one
from api.types.orders import (
    BILLING,
    BY_LINKED_POPULARITY,
    BY_NAME,
    CLOSEST,
    FILMOGRAPHY,
    JOB,
    LATEST_BY_USER,
    LINKED,
    MOST_USED,
    FilmographySort,
    LinkedMovieSort,
)
from api.types.similarity import SimilarityConnection
from cinegraph.types import Label, Relation

MOVIE = lazily("Movie", "catalog")
PERSON = lazily("Person", "catalog")

CHARACTER = {
    "character": (str | None, leaf("{r}.character", "Who is played; several characters are joined by ' / '.")),
    "order": (int | None, leaf("{r}.order", "Place in the billing, 0 is first.")),
}
JOBS = {
    "job": (str | None, leaf("{r}.job", "What was done, as in Director of Photography.")),
    "department": (str | None, leaf("{r}.department", "Where, as in Camera.")),
}
RATING: dict[str, Any] = {
    "rating": (float, leaf("{r}.rating", "0.5 to 5.0 in steps of 0.5.")),
    "at": (DateTime, leaf("{r}.at", "When it was given.")),
}
SIMILARITY: dict[str, Any] = {
    "score": (float, leaf("{r}.score", "How similar, in the scale of the model.")),
    "rank": (int, leaf("{r}.rank", "Its place among the movies that this one is most like, 1 is the first.")),
    "model_version": (str, leaf("{r}.model", "The key of the ModelVersion that wrote it.")),
}
COUNT = {"count": (int, leaf("{r}.count", "How many users gave it."))}

CastConnection = connection("Cast", PERSON, CHARACTER)
DirectorsConnection = connection("Directors", PERSON)
WritersConnection = connection("Writers", PERSON)
CrewConnection = connection("Crew", PERSON, JOBS)
MovieGenresConnection = connection("MovieGenres", lazily("Genre", "catalog"))
MovieKeywordsConnection = connection("MovieKeywords", lazily("Keyword", "catalog"))
MovieCompaniesConnection = connection("MovieCompanies", lazily("Company", "catalog"))
MovieCountriesConnection = connection("MovieCountries", lazily("Country", "catalog"))
MovieTagsConnection = connection("MovieTags", lazily("Tag", "catalog"), COUNT)
MovieRatingsConnection = connection(
    "MovieRatings", None, RATING, description="One rating of a movie; who gave it stays private."
)
SimilarMoviesConnection = connection("SimilarMovies", MOVIE, SIMILARITY)
LinkedMoviesConnection = connection("LinkedMovies", MOVIE)
ActedInConnection = connection("ActedIn", MOVIE, CHARACTER)
DirectedConnection = connection("Directed", MOVIE)
WroteConnection = connection("Wrote", MOVIE)
WorkedOnConnection = connection("WorkedOn", MOVIE, JOBS)


SIMILAR = Related(Relation.SIMILAR, True, Label.MOVIE, {"DEFAULT": CLOSEST}, where="{r}.model = $model")


def _out(kind: Any, relation: Relation, target: Label, orders: Any, description: str, **more: Any) -> Any:
    return connected(kind, relation, orders, description, outgoing=True, target=target, **more)


def _in(kind: Any, relation: Relation, target: Label, orders: Any, description: str, **more: Any) -> Any:
    return connected(kind, relation, orders, description, outgoing=False, target=target, **more)


def _movies(relation: Relation, owner_key: str, description: str) -> Any:
    return _in(
        LinkedMoviesConnection, relation, Label.MOVIE, LINKED, description, sort=LinkedMovieSort, owner_key=owner_key
    )


def _films(kind: Any, relation: Relation, description: str) -> Any:
    return _out(kind, relation, Label.MOVIE, FILMOGRAPHY, description, sort=FilmographySort)


@strawberry.type(description="A film.")
class Movie(Node):
    id: strawberry.ID = identity(Label.MOVIE)
    title: str = leaf("{n}.title", "The title in the catalogue's language.")
    original_title: str | None = leaf("{n}.originalTitle", "The title in the original language.")
    year: int | None = leaf("{n}.year", "Year of the first release.")
    release_date: str | None = leaf("{n}.releaseDate", "Date of the first release, as in 1979-05-25.")
    runtime: int | None = leaf("{n}.runtime", "Minutes.")
    overview: str | None = leaf("{n}.overview", "What it is about.")
    tagline: str | None = leaf("{n}.tagline", "The line on the poster.")
    poster_path: str | None = leaf("{n}.posterPath", "Path of the poster at TMDB's image host.")
    imdb_id: str | None = leaf("{n}.imdbId", "As in tt0078748.")
    tmdb_id: int | None = leaf("{n}.tmdbId", "TMDB's id.")
    vote_count: int | None = leaf("{n}.voteCount", "Votes at TMDB.")
    vote_average: float | None = leaf("{n}.voteAverage", "Mean vote at TMDB, 0 to 10.")
    rating_count: int = leaf("coalesce({n}.ratingCount, 0)", "Ratings here, as of the last ingestion.")
    rating_mean: float | None = leaf("{n}.ratingMean", "Mean rating here, as of the last ingestion.")
    popularity: float = leaf("coalesce({n}.popularity, 0.0)", "Ratings here, and a fraction for votes at TMDB.")
    cast = _in(CastConnection, Relation.ACTED_IN, Label.PERSON, BILLING, "Actors, top-billed first.")
    directors = _in(DirectorsConnection, Relation.DIRECTED, Label.PERSON, BY_NAME, "Directors, by name.")
    writers = _in(WritersConnection, Relation.WROTE, Label.PERSON, BY_NAME, "Writers, by name.")
    crew = _in(CrewConnection, Relation.CREW, Label.PERSON, JOB, "Other crew, by job.")
    genres = _out(MovieGenresConnection, Relation.HAS_GENRE, Label.GENRE, BY_NAME, "Genres, by name.")
    keywords = _out(MovieKeywordsConnection, Relation.HAS_KEYWORD, Label.KEYWORD, BY_NAME, "Keywords, by name.")
    companies = _out(
        MovieCompaniesConnection, Relation.PRODUCED_BY, Label.COMPANY, BY_NAME, "Production companies, by name."
    )
    countries = _out(
        MovieCountriesConnection, Relation.FROM_COUNTRY, Label.COUNTRY, BY_NAME, "Countries of production, by name."
    )
    tags = _out(
        MovieTagsConnection, Relation.HAS_TAG, Label.TAG, MOST_USED, "Tags that users gave, the most used first."
    )
    ratings = _in(
        MovieRatingsConnection,
        Relation.RATED,
        Label.USER,
        LATEST_BY_USER,
        "Ratings, the latest first.",
        owner_key="movieId",
    )
    similar = along(SimilarMoviesConnection, SIMILAR, "What the active model holds to be similar, the closest first.")
    similar_movies = strawberry.field(
        resolver=similar_movies,
        graphql_type=SimilarityConnection,
        description="Movies like this one by what people like, by what the catalogue says, by the ways between both in "
        "the graph, or by all of that; also for a movie that nobody has rated.",
        metadata={KEY: Resolved(LEAST)},
    )
    collection = to_one(
        lazily("Collection", "catalog"), Relation.PART_OF, Label.COLLECTION, "The series it belongs to."
    )
    language = to_one(lazily("Language", "catalog"), Relation.IN_LANGUAGE, Label.LANGUAGE, "The original language.")


@strawberry.type(description="Somebody who worked on films.")
class Person(Node):
    id: strawberry.ID = identity(Label.PERSON)
    name: str = leaf("{n}.name", "The name in the credits.")
    acted_in = _films(ActedInConnection, Relation.ACTED_IN, "Films with a role.")
    directed = _films(DirectedConnection, Relation.DIRECTED, "Films as director.")
    wrote = _films(WroteConnection, Relation.WROTE, "Films as writer.")
    worked_on = _films(WorkedOnConnection, Relation.CREW, "Films in the other crew.")


@strawberry.type(description="A genre.")
class Genre(Node):
    id: strawberry.ID = identity(Label.GENRE)
    name: str = leaf("{n}.name", "As in Science Fiction.")
    movies = _movies(Relation.HAS_GENRE, "genreId", "Its movies.")


@strawberry.type(description="What a film is about, in a word or two.")
class Keyword(Node):
    id: strawberry.ID = identity(Label.KEYWORD)
    name: str = leaf("{n}.name", "As in time travel.")
    movies = _movies(Relation.HAS_KEYWORD, "keywordId", "Its movies.")


@strawberry.type(description="A production company.")
class Company(Node):
    id: strawberry.ID = identity(Label.COMPANY)
    name: str = leaf("{n}.name", "Its name.")
    movies = _movies(Relation.PRODUCED_BY, "companyId", "Its movies.")


@strawberry.type(description="A country of production.")
class Country(Node):
    id: strawberry.ID = identity(Label.COUNTRY)
    name: str = leaf("{n}.name", "Its name in English.")
    movies = _movies(Relation.FROM_COUNTRY, "countryId", "Its movies.")


@strawberry.type(description="An original language.")
class Language(Node):
    id: strawberry.ID = identity(Label.LANGUAGE)
    name: str = leaf("{n}.name", "Its name in English.")
    movies = _movies(Relation.IN_LANGUAGE, "languageId", "Its movies.")


@strawberry.type(description="A word that users gave to movies.")
class Tag(Node):
    id: strawberry.ID = identity(Label.TAG)
    name: str = leaf("{n}.name", "The word.")
    movies = connected(
        LinkedMoviesConnection,
        Relation.HAS_TAG,
        BY_LINKED_POPULARITY,
        "Its movies, most ratings first.",
        outgoing=False,
        target=Label.MOVIE,
        owner_key="tagId",
    )


@strawberry.type(description="A series of films.")
class Collection(Node):
    id: strawberry.ID = identity(Label.COLLECTION)
    name: str = leaf("{n}.name", "As in Alien Collection.")
    movies = _in(
        LinkedMoviesConnection, Relation.PART_OF, Label.MOVIE, FILMOGRAPHY, "Its movies.", sort=FilmographySort
    )
