"""Outcomes that several mutations share."""

from typing import Any

import strawberry

from api.compiler.roots import Lookup
from api.context import NOT_ADMIN, Info, run
from api.types.catalog import Movie
from cinegraph.types import Label


@strawberry.type(description="There is no movie with this id; nothing was written.")
class MovieNotFound:
    id: strawberry.ID = strawberry.field(description="The id that was asked for.")
    message: str = strawberry.field(description="What is wrong, and what to do.")


@strawberry.type(description="The caller is anonymous; nothing was written.")
class NotSignedIn:
    message: str = strawberry.field(description="What is wrong, and what to do.")


@strawberry.type(description="The caller is no administrator (FORBIDDEN, elsewhere); nothing was written.")
class NotAdministrator:
    message: str = strawberry.field(description="What is wrong, and what to do.")


@strawberry.type(description="A value is out of its range; nothing was written.")
class InvalidValue:
    message: str = strawberry.field(description="What is wrong, and what to do.")


@strawberry.interface(description="Something was written about a movie.")
class AboutMovie:
    movie_id: strawberry.Private[str]

    @strawberry.field(description="The movie, as it is after the write.", graphql_type=Movie)
    async def movie(self, info: Info) -> Any:
        return await run(info, Lookup(Label.MOVIE, None), key=self.movie_id)


def movie_not_found(movie_id: str) -> MovieNotFound:
    """The outcome for an unknown movie."""
    return MovieNotFound(
        id=strawberry.ID(movie_id), message=f"there is no movie {movie_id!r}; search finds ids by title"
    )


def not_signed_in() -> NotSignedIn:
    """The outcome for an anonymous caller."""
    return NotSignedIn(message="send the header 'Authorization: Bearer TOKEN'; cinegraph token USER makes one")


def not_administrator() -> NotAdministrator:
    """The outcome for a user who is no administrator."""
    return NotAdministrator(message=NOT_ADMIN)
