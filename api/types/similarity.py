"""Movies like one movie: the order and the reasons are ours, the movies the graph's."""

from typing import Any

import strawberry

from api.context import Info
from api.hydration import Hydrated
from api.types.arguments import WhyFirst
from api.types.build import PageInfo, enumeration, lazily
from api.types.explanations import Path
from cinegraph.types import Label, NodeRef
from graph.likes import RATINGS
from recommenders.similarity import SimilarityBasis

MOVIE = lazily("Movie", "catalog")

enumeration(
    SimilarityBasis,
    "What a likeness stands on.",
    {
        "BEHAVIOUR": "Who liked the one liked the other, as the served model has learnt; nothing of unrated movies.",
        "CONTENT": "What the catalogue says of both: people, keywords, genres and the like.",
        "GRAPH": "The ways between both in the graph, over what few movies share.",
        "BLEND": "All of that, behaviour before the rest.",
    },
)


@strawberry.type(description="What joins two movies, checked in the graph for this answer.")
class SimilarityReason:
    sentence: str = strawberry.field(description="In words: only what the graph holds.")
    share: float = strawberry.field(description="Its part of the score, 0 to 1.")
    liked_both: int | None = strawberry.field(
        default=None,
        description=(
            f"How many users gave 4 stars or more to both, counted among {RATINGS:,} ratings of each movie at most: of "
            "movies with more it is the least that there are, as the sentence says. Null for what the catalogue says."
        ),
    )
    path: Path | None = strawberry.field(
        default=None, description="From the one movie over what both share to the other; null for likes."
    )


@strawberry.type(description="One movie like another.")
class SimilarityEdge:
    movie_id: strawberry.Private[str]
    hydrated: strawberry.Private[Hydrated]
    reasons: strawberry.Private[list[SimilarityReason]]
    cursor: str = strawberry.field(description="Where this edge stands; give it as `after`.")
    score: float = strawberry.field(description="0 to 1, in the scale of the basis; higher is more alike.")
    rank: int = strawberry.field(description="Place among all that the filter lets through, 1 is most alike.")

    @strawberry.field(description="The movie.", graphql_type=MOVIE)
    def node(self, info: Info) -> Any:
        return self.hydrated.at(info._raw_info, NodeRef(Label.MOVIE, self.movie_id))

    @strawberry.field(description="What joins the two, the largest share first; up to 10.")
    def why(self, first: WhyFirst = None) -> list[SimilarityReason]:
        return self.reasons if first is None else self.reasons[:first]


@strawberry.type(description="A page of the movies like one movie.")
class SimilarityConnection:
    hydrated: strawberry.Private[Hydrated]
    edges: list[SimilarityEdge] = strawberry.field(description="The page, with scores and reasons.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    bases: list[SimilarityBasis] = strawberry.field(
        description="What says anything of this movie: a blend of a movie that nobody has rated has no BEHAVIOUR."
    )
    model_version: str | None = strawberry.field(description="The model that was asked; null where none was.")
    graph_version: int = strawberry.field(description="The version of the catalogue that it was made from.")

    @strawberry.field(description="The movies of the page alone.", graphql_type=list[MOVIE])  # type: ignore[valid-type]
    def nodes(self, info: Info) -> Any:
        return [self.hydrated.at(info._raw_info, NodeRef(Label.MOVIE, edge.movie_id)) for edge in self.edges]
