"""The catalogue: nodes by id, lists, search. Each field is one compiled statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Annotated, Any, Union

import numpy as np
import strawberry

from api.arguments import asked_filter
from api.compiler.roots import Listing, Lookup, RelatedOf, Search
from api.context import Info, run
from api.ids import key_of, parse_id
from api.search import autocomplete_text, exact_titles, search_text, telling_words, years_in
from api.types.arguments import After, Filter, First, MovieId
from api.types.build import Node, connection
from api.types.catalog import SIMILAR, Collection, Genre, Keyword, Movie, Person, SimilarMoviesConnection
from api.types.filters import nodes_of
from api.types.model_version import ModelVersion
from api.types.orders import GENRES, MOVIES, PEOPLE, MovieSort
from api.types.user import User
from cinegraph.types import Label, MovieFilter
from graph.snapshot import UNKNOWN, Snapshot

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
    MOVIE = strawberry.enum_value(Label.MOVIE.value, description="Movies, by title.")
    PERSON = strawberry.enum_value(Label.PERSON.value, description="People, by name.")
    GENRE = strawberry.enum_value(Label.GENRE.value, description="Genres, by name.")
    KEYWORD = strawberry.enum_value(Label.KEYWORD.value, description="Keywords, by their words.")
    COLLECTION = strawberry.enum_value(Label.COLLECTION.value, description="Series of films, by name.")


Kinds = Annotated[
    list[SearchKind] | None,
    strawberry.argument(description="What to search among; null is everything, an empty list finds nothing."),
]


async def _search(info: Info, typed: str, text: str, kinds: list[SearchKind] | None) -> Any:
    labels = [kind.value for kind in (SearchKind if kinds is None else kinds)]
    begins = " ".join(typed.lower().split())
    titles = exact_titles(typed, info.context.services.serving.state.snapshot.joined_titles)
    years, words = years_in(typed), telling_words(typed)
    return await run(info, Search(), search=text, titles=titles, typed=begins, years=years, labels=labels, words=words)


@dataclass(frozen=True, slots=True)
class Through:
    """What a filter lets through, as counted in memory; `keys` where a page is had sooner from them than from all
    movies in their order, of which first / share are looked at. The statement asks the graph again. Nothing is known
    where the filter names what came a moment ago."""

    some: bool = False
    keys: Sequence[str] | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, wanted: MovieFilter, first: int) -> "Through":
        unknown = not snapshot.movies or any(snapshot.find(node) == UNKNOWN for node in nodes_of(wanted))
        if unknown or wanted == MovieFilter():
            return cls()
        found = np.flatnonzero(snapshot.mask(wanted))
        if len(found) ** 2 > first * snapshot.movies:
            return cls(some=True)
        return cls(some=bool(len(found)), keys=[snapshot.ids[movie] for movie in found.tolist()])


@strawberry.type
class CatalogQuery:
    """Root fields about the catalogue."""

    @strawberry.field(graphql_type=Node | None, description="Any node by its global id; a user only for that user.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id, label and key: Movie:1.")],
    ) -> Any:
        ref = parse_id(id)
        if ref.label is Label.USER and ref.id != info.context.user_id:
            return None
        return await run(info, Lookup(ref.label, None), name=ref.label.value, key=ref.id)

    @strawberry.field(graphql_type=Movie | None, description="A movie by id: Movie:1, or 1.")
    async def movie(self, info: Info, id: MovieId) -> Any:
        return await run(info, Lookup(Label.MOVIE))

    @strawberry.field(graphql_type=Person | None, description="A person by id.")
    async def person(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The person's id: Person:578, or 578.")],
    ) -> Any:
        return await run(info, Lookup(Label.PERSON))

    @strawberry.field(graphql_type=Genre | None, description="A genre by id: drama.")
    async def genre(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The genre's id: Genre:drama, or drama.")],
    ) -> Any:
        return await run(info, Lookup(Label.GENRE))

    @strawberry.field(graphql_type=Keyword | None, description="A keyword by id.")
    async def keyword(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The keyword's id: Keyword:ID, or ID alone.")],
    ) -> Any:
        return await run(info, Lookup(Label.KEYWORD))

    @strawberry.field(graphql_type=Collection | None, description="A series of films by id.")
    async def collection(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The series' id: Collection:ID, or ID alone.")],
    ) -> Any:
        return await run(info, Lookup(Label.COLLECTION))

    @strawberry.field(graphql_type=MoviesConnection | None, description="All movies, filtered and sorted.")
    async def movies(
        self,
        info: Info,
        first: First = 10,
        after: After = None,
        filter: Filter = None,
        sort: Annotated[
            MovieSort, strawberry.argument(description="The order; a cursor holds in its own order alone.")
        ] = MovieSort.POPULARITY,
    ) -> Any:
        wanted = await asked_filter(info)
        asked = partial(run, info, wanted=wanted)
        if info.context.warming and wanted != MovieFilter():
            await asked(Listing(MOVIES, filtered=True, in_order=True), name="in order")
            return await asked(Listing(MOVIES, filtered=True, among=True), name="among", among=[])
        through = Through.of(info.context.services.serving.state.snapshot, wanted, first)
        if through.keys is not None:
            return await asked(Listing(MOVIES, filtered=True, among=True), name="among", among=through.keys)
        in_order = Listing(MOVIES, filtered=True, in_order=through.some)
        return await asked(in_order, name="in order" if through.some else "")

    @strawberry.field(graphql_type=PeopleConnection | None, description="All people, by name.")
    async def people(self, info: Info, first: First = 10, after: After = None) -> Any:
        return await run(info, Listing(PEOPLE))

    @strawberry.field(graphql_type=GenresConnection | None, description="All genres, by name.")
    async def genres(self, info: Info, first: First = 10, after: After = None) -> Any:
        return await run(info, Listing(GENRES))

    @strawberry.field(
        graphql_type=SearchConnection | None,
        description="Movies, people, genres, keywords and series by name; typos are forgiven, and a year puts its "
        "movies first. `kinds: []` finds nothing.",
    )
    async def search(
        self,
        info: Info,
        query: Annotated[str, strawberry.argument(description="What was typed, with a year after a title or without.")],
        kinds: Kinds = None,
        first: First = 10,
        after: After = None,
    ) -> Any:
        return await _search(info, query, search_text(query), kinds)

    @strawberry.field(graphql_type=SearchConnection | None, description="What the beginning of a name may become.")
    async def autocomplete(
        self,
        info: Info,
        prefix: Annotated[str, strawberry.argument(description="What was typed so far; its last word is completed.")],
        kinds: Kinds = None,
        first: First = 10,
        after: After = None,
    ) -> Any:
        return await _search(info, prefix, autocomplete_text(prefix), kinds)

    @strawberry.field(
        graphql_type=SimilarMoviesConnection | None,
        description="Movies that the active model holds to be similar; null for an unknown movie.",
    )
    async def similar_movies(self, info: Info, movie: MovieId, first: First = 10, after: After = None) -> Any:
        return await run(info, RelatedOf(Label.MOVIE, SIMILAR, "movie"))

    @strawberry.field(graphql_type=ModelVersion | None, description="The model that is served; null before the first.")
    async def active_model(self, info: Info) -> Any:
        version = info.context.services.serving.model_version
        return await run(info, Lookup(Label.MODEL_VERSION, None), key=version) if version else None

    @strawberry.field(
        graphql_type=User | None,
        description="The caller; null for an anonymous one, and for one who has done nothing yet.",
    )
    async def me(self, info: Info) -> Any:
        user_id = info.context.user_id
        return None if user_id is None else await run(info, Lookup(Label.USER, None), key=user_id)

    @strawberry.field(graphql_type=User | None, description="A user by id; null for everybody but the user themself.")
    async def user(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The user's id: User:1, or 1.")]
    ) -> Any:
        if key_of(Label.USER, id) != info.context.user_id:
            return None
        return await run(info, Lookup(Label.USER))
