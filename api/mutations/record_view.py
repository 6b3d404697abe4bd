"""`recordView`: the caller watched some of a movie."""

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
from api.types.arguments import MovieId
from cinegraph.types import Label, now
from graph.actions import view

MAX_SECONDS = 86_400


@strawberry.type(description="The view stands in the graph.")
class ViewRecorded(AboutMovie):
    seconds: int = strawberry.field(description="Seconds watched, all views of the movie together.")
    count: int = strawberry.field(description="Views of the movie.")


RecordViewResult = Annotated[
    ViewRecorded | MovieNotFound | NotSignedIn | InvalidValue,
    strawberry.union("RecordViewResult", description="What recordView comes to."),
]


async def record_view(
    info: Info,
    movie: MovieId,
    seconds: Annotated[int, strawberry.argument(description="Seconds watched, 1 to 86,400.")],
) -> RecordViewResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    if not 1 <= seconds <= MAX_SECONDS:
        return InvalidValue(message=f"seconds {seconds}: a view has 1 to {MAX_SECONDS} seconds")
    movie_id = key_of(Label.MOVIE, movie)
    info.context.written.add(movie_id)
    row = await view(info.context.services.graph, user_id, movie_id, seconds, now())
    if row is None:
        return movie_not_found(movie_id)
    info.context.wrote()
    return ViewRecorded(movie_id=movie_id, seconds=row["seconds"], count=row["count"])
