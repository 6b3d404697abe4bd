"""`rateMovie`: one rating of the caller, however often it is sent."""

from typing import Annotated

import strawberry

from api.context import Info
from api.ids import key_of
from api.mutations.outcomes import (
    AboutMovie,
    InvalidValue,
    MovieNotFound,
    NotSignedIn,
    movie_not_found,
    not_signed_in,
)
from api.scalars import DateTime
from api.types.arguments import MovieId
from cinegraph.types import MAX_RATING, MIN_RATING, Label, now
from graph.actions import rate


@strawberry.type(description="The rating stands in the graph; the next recommendations know it.")
class Rated(AboutMovie):
    rating: float = strawberry.field(description="0.5 to 5.0.")
    at: DateTime = strawberry.field(description="When it was given.")


RateMovieResult = Annotated[
    Rated | MovieNotFound | NotSignedIn | InvalidValue,
    strawberry.union("RateMovieResult", description="What rateMovie comes to."),
]


async def rate_movie(
    info: Info,
    movie: MovieId,
    rating: Annotated[float, strawberry.argument(description="Stars: 0.5 to 5.0 in steps of 0.5.")],
) -> RateMovieResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    if not MIN_RATING <= rating <= MAX_RATING or rating * 2 != int(rating * 2):
        return InvalidValue(message=f"rating {rating:g}: a rating is {MIN_RATING} to {MAX_RATING} in steps of 0.5")
    movie_id, at = key_of(Label.MOVIE, movie), now()
    info.context.written.add(movie_id)
    if not await rate(info.context.services.graph, user_id, movie_id, rating, at):
        return movie_not_found(movie_id)
    info.context.wrote(movie_id)
    return Rated(movie_id=movie_id, rating=rating, at=DateTime(at))
