"""`removeDismissal`: a movie may be recommended to the caller again."""

from typing import Annotated

import strawberry

from api.context import Info
from api.ids import key_of
from api.mutations.outcomes import AboutMovie, MovieNotFound, NotSignedIn, movie_not_found, not_signed_in
from api.types.arguments import MovieId
from cinegraph.types import Label
from graph.actions import undismiss


@strawberry.type(description="The movie may be recommended to the caller.")
class DismissalRemoved(AboutMovie):
    dismissed: bool = strawberry.field(description="Whether it was dismissed before.")


RemoveDismissalResult = Annotated[
    DismissalRemoved | MovieNotFound | NotSignedIn,
    strawberry.union("RemoveDismissalResult", description="What removeDismissal comes to."),
]


async def remove_dismissal(info: Info, movie: MovieId) -> RemoveDismissalResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    movie_id = key_of(Label.MOVIE, movie)
    info.context.written.add(movie_id)
    row = await undismiss(info.context.services.graph, user_id, movie_id)
    if row is None:
        return movie_not_found(movie_id)
    info.context.wrote()
    return DismissalRemoved(movie_id=movie_id, dismissed=row["dismissed"])
