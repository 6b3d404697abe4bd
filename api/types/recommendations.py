"""Recommendations and the explanation of one: the order and the reasons are ours, the movies the graph's."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import strawberry

from api.context import Info
from api.hydration import Hydrated
from api.types.arguments import WhyFirst
from api.types.build import Node, PageInfo, enumeration
from api.types.catalog import Movie
from api.types.explanations import Reason
from api.types.group import MemberSatisfaction
from cinegraph.types import Label, NodeRef
from recommenders.candidates import Candidates, Source
from recommenders.state import Scored


@strawberry.enum(description="What a ranking stands on.")
class Basis(Enum):
    MODEL = strawberry.enum_value("MODEL", description="The active model, from what the user likes.")
    POPULARITY = strawberry.enum_value("POPULARITY", description="Popularity, since nothing is known of the user yet.")


enumeration(
    Source,
    "Where a recommendation comes from.",
    {
        "MODEL": "The model's best scores.",
        "NEIGHBOURS": "The model's neighbours of the movies that were liked last.",
        "CONTENT": "What the catalogue says of the movies that were liked last, and of this one.",
        "GRAPH": "Ways in the graph from the movies that were liked last.",
        "TRENDING": "What is rated and watched lately.",
        "FRESH": "New releases, and movies without ratings.",
        "EXPLORATION": "Movies of few ratings that are worth a try.",
    },
    name="CandidateSource",
)


@strawberry.type(description="A source that gave a movie.")
class SourcePlace:
    name: Source = strawberry.field(description="Which source.")
    rank: int = strawberry.field(description="The movie's place among what the source found, 1 is best.")


@dataclass
class Provenance:
    """The sources of one answer, and the chances behind its scores, found where the client wants to know; `gather` is
    None for a group, of which there is neither."""

    gather: Callable[[], Candidates] | None
    scored: Scored
    gathering: list[asyncio.Future[Candidates]] = field(default_factory=list)

    def match(self, movie_id: str) -> float | None:
        """The chance that a movie would be liked."""
        matches = self.scored.matches if self.gather else None
        return None if matches is None else float(matches[self.scored.state.index[movie_id]])

    async def of(self, movie_id: str) -> list[SourcePlace]:
        """The sources of a movie. They are asked once for an answer, in a thread: others are answered meanwhile."""
        if self.gather is None:
            return []
        if not self.gathering:
            self.gathering.append(asyncio.ensure_future(asyncio.to_thread(self.gather)))
        places = (await self.gathering[0]).sources(self.scored.state.index[movie_id])
        return [SourcePlace(name=one.source, rank=one.rank) for one in places]


@strawberry.type(description="One recommended movie.")
class RecommendationEdge:
    movie_id: strawberry.Private[str]
    hydrated: strawberry.Private[Hydrated]
    reasons: strawberry.Private[list[Reason]]
    provenance: strawberry.Private[Provenance]
    cursor: str = strawberry.field(description="Where this edge stands; give it as `after`.")
    score: float = strawberry.field(description="In the scale of the model; for a group the mean of its members.")
    rank: int = strawberry.field(description="Place in the whole ranking, 1 is best.")
    members: list[MemberSatisfaction] = strawberry.field(
        default_factory=list,
        description="How satisfied each of the group would be, the caller first; empty without a group.",
    )
    placed_by: Source = strawberry.field(
        default=Source.MODEL,
        description="Who gave it this place: MODEL, or FRESH or EXPLORATION where `tuning` keeps the place for them.",
    )
    propensity: float = strawberry.field(
        default=1.0,
        description="The chance of this movie to stand here, given those above: below 1 where EXPLORATION drew it.",
    )

    @strawberry.field(description="The movie.", graphql_type=Movie)
    def node(self, info: Info) -> Any:
        return self.hydrated.at(info._raw_info, NodeRef(Label.MOVIE, self.movie_id))

    @strawberry.field(
        description="How likely the caller would give it 4 stars or more, if they watched it, from 0 to 1: the score "
        "on a scale that all models share. Null for a group, and for a model that learnt no such scale."
    )
    def match(self) -> float | None:
        return self.provenance.match(self.movie_id)

    @strawberry.field(
        description="Every source that gave it, with its place there; empty for a group, whose members' histories are "
        "not shown."
    )
    async def sources(self) -> list[SourcePlace]:
        return await self.provenance.of(self.movie_id)

    @strawberry.field(description="Verified reasons, the most telling first; up to 10.")
    def why(self, first: WhyFirst = None) -> list[Reason]:
        return self.reasons if first is None else self.reasons[:first]


@strawberry.type(description="A page of a ranking.")
class RecommendationConnection:
    hydrated: strawberry.Private[Hydrated]
    edges: list[RecommendationEdge] = strawberry.field(description="The page, with scores and reasons.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    basis: Basis = strawberry.field(description="What the ranking stands on.")
    model_version: str = strawberry.field(description="The model that made it.")
    graph_version: int = strawberry.field(description="The version of the catalogue that it was made from.")
    seal: strawberry.Private[Callable[[], str | None]]

    @strawberry.field(
        description="Give it to replayRecommendations at any later time. Null for a group, and for somebody who did so "
        "much that it would be too long for a request."
    )
    def replay_id(self) -> strawberry.ID | None:
        sealed = self.seal()
        return None if sealed is None else strawberry.ID(sealed)

    @strawberry.field(description="The movies of the page alone.", graphql_type=list[Movie])
    def nodes(self, info: Info) -> Any:
        return [self.hydrated.at(info._raw_info, NodeRef(Label.MOVIE, edge.movie_id)) for edge in self.edges]


@strawberry.type(description="What one own movie, one stated preference, or popularity adds to a score.")
class ScoreContribution:
    ref: strawberry.Private[NodeRef]
    hydrated: strawberry.Private[Hydrated]
    value: float = strawberry.field(description="In the scale of the model; all values add up to the score.")

    @strawberry.field(
        description="The movie that was rated, or what was preferred; the movie itself for its popularity.",
        graphql_type=Node | None,
    )
    def node(self, info: Info) -> Any:
        return self.hydrated.at(info._raw_info, self.ref)


@strawberry.type(description="What was known of the caller and the movie, and what it adds to the score.")
class ScoreFeature:
    name: str = strawberry.field(
        description="Of an ensemble each member by its name, and the movie's own likes, recent_likes, mean_rating, "
        "like_share and facts (own, where they are not told apart); else model or popularity; and preferences."
    )
    value: float = strawberry.field(
        description="What was known: of a member the score as a part of its best one, of preferences how many fit."
    )
    contribution: float = strawberry.field(
        description="In the scale of the model; all contributions add up to the score."
    )


@strawberry.type(description="Why a movie has its score for the caller.")
class Explanation:
    movie_id: strawberry.Private[str]
    hydrated: strawberry.Private[Hydrated]
    reasons: strawberry.Private[list[Reason]]
    score: float = strawberry.field(description="In the scale of the model.")
    rank: int | None = strawberry.field(
        description="Place among all movies that may be recommended; null if it may not."
    )
    match: float | None = strawberry.field(
        description="How likely the caller would give it 4 stars or more, if they watched it, from 0 to 1; null for a "
        "model that learnt no such scale."
    )
    basis: Basis = strawberry.field(description="What the score stands on.")
    model_version: str = strawberry.field(description="The model that made it.")
    graph_version: int = strawberry.field(description="The version of the catalogue that it was made from.")
    contributions: list[ScoreContribution] = strawberry.field(
        description="The largest first; they add up to the score."
    )
    features: list[ScoreFeature] = strawberry.field(
        description="The same score by what was known: features that add up to it, in the order of the model."
    )

    @strawberry.field(description="The movie.", graphql_type=Movie)
    def movie(self, info: Info) -> Any:
        return self.hydrated.at(info._raw_info, NodeRef(Label.MOVIE, self.movie_id))

    @strawberry.field(description="Verified reasons, the most telling first; up to 10.")
    def why(self, first: WhyFirst = None) -> list[Reason]:
        return self.reasons if first is None else self.reasons[:first]
