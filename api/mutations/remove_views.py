"""`removeViews`: the caller did not watch a movie after all."""

from typing import Annotated

import strawberry

from api.context import Info
from api.ids import key_of
from api.mutations.outcomes import AboutMovie, MovieNotFound, NotSignedIn, movie_not_found, not_signed_in
from api.types.arguments import MovieId
from cinegraph.types import Label
from graph.actions import unview


@strawberry.type(description="The caller has no view of the movie now.")
class ViewsRemoved(AboutMovie):
    seconds: int = strawberry.field(description="Seconds of all views that were; 0 where there was none.")
    count: int = strawberry.field(description="Views that were.")


RemoveViewsResult = Annotated[
    ViewsRemoved | MovieNotFound | NotSignedIn,
    strawberry.union("RemoveViewsResult", description="What removeViews comes to."),
]


async def remove_views(info: Info, movie: MovieId) -> RemoveViewsResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    movie_id = key_of(Label.MOVIE, movie)
    info.context.written.add(movie_id)
    row = await unview(info.context.services.graph, user_id, movie_id)
    if row is None:
        return movie_not_found(movie_id)
    info.context.wrote()
    return ViewsRemoved(movie_id=movie_id, seconds=row["seconds"], count=row["count"])
