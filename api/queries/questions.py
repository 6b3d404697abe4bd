"""What to ask a stranger first."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import strawberry

from api.arguments import require
from api.compiler.compiler import MAX_FIRST
from api.context import Info
from api.freshness import fresh, known_history, refuse_stale
from api.hydration import hydrated
from api.ids import key_of
from api.queries.groups import LIKED_RATING
from api.types.questions import FirstQuestion, FirstQuestions
from cinegraph.errors import InvalidInput
from cinegraph.types import MIN_RATING, Label, NodeRef

FIRST = 12
MOST_ANSWERS = 1_000
"""Movies in one argument: enough for somebody who answers for a long time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client asked for: how many, and the reactions so far beside those in the graph."""

    first: int
    liked: tuple[str, ...]
    disliked: tuple[str, ...]
    skipped: tuple[str, ...]


@strawberry.type
class QuestionQuery:
    """The root field about strangers."""

    @strawberry.field(
        description="Movies that are best asked about first: those whose answers tell most of a taste, of which people "
        "know many. After each reaction the next ones are others: from the caller's ratings, views and dismissals, and "
        "from `liked`, `disliked`, and `skip` for movies that they do not know."
    )
    async def first_questions(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="Movies to ask about at most, 1 to 100.")] = FIRST,
        liked: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Movies that were liked; up to 1,000.")
        ] = None,
        disliked: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Movies that were not liked; up to 1,000.")
        ] = None,
        skip: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Movies that are not known; up to 1,000.")
        ] = None,
    ) -> FirstQuestions | None:
        if not 1 <= first <= MAX_FIRST:
            raise InvalidInput(f"firstQuestions(first: {first}): 1 to {MAX_FIRST} can be asked for")
        keys = [_keys(name, ids) for name, ids in (("liked", liked), ("disliked", disliked), ("skip", skip))]
        await require(info, (NodeRef(Label.MOVIE, id_) for ids in keys for id_ in ids))
        return await fresh(info.context, partial(_questions, info, Asked(first, *keys)))


def _keys(name: str, ids: Sequence[str] | None) -> tuple[str, ...]:
    if ids is not None and len(ids) > MOST_ANSWERS:
        raise InvalidInput(f"{name} has {len(ids)} movies; {MOST_ANSWERS} is the most")
    return tuple(key_of(Label.MOVIE, one) for one in ids or ())


async def _questions(info: Info, asked: Asked) -> FirstQuestions:
    serving, user_id = info.context.services.serving, info.context.user_id
    own = await known_history(info.context)
    history = own.with_liked(asked.liked, LIKED_RATING).with_liked(asked.disliked, MIN_RATING)
    choose = partial(serving.questions, history, asked.first, asked.skipped, info.context.served_anyway().state)
    state, chosen = await asyncio.to_thread(choose)
    movies = {state.movie_ids[one.item]: one for one in chosen}
    refs = [NodeRef(Label.MOVIE, movie_id) for movie_id in movies]
    read = await hydrated(info._raw_info, lambda names: refs, user_id=user_id)
    refuse_stale(own, read)
    return FirstQuestions(
        questions=[
            FirstQuestion(
                movie_id=movie_id, hydrated=read, known=one.known, liked=one.liked, information=one.information
            )
            for movie_id, one in movies.items()
            if read.has(NodeRef(Label.MOVIE, movie_id))
        ],
        answered=len(history.ratings),
        model_version=state.version,
    )
