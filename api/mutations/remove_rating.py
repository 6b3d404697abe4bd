"""`removeRating`: take a rating of the caller back."""

from typing import Annotated

import strawberry

from api.context import Info
from api.ids import key_of
from api.mutations.outcomes import AboutMovie, MovieNotFound, NotSignedIn, movie_not_found, not_signed_in
from api.types.arguments import MovieId
from cinegraph.types import Label
from graph.actions import unrate


@strawberry.type(description="The caller has no rating of the movie now.")
class RatingRemoved(AboutMovie):
    rating: float | None = strawberry.field(description="The rating that was; null where there was none.")


RemoveRatingResult = Annotated[
    RatingRemoved | MovieNotFound | NotSignedIn,
    strawberry.union("RemoveRatingResult", description="What removeRating comes to."),
]


async def remove_rating(info: Info, movie: MovieId) -> RemoveRatingResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    movie_id = key_of(Label.MOVIE, movie)
    info.context.written.add(movie_id)
    row = await unrate(info.context.services.graph, user_id, movie_id)
    if row is None:
        return movie_not_found(movie_id)
    info.context.wrote(movie_id)
    return RatingRemoved(movie_id=movie_id, rating=row["rating"])
