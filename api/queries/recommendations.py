"""Recommendations, and why: ranked and explained in memory, verified and read in one statement each, both at once."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, TypeVar

import strawberry

from api.arguments import asked_filter, require, why_of
from api.compiler.compiler import DEFAULT_FIRST, page_size
from api.context import Context as RequestContext
from api.context import Info
from api.explaining import Found, Speaker, check, edges_of, find_reasons, path_nodes, standing, verify
from api.freshness import fresh, known_history, refuse_stale
from api.hydration import hydrated
from api.ids import key_of
from api.lacking import ModelBroken, computed
from api.queries.groups import LIKED_RATING, MOST_LIKED, members_of, said_to_be_liked
from api.replaying import Known, Memo, digest_of, seal
from api.types.arguments import After, Filter, First, MovieId
from api.types.build import PageInfo
from api.types.context import ContextInput, to_context
from api.types.explanations import ExplanationCheck
from api.types.group import GroupInput, MemberSatisfaction
from api.types.recommendations import (
    Basis,
    Explanation,
    Provenance,
    RecommendationConnection,
    RecommendationEdge,
    ScoreContribution,
    ScoreFeature,
)
from api.types.tuning import TuningInput, given_dials, to_tuning
from cinegraph.errors import InvalidInput
from cinegraph.telemetry import MODEL, span
from cinegraph.types import DAY, Label, Millis, MovieFilter, NodeRef, now
from recommenders.arms import Served
from recommenders.context import ANYWHERE, Context
from recommenders.features import features_of
from recommenders.histories import UserHistory
from recommenders.serving import RELEVANCE, Member, Ranking
from recommenders.slate import PLACES, Tuning
from recommenders.slots import ORDINARY
from recommenders.state import Contribution, Scored, State

Answer = TypeVar("Answer")

CURSOR = "recommendations"

Liked = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Movies that a visitor likes, beside those that the caller rated; up to 100."),
]
Where = Annotated[
    ContextInput | None,
    strawberry.argument(description="Where and when somebody is of whom nothing else is known; null for anywhere."),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client asked for."""

    first: int
    after: tuple[float, str, int] | None
    wanted: MovieFilter
    liked: tuple[str, ...]
    why: int
    tuning: Tuning
    served: Served
    group: GroupInput | None = None
    context: Context = ANYWHERE
    day: int = field(default_factory=lambda: now() // DAY)
    """Since 1970."""

    @property
    def places(self) -> int:
        """Places that are composed: where a later page begins depends on all before it."""
        return PLACES if self.after else self.first


@strawberry.type
class RecommendationQuery:
    """Root fields about what to watch."""

    @strawberry.field(
        description="What to watch next: for the caller, for a visitor who says what they like, or for both together. "
        "Never a movie that was rated, viewed, dismissed, said to be liked or filtered out. With `group`, for several "
        "people together."
    )
    async def recommendations(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: Filter = None,
        liked: Liked = None,
        tuning: Annotated[
            TuningInput | None,
            strawberry.argument(description="What the list should be beside relevant; null is as the server is set."),
        ] = None,
        group: Annotated[
            GroupInput | None, strawberry.argument(description="Who watches together; null for the caller alone.")
        ] = None,
        context: Where = None,
    ) -> RecommendationConnection | None:
        asked = await _asked(info, first, after, liked, tuning)
        asked = replace(asked, wanted=await asked_filter(info), group=group, context=await _context(info, context))
        if group and context:
            raise InvalidInput("context is where one person is; leave it out, or group")
        if group and tuning and (tuning.fresh or tuning.exploration):
            raise InvalidInput("tuning.fresh and tuning.exploration keep places in one person's list; leave out group")
        return await _shown(info, asked, given_dials(tuning))

    @strawberry.field(description="Why a movie has its score for the caller; null for a movie the model does not know.")
    async def explain(
        self,
        info: Info,
        movie: MovieId,
        liked: Liked = None,
        context: Where = None,
    ) -> Explanation | None:
        movie_id, own, where = key_of(Label.MOVIE, movie), await _liked(info, liked), await _context(info, context)
        why = why_of(info._raw_info)
        asked = Asked(1, None, MovieFilter(), own, why, RELEVANCE, info.context.served_anyway(), context=where)
        return await _anyway(info, asked, partial(_explain, movie_id=movie_id))

    @strawberry.field(description="Whether the relationships of an explanation given before are still in the graph.")
    async def verify_explanation(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of a Reason that was given before.")],
    ) -> ExplanationCheck | None:
        services = info.context.services
        return await check(services.graph, services.cursors, id, info.context.user_id)


# -- arguments -------------------------------------------------------------------------------------------------------


async def _asked(
    info: Info, first: int, after: str | None, liked: Sequence[str] | None, tuning: TuningInput | None
) -> Asked:
    first = page_size("recommendations", first)
    services, raw = info.context.services, info._raw_info
    mark = services.cursors.open(CURSOR, after) if after is not None else None
    place = (mark[0], mark[1], mark[2]) if mark else None
    own, served = await _liked(info, liked), info.context.served_anyway()
    return Asked(
        first, place, MovieFilter(), own, why_of(raw), to_tuning(tuning, served.tuning(services.tuning)), served
    )


async def _liked(info: Info, liked: Sequence[str] | None) -> tuple[str, ...]:
    if liked is not None and len(liked) > MOST_LIKED:
        raise InvalidInput(f"liked has {len(liked)} movies; {MOST_LIKED} is the most")
    movie_ids = tuple(key_of(Label.MOVIE, one) for one in liked or ())
    await require(info, (NodeRef(Label.MOVIE, id_) for id_ in movie_ids))
    return movie_ids


async def _context(info: Info, given: ContextInput | None) -> Context:
    context = to_context(given)
    await require(info, (NodeRef(Label.COUNTRY, id_) for id_ in context.countries))
    await require(info, (NodeRef(Label.LANGUAGE, id_) for id_ in context.languages))
    return context


async def first_page(info: Info, first: int) -> RecommendationConnection:
    """What `recommendations(first:)` answers."""
    return await _shown(info, await _asked(info, first, None, None, None), given_dials(None))


# -- answers ---------------------------------------------------------------------------------------------------------


async def _history(context: RequestContext, asked: Asked) -> UserHistory:
    return (await known_history(context)).with_liked(asked.liked, LIKED_RATING)


async def _shown(info: Info, asked: Asked, dials: Collection[str]) -> RecommendationConnection:
    """The answer; that the caller was shown an arm of an experiment is noted."""
    found = await _anyway(info, asked, _recommend)
    if found.edges and asked.served.differs(dials):
        info.context.services.serving.arms.expose(info.context.user_id, asked.served)
    return found


async def _anyway(info: Info, asked: Asked, make: Callable[[Info, Asked], Awaitable[Answer]]) -> Answer:
    """An answer from the model; by popularity where that is broken."""
    try:
        return await fresh(info.context, partial(make, info, asked))
    except ModelBroken:
        asked = replace(asked, served=info.context.by_popularity(asked.served))
        return await fresh(info.context, partial(make, info, asked))


async def _recommend(info: Info, asked: Asked) -> RecommendationConnection:
    services = info.context.services
    history = await _history(info.context, asked)
    ranking = await _ranked(info, asked, history)
    page = _page(ranking, asked)
    with span("reasons", {MODEL: ranking.scored.state.version}):
        shown = [ranking.movie_ids[i] for i in page]
        found = await computed(asked.served.state, partial(find_reasons, ranking.scored, shown, asked.why))
    reading = hydrated(info._raw_info, refs_of(found), user_id=info.context.user_id)
    facts, read = await gather(verify(info.context, edges_of(found.values()), history), reading)
    refuse_stale(history, read)
    kept = {movie_id: standing(one, facts, asked.why) for movie_id, one in found.items()}
    state, at = ranking.scored.state, now()
    speaker = Speaker(state.snapshot, facts, read, services.cursors, state.version)
    cursors = {i: services.cursors.seal(CURSOR, [ranking.scores[i], ranking.movie_ids[i], i]) for i in page}
    provenance = _provenance(info, asked, ranking)
    slots = {i: ranking.slots.get(ranking.movie_ids[i], ORDINARY) for i in page}
    edges = [
        RecommendationEdge(
            movie_id=ranking.movie_ids[i],
            hydrated=read,
            provenance=provenance,
            reasons=[speaker.show(one, found[ranking.movie_ids[i]].positive) for one in kept[ranking.movie_ids[i]]],
            cursor=cursors[i],
            score=ranking.scores[i],
            rank=i + 1,
            members=_members(ranking, asked, i),
            placed_by=slots[i].source,
            propensity=slots[i].propensity,
        )
        for i in page
        if read.has(NodeRef(Label.MOVIE, ranking.movie_ids[i]))
    ]
    return RecommendationConnection(
        hydrated=read,
        edges=edges,
        page_info=PageInfo.of(
            list(cursors.values()),
            continued=asked.after is not None,
            more=bool(page) and page[-1] + 1 < len(ranking.movie_ids),
        ),
        basis=Basis.MODEL if ranking.personal else Basis.POPULARITY,
        model_version=state.version,
        graph_version=state.snapshot.version,
        seal=lambda: None if asked.group else seal(services.cursors, _memo(asked, history, state, edges, at)),
    )


def _memo(asked: Asked, history: UserHistory, state: State, edges: Sequence[RecommendationEdge], at: Millis) -> Memo:
    """What the page can be made again from."""
    return Memo(
        owner=history.user_id,
        at=at,
        key=state.key,
        places=asked.places,
        ranks=tuple(edge.rank for edge in edges),
        wanted=asked.wanted,
        tuning=asked.tuning,
        day=asked.day,
        context=asked.context,
        known=Known.of(history),
        digest=digest_of((edge.movie_id, edge.rank, edge.score) for edge in edges),
    )


async def _ranked(info: Info, asked: Asked, history: UserHistory) -> Ranking:
    serving, spanned = info.context.services.serving, {MODEL: asked.served.state.version}
    if asked.group is None:
        rank = partial(
            serving.rank,
            history,
            asked.wanted,
            tuning=asked.tuning,
            places=asked.places,
            day=asked.day,
            context=asked.context,
            state=asked.served.state,
        )
        with span("rank", spanned):
            return await computed(asked.served.state, rank)
    members, visible = await members_of(info, asked.group), UserHistory(None, None)
    if asked.group.with_me:
        members, visible = [Member(history), *members], history
    elif asked.liked:
        raise InvalidInput("liked is the caller's, whom withMe: false leaves out; give it to a member")
    visible = visible.with_liked(said_to_be_liked(asked.group), LIKED_RATING)
    group, state = asked.group, asked.served.state
    agree = partial(serving.rank_group, members, visible, asked.wanted, group.agreement, asked.tuning, state)
    with span("rank", spanned):
        return await computed(state, agree)


def _provenance(info: Info, asked: Asked, ranking: Ranking) -> Provenance:
    scored = ranking.scored
    gather = partial(info.context.services.serving.candidates, scored, asked.wanted) if asked.group is None else None
    return Provenance(gather, scored)


def _members(ranking: Ranking, asked: Asked, place: int) -> list[MemberSatisfaction]:
    if asked.group is None or ranking.satisfaction is None:
        return []
    names = [*([None] if asked.group.with_me else ()), *(one.name for one in asked.group.members)]
    satisfied = ranking.satisfaction[place].tolist()
    return [MemberSatisfaction(name=name, satisfaction=one) for name, one in zip(names, satisfied, strict=True)]


def _page(ranking: Ranking, asked: Asked) -> range:
    """The places of the page: after the cursor's movie, wherever it is now; where it is gone, after its score, or in a
    composed list after its place."""
    start = 0
    if asked.after is not None:
        score, movie_id, place = asked.after
        if movie_id in ranking.movie_ids:
            start = ranking.movie_ids.index(movie_id) + 1
        elif asked.tuning.changes or asked.group:
            start = place
        else:
            index = ranking.scored.state.index
            mark = (-score, index.get(movie_id, len(index)))
            found = zip(ranking.scores, ranking.movie_ids, strict=True)
            start = sum(1 for one, id_ in found if (-one, index[id_]) < mark)
    return range(start, min(start + asked.first, len(ranking.movie_ids)))


def refs_of(found: Mapping[str, Found], nodes: Iterable[NodeRef] = ()) -> Callable[[tuple[str, ...]], set[NodeRef]]:
    """Which nodes a place of the answer may show: those of the paths below `why`, `nodes` below `contributions`; and
    the movies themselves everywhere, so that each place tells which of them the graph still has."""
    movies = {NodeRef(Label.MOVIE, movie_id) for movie_id in found}
    on_paths = movies.union(*(path_nodes(reason) for one in found.values() for reason in one.reasons))
    contributing = movies.union(nodes)
    return lambda names: on_paths if "why" in names else contributing if "contributions" in names else movies


async def _explain(info: Info, asked: Asked, *, movie_id: str) -> Explanation | None:
    services = info.context.services
    history = await _history(info.context, asked)
    state = asked.served.state
    place = state.index.get(movie_id)
    if place is None:
        return None

    def reasoned() -> tuple[Scored, list[Contribution], dict[str, Found]]:
        scored = services.serving.score(history, asked.context, state)
        contributions = sorted(scored.contributions(movie_id), key=lambda one: (-one.value, one.node))
        return scored, contributions, find_reasons(scored, [movie_id], asked.why)

    with span("reasons", {MODEL: state.version}):
        scored, contributions, found = await computed(state, reasoned)
    refs = refs_of(found, [one.node for one in contributions])
    reading = hydrated(info._raw_info, refs, user_id=info.context.user_id)
    facts, read = await gather(verify(info.context, edges_of(found.values()), history), reading)
    refuse_stale(history, read)
    kept = standing(found[movie_id], facts, asked.why)
    if not read.has(NodeRef(Label.MOVIE, movie_id)):
        return None
    speaker = Speaker(state.snapshot, facts, read, services.cursors, state.version)
    return Explanation(
        movie_id=movie_id,
        hydrated=read,
        reasons=[speaker.show(one, found[movie_id].positive) for one in kept],
        score=float(scored.scores[place]),
        match=None if scored.matches is None else float(scored.matches[place]),
        rank=services.serving.place(scored, movie_id),
        basis=Basis.MODEL if scored.personal else Basis.POPULARITY,
        model_version=state.version,
        graph_version=state.snapshot.version,
        features=[
            ScoreFeature(name=one.name, value=one.value, contribution=one.contribution)
            for one in features_of(scored, movie_id)
        ],
        contributions=[ScoreContribution(ref=one.node, hydrated=read, value=one.value) for one in contributions],
    )
