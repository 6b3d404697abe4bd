"""`stopExperiment`: everybody gets the active model again."""

from typing import Annotated

import strawberry

from api.context import Info
from api.mutations.outcomes import InvalidValue, NotAdministrator, NotSignedIn, not_administrator, not_signed_in
from api.types.experiments import Experiment, shown
from cinegraph.errors import UsageError
from recommenders.conduct import BY_HAND, end
from recommenders.standing import standings

LONGEST_REASON = 1_000


@strawberry.type(description="The experiment has ended; servers stop to assign users within seconds.")
class ExperimentStopped:
    experiment: Experiment = strawberry.field(description="The experiment, as it ended.")


StopExperimentResult = Annotated[
    ExperimentStopped | InvalidValue | NotSignedIn | NotAdministrator,
    strawberry.union("StopExperimentResult", description="What stopExperiment comes to."),
]


async def stop_experiment(
    info: Info,
    id: Annotated[str, strawberry.argument(description="The experiment's id.")],
    because: Annotated[
        str, strawberry.argument(description="Why it ends, for those who read it later; 1 to 1,000 characters.")
    ] = BY_HAND,
) -> StopExperimentResult | None:
    context = info.context
    if context.user_id is None:
        return not_signed_in()
    if not context.admin:
        return not_administrator()
    if not 1 <= len(because) <= LONGEST_REASON:
        return InvalidValue(message=f"because has {len(because)} characters: give 1 to {LONGEST_REASON}")
    try:
        await end(context.services.graph, id, because)
    except UsageError as error:
        return InvalidValue(message=str(error))
    (standing,) = await standings(context.services.graph, [id])
    return ExperimentStopped(experiment=shown(standing))
