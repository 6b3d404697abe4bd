"""`dismissMovie`: never recommend a movie to the caller again."""

from typing import Annotated

import strawberry

from api.context import Info
from api.ids import key_of
from api.mutations.outcomes import AboutMovie, MovieNotFound, NotSignedIn, movie_not_found, not_signed_in
from api.types.arguments import MovieId
from cinegraph.types import Label, now
from graph.actions import dismiss


@strawberry.type(description="The movie will not be recommended to the caller.")
class Dismissed(AboutMovie):
    """Nothing more than the movie."""


DismissMovieResult = Annotated[
    Dismissed | MovieNotFound | NotSignedIn,
    strawberry.union("DismissMovieResult", description="What dismissMovie comes to."),
]


async def dismiss_movie(info: Info, movie: MovieId) -> DismissMovieResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    movie_id = key_of(Label.MOVIE, movie)
    info.context.written.add(movie_id)
    if not await dismiss(info.context.services.graph, user_id, movie_id, now()):
        return movie_not_found(movie_id)
    info.context.wrote()
    return Dismissed(movie_id=movie_id)
