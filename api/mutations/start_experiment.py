"""`startExperiment`: compare arms on users, from now on."""

from typing import Annotated, Any

import strawberry

from api.context import Info
from api.mutations.outcomes import InvalidValue, NotAdministrator, NotSignedIn, not_administrator, not_signed_in
from api.types.experiments import Experiment, ExperimentOutcome, shown
from cinegraph.errors import InvalidInput, ModelError, NotFound
from recommenders.conduct import start
from recommenders.experiment_file import experiment_of
from recommenders.sequential import LEVEL, PLANNED_USERS
from recommenders.standing import standings

REFUSALS = (InvalidInput, NotFound, ModelError)
"""What is wrong with what was asked for, as an outcome; a graph that fails is an error."""


@strawberry.input(description="One arm: a part of all users, and what they are served by.")
class ExperimentArmInput:
    name: str = strawberry.field(description="a-z, 0-9, _ and -, 64 characters at most; unique in the experiment.")
    share: float = strawberry.field(description="Part of all users; those of all arms sum to 1.")
    model_version: str | None = strawberry.field(default=None, description="By default the active one, as it changes.")
    diversity: float | None = strawberry.field(default=None, description="A dial in place of the server's, 0 to 1.")
    novelty: float | None = strawberry.field(default=None, description="A dial in place of the server's, 0 to 1.")
    calibration: float | None = strawberry.field(default=None, description="A dial in place of the server's, 0 to 1.")


@strawberry.input(description="An outcome that no arm may harm: one limit, or two, for its difference from control.")
class ExperimentGuardrailInput:
    outcome: ExperimentOutcome = strawberry.field(description="What it watches.")
    at_least: float | None = strawberry.field(
        default=None, description="The arm stops when the difference is surely below this; null for no such limit."
    )
    at_most: float | None = strawberry.field(
        default=None, description="The arm stops when the difference is surely above this; null for no such limit."
    )


@strawberry.input(description="What to compare; the first arm is control.")
class ExperimentInput:
    id: str = strawberry.field(description="Its name, new: a-z, 0-9, _ and -, 64 characters at most.")
    arms: list[ExperimentArmInput] = strawberry.field(description="Control first, then those compared; 2 to 10.")
    outcome: ExperimentOutcome = strawberry.field(
        default=ExperimentOutcome.LIKED, description="What decides; more is better."
    )
    window_days: float = strawberry.field(default=14.0, description="Days over which a user's outcome is counted.")
    guardrails: list[ExperimentGuardrailInput] = strawberry.field(
        default_factory=list, description="Outcomes that no arm may harm."
    )
    salt: str | None = strawberry.field(default=None, description="By default the id.")
    planned_users: int = strawberry.field(
        default=PLANNED_USERS, description="Users of two arms at which intervals are narrowest, 1 or more."
    )
    level: float = strawberry.field(
        default=LEVEL, description="How often no difference is called one, at most; between 0 and 1."
    )


@strawberry.type(description="The experiment is running; servers assign users to its arms within seconds.")
class ExperimentStarted:
    experiment: Experiment = strawberry.field(description="The experiment, as it begins.")


StartExperimentResult = Annotated[
    ExperimentStarted | InvalidValue | NotSignedIn | NotAdministrator,
    strawberry.union("StartExperimentResult", description="What startExperiment comes to."),
]


async def start_experiment(
    info: Info, experiment: Annotated[ExperimentInput, strawberry.argument(description="What to compare.")]
) -> StartExperimentResult | None:
    context = info.context
    if context.user_id is None:
        return not_signed_in()
    if not context.admin:
        return not_administrator()
    graph = context.services.graph
    try:
        begun = await start(graph, context.services.serving.artifacts, experiment_of(_values(experiment), "experiment"))
    except REFUSALS as error:
        return InvalidValue(message=str(error))
    (standing,) = await standings(graph, [begun.id])
    return ExperimentStarted(experiment=shown(standing))


def _values(given: ExperimentInput) -> dict[str, Any]:
    """The input with the keys of a file."""
    return {
        "id": given.id,
        "salt": given.salt,
        "outcome": given.outcome.value,
        "window_days": given.window_days,
        "planned_users": given.planned_users,
        "level": given.level,
        "guardrails": [
            {"outcome": one.outcome.value, "at_least": one.at_least, "at_most": one.at_most} for one in given.guardrails
        ],
        "arms": [
            {
                "name": arm.name,
                "share": arm.share,
                "model": arm.model_version,
                "tuning": {
                    "diversity": arm.diversity,
                    "novelty": arm.novelty,
                    "calibration": arm.calibration,
                },
            }
            for arm in given.arms
        ],
    }
