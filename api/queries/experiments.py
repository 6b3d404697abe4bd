"""Experiments, for administrators: two statements, however many there are."""

from typing import Annotated

import strawberry

from api.context import Info
from api.types.experiments import Experiment, shown
from recommenders.standing import standings


@strawberry.type
class ExperimentQuery:
    """The root field about experiments."""

    @strawberry.field(
        description="Experiments, the newest first, or the one of this id. For administrators; FORBIDDEN for other "
        "users, NOT_SIGNED_IN for an anonymous caller."
    )
    async def experiments(
        self,
        info: Info,
        id: Annotated[str | None, strawberry.argument(description="Of one experiment; null is all of them.")] = None,
    ) -> list[Experiment] | None:
        info.context.administering()
        return [shown(one) for one in await standings(info.context.services.graph, None if id is None else [id])]
