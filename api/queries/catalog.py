"""The catalogue: nodes by id, lists, search. Each field is one compiled statement."""

from enum import Enum
from typing import Annotated, Any, Union

import strawberry

from api.arguments import asked_filter
from api.compiler.roots import listing, lookup, related, search
from api.context import Info, run
from api.ids import key_of, parse_id
from api.search import autocomplete_text, exact_titles, search_text, years_in
from api.types.build import Node, connection
from api.types.catalog import SIMILAR, Collection, Genre, Keyword, Movie, Person, SimilarMoviesConnection
from api.types.filters import MovieFilterInput
from api.types.model_version import ModelVersion
from api.types.orders import GENRES, MOVIES, PEOPLE, MovieSort
from api.types.user import User
from cinegraph.types import Label

SearchResult = Annotated[
    Union[Movie, Person, Genre, Keyword, Collection],  # noqa: UP007 - strawberry names a Union, not a | b
    strawberry.union("SearchResult", description="What a search can find."),
]

MoviesConnection = connection("Movies", Movie)
PeopleConnection = connection("People", Person)
GenresConnection = connection("Genres", Genre)
SearchConnection = connection("Search", SearchResult)


@strawberry.enum(description="What to search among.")
class SearchKind(Enum):
    MOVIE = Label.MOVIE.value
    PERSON = Label.PERSON.value
    GENRE = Label.GENRE.value
    KEYWORD = Label.KEYWORD.value
    COLLECTION = Label.COLLECTION.value


async def _search(info: Info, typed: str, text: str, kinds: list[SearchKind] | None) -> Any:
    labels = [kind.value for kind in (SearchKind if kinds is None else kinds)]
    begins = " ".join(typed.lower().split())
    titles = exact_titles(typed, info.context.services.serving.state.snapshot.joined_titles)
    return await run(info, search, search=text, titles=titles, typed=begins, years=years_in(typed), labels=labels)


@strawberry.type
class CatalogQuery:
    """Root fields about the catalogue."""

    @strawberry.field(graphql_type=Node | None, description="Any node by its global id; a user only for that user.")
    async def node(self, info: Info, id: strawberry.ID) -> Any:
        ref = parse_id(id)
        if ref.label is Label.USER and ref.id != info.context.user_id:
            return None
        return await run(info, lookup(ref.label, None), name=ref.label.value, key=ref.id)

    @strawberry.field(graphql_type=Movie | None, description="A movie by id: Movie:1, or 1.")
    async def movie(self, info: Info, id: strawberry.ID) -> Any:
        return await run(info, lookup(Label.MOVIE))

    @strawberry.field(graphql_type=Person | None, description="A person by id.")
    async def person(self, info: Info, id: strawberry.ID) -> Any:
        return await run(info, lookup(Label.PERSON))

    @strawberry.field(graphql_type=Genre | None, description="A genre by id: drama.")
    async def genre(self, info: Info, id: strawberry.ID) -> Any:
        return await run(info, lookup(Label.GENRE))

    @strawberry.field(graphql_type=Keyword | None, description="A keyword by id.")
    async def keyword(self, info: Info, id: strawberry.ID) -> Any:
        return await run(info, lookup(Label.KEYWORD))

    @strawberry.field(graphql_type=Collection | None, description="A series of films by id.")
    async def collection(self, info: Info, id: strawberry.ID) -> Any:
        return await run(info, lookup(Label.COLLECTION))

    @strawberry.field(graphql_type=MoviesConnection, description="All movies, filtered and sorted.")
    async def movies(
        self,
        info: Info,
        first: int = 10,
        after: str | None = None,
        filter: MovieFilterInput | None = None,
        sort: MovieSort = MovieSort.POPULARITY,
    ) -> Any:
        await asked_filter(info)  # refuses ids that nothing has
        return await run(info, listing(MOVIES, filtered=True))

    @strawberry.field(graphql_type=PeopleConnection, description="All people, by name.")
    async def people(self, info: Info, first: int = 10, after: str | None = None) -> Any:
        return await run(info, listing(PEOPLE))

    @strawberry.field(graphql_type=GenresConnection, description="All genres, by name.")
    async def genres(self, info: Info, first: int = 10, after: str | None = None) -> Any:
        return await run(info, listing(GENRES))

    @strawberry.field(
        graphql_type=SearchConnection,
        description="Movies, people, genres, keywords and series by name; typos are forgiven, and a year puts its "
        "movies first. `kinds: []` finds nothing.",
    )
    async def search(
        self,
        info: Info,
        query: str,
        kinds: list[SearchKind] | None = None,
        first: int = 10,
        after: str | None = None,
    ) -> Any:
        return await _search(info, query, search_text(query), kinds)

    @strawberry.field(graphql_type=SearchConnection, description="What the beginning of a name may become.")
    async def autocomplete(
        self,
        info: Info,
        prefix: str,
        kinds: list[SearchKind] | None = None,
        first: int = 10,
        after: str | None = None,
    ) -> Any:
        return await _search(info, prefix, autocomplete_text(prefix), kinds)

    @strawberry.field(
        graphql_type=SimilarMoviesConnection | None,
        description="Movies that the active model holds to be similar; null for an unknown movie.",
    )
    async def similar_movies(self, info: Info, movie: strawberry.ID, first: int = 10, after: str | None = None) -> Any:
        return await run(info, related(Label.MOVIE, SIMILAR, "movie"))

    @strawberry.field(graphql_type=ModelVersion | None, description="The model that is served; null before the first.")
    async def active_model(self, info: Info) -> Any:
        version = info.context.services.serving.model_version
        return await run(info, lookup(Label.MODEL_VERSION, None), key=version) if version else None

    @strawberry.field(
        graphql_type=User | None,
        description="The caller; null for an anonymous one, and for one who has done nothing yet.",
    )
    async def me(self, info: Info) -> Any:
        user_id = info.context.user_id
        return None if user_id is None else await run(info, lookup(Label.USER, None), key=user_id)

    @strawberry.field(graphql_type=User | None, description="A user by id; null for everybody but the user themself.")
    async def user(self, info: Info, id: strawberry.ID) -> Any:
        if key_of(Label.USER, id) != info.context.user_id:
            return None
        return await run(info, lookup(Label.USER))
