"""An answer made again, as the API shows it."""

from typing import Annotated, Any

import strawberry

from api.context import Info
from api.hydration import Hydrated
from api.scalars import DateTime
from api.types.arguments import WhyFirst
from api.types.build import enumeration
from api.types.catalog import Movie
from api.types.explanations import Reason
from api.types.recommendations import Basis
from cinegraph.types import NodeRef
from recommenders.archive import Needed
from recommenders.candidates import Source

enumeration(
    Needed,
    "What an answer was made from.",
    {"MODEL": "The model that served then.", "CATALOGUE": "The catalogue as it was then."},
    name="ReplayPart",
)


@strawberry.type(description="A movie that was recommended then.")
class ReplayedMovie:
    ref: strawberry.Private[NodeRef]
    hydrated: strawberry.Private[Hydrated]
    reasons: strawberry.Private[list[Reason]]
    title: str = strawberry.field(description="Its title then.")
    rank: int = strawberry.field(description="Its place in the whole ranking, 1 is best.")
    score: float = strawberry.field(description="In the scale of the model of then.")
    match: float | None = strawberry.field(
        description="How likely the caller would give it 4 stars or more, as it was known then, from 0 to 1; null for "
        "a model that learnt no such scale."
    )
    placed_by: Source = strawberry.field(description="Who gave it its place.")
    propensity: float = strawberry.field(description="The chance of this movie to stand there, given those above.")

    @strawberry.field(description="The id of the movie, also of one that is gone.")
    def movie_id(self) -> strawberry.ID:
        return strawberry.ID(str(self.ref))

    @strawberry.field(
        description="The movie as it is now; null where the catalogue has it no more.", graphql_type=Movie | None
    )
    def node(self, info: Info) -> Any:
        return self.hydrated.at(info._raw_info, self.ref)

    @strawberry.field(
        description="The reasons of then that stand now, every relationship read again; the most telling first; up to "
        "10. One that rests on a rating that was changed since is left out."
    )
    def why(self, first: WhyFirst = None) -> list[Reason]:
        return self.reasons if first is None else self.reasons[:first]


@strawberry.type(description="A page of recommendations, made again from what it was made from.")
class Replay:
    given_at: DateTime = strawberry.field(description="When it was given.")
    identical: bool = strawberry.field(
        description="Whether these are the very movies, ranks and scores that were shown then, by their checksum."
    )
    basis: Basis = strawberry.field(description="What the ranking stands on.")
    model_version: str = strawberry.field(description="The model that made it; empty for popularity alone.")
    graph_version: int = strawberry.field(description="The version of the catalogue that it was made from.")
    movies: list[ReplayedMovie] = strawberry.field(description="The page, in its order.")


@strawberry.type(description="The answer cannot be made again: something that it was made from is not kept any more.")
class ReplayImpossible:
    missing: Needed = strawberry.field(description="What is missing.")
    message: str = strawberry.field(description="What is wrong, and what to do.")


ReplayResult = Annotated[
    Replay | ReplayImpossible, strawberry.union("ReplayResult", description="What replayRecommendations comes to.")
]
