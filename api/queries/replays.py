"""Recommendations of then, made again: the same movies, ranks and scores, whatever was written since."""

from functools import partial
from typing import Annotated, Final

import strawberry

from api.arguments import why_of
from api.context import Info
from api.explaining import Speaker, find_reasons, standing
from api.hydration import hydrated
from api.lacking import computed
from api.queries.recommendations import refs_of
from api.replaying import Memo, digest_of, standing_now, unseal
from api.scalars import DateTime
from api.types.recommendations import Basis
from api.types.replays import Replay, ReplayedMovie, ReplayImpossible, ReplayResult
from cinegraph.types import Label, NodeRef
from recommenders.archive import Gone
from recommenders.histories import UserHistory
from recommenders.serving import Ranking
from recommenders.slots import ORDINARY

KEEP_MORE: Final = "the server keeps as many catalogues as its setting serving.kept_catalogues says"


@strawberry.type
class ReplayQuery:
    """The root field about answers of then."""

    @strawberry.field(
        description="Recommendations that were given before, made again from the model, the catalogue and the history "
        "of then: what was shown, and why. They are the caller's own, or a visitor's."
    )
    async def replay_recommendations(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The replayId of recommendations given before.")],
    ) -> ReplayResult | None:
        services = info.context.services
        memo = unseal(services.cursors, id, info.context.user_id)
        try:
            state = await services.restored.state(memo.key)
        except Gone as gone:
            return ReplayImpossible(missing=gone.part, message=f"{gone}; {KEEP_MORE}")
        history = memo.known.history(memo.owner)
        make = partial(
            services.serving.rank,
            history,
            memo.wanted,
            tuning=memo.tuning,
            places=memo.places,
            day=memo.day,
            context=memo.context,
            state=state,
            observed=False,
        )
        return await _shown(info, memo, await computed(state, make), history)


async def _shown(info: Info, memo: Memo, ranking: Ranking, history: UserHistory) -> Replay:
    context, state = info.context, ranking.scored.state
    why = why_of(info._raw_info)
    page = [(ranking.movie_ids[rank - 1], rank, ranking.scores[rank - 1]) for rank in memo.ranks if _has(ranking, rank)]
    before = await computed(state, partial(find_reasons, ranking.scored, [movie_id for movie_id, *_ in page], why))
    found, facts = await standing_now(context, before, history, state.version)
    read = await hydrated(info._raw_info, refs_of(found), user_id=None)
    speaker = Speaker(state.snapshot, facts, read, context.services.cursors, state.version)
    matches, slots = ranking.scored.matches, ranking.slots
    return Replay(
        given_at=DateTime(memo.at),
        identical=digest_of(page) == memo.digest,
        basis=Basis.MODEL if ranking.personal else Basis.POPULARITY,
        model_version=state.version,
        graph_version=state.snapshot.version,
        movies=[
            ReplayedMovie(
                ref=(ref := NodeRef(Label.MOVIE, movie_id)),
                hydrated=read,
                reasons=[speaker.show(one, found[movie_id].positive) for one in standing(found[movie_id], facts, why)],
                title=state.snapshot.names[state.snapshot.find(ref)],
                rank=rank,
                score=score,
                match=None if matches is None else float(matches[state.index[movie_id]]),
                placed_by=slots.get(movie_id, ORDINARY).source,
                propensity=slots.get(movie_id, ORDINARY).propensity,
            )
            for movie_id, rank, score in page
        ],
    )


def _has(ranking: Ranking, rank: int) -> bool:
    return rank <= len(ranking.movie_ids)
