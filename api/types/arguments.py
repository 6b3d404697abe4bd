"""Arguments that many fields have, each with what it means and its range."""

from typing import Annotated

import strawberry

from api.types.filters import MovieFilterInput

First = Annotated[int, strawberry.argument(description="Items of a page at most, 1 to 100.")]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The endCursor of the page before, or any edge's cursor, of this connection and order; null is the "
        "first page."
    ),
]
Filter = Annotated[
    MovieFilterInput | None,
    strawberry.argument(
        description="What every movie meets; null lets all through. An id that nothing has is refused."
    ),
]
MovieId = Annotated[strawberry.ID, strawberry.argument(description="The movie's id: Movie:1, or 1.")]
WhyFirst = Annotated[
    int | None,
    strawberry.argument(description="Reasons at most, 1 to 10; null is as many as the server is set to (3)."),
]
