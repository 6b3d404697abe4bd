"""Questions to a stranger, as the API shows them."""

from typing import Any

import strawberry

from api.context import Info
from api.hydration import Hydrated
from api.types.catalog import Movie
from cinegraph.types import Label, NodeRef


@strawberry.type(description="A movie to ask somebody about.")
class FirstQuestion:
    movie_id: strawberry.Private[str]
    hydrated: strawberry.Private[Hydrated]
    known: float = strawberry.field(description="The part of all users who have rated it, 0 to 1.")
    liked: float = strawberry.field(description="How likely they know and like it, 0 to 1.")
    information: float = strawberry.field(
        description="The part of what is not known of their taste that an answer would tell, 0 to 1."
    )

    @strawberry.field(description="The movie.", graphql_type=Movie)
    def movie(self, info: Info) -> Any:
        return self.hydrated.at(info._raw_info, NodeRef(Label.MOVIE, self.movie_id))


@strawberry.type(description="What to ask somebody next, and what answers it was chosen by.")
class FirstQuestions:
    questions: list[FirstQuestion] = strawberry.field(description="The most telling first.")
    answered: int = strawberry.field(description="Answers that were taken into account: ratings, liked and disliked.")
    model_version: str = strawberry.field(description="The model that learnt what tells most.")
