"""What to compare, as a file: an experiment in YAML, or the same values from elsewhere.

id: ensemble-1
outcome: liked
window_days: 14
guardrails:
  - {outcome: dismissed, at_most: 0.2}
arms:
  - {name: control, share: 0.5}
  - {name: ensemble, share: 0.5, model: ensemble-0123456789ab, tuning: {diversity: 0.1}}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cinegraph.errors import InvalidInput, NotFound
from cinegraph.types import DAY
from graph.experiments import Limit, RecordedArm, RecordedExperiment
from recommenders.checked_file import validated
from recommenders.configuration import DIALECT
from recommenders.experiments import Experiment, Guardrail
from recommenders.sequential import LEVEL, PLANNED_USERS
from recommenders.yaml_file import Document, read_file

NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Outcome = Literal["liked", "dismissed", "viewed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Dials(_Part):
    """What a list is beside relevant, unless a query says otherwise; what is left out is as the server is set."""

    diversity: float | None = Field(None, ge=0, le=1, description="movies that are unlike each other, 0 to 1")
    novelty: float | None = Field(None, ge=0, le=1, description="movies that fewer people know, 0 to 1")
    calibration: float | None = Field(None, ge=0, le=1, description="the user's own shares of genres, 0 to 1")


class ArmInFile(_Part):
    """One arm."""

    name: str = Field(pattern=NAME, description="a-z, 0-9, _ and -, 64 characters at most")
    share: float = Field(gt=0, le=1, description="part of all users; those of all arms sum to 1")
    model: str | None = Field(None, description="a model version; by default the active one, also when it changes")
    tuning: Dials = Field(Dials(), description="dials of this arm")


class GuardrailInFile(_Part):
    """An outcome that no arm may harm: limits for its difference from control, a user."""

    outcome: Outcome = Field(description="what is counted: liked, dismissed or viewed")
    at_least: float | None = Field(None, description="an arm stops when the difference is surely below this")
    at_most: float | None = Field(None, description="an arm stops when the difference is surely above this")


class ExperimentInFile(_Part):
    """An experiment; the first arm is control."""

    id: str = Field(pattern=NAME, description="a-z, 0-9, _ and -, 64 characters at most")
    salt: str | None = Field(
        None, min_length=1, max_length=200, description="users' arms follow from it; by default id"
    )
    outcome: Outcome = Field("liked", description="what decides: movies liked (4 stars and more), dismissed or viewed")
    window_days: float = Field(14, gt=0, le=365, description="days over which a user's outcome is counted")
    planned_users: int = Field(PLANNED_USERS, ge=1, description="users of two arms at which intervals are narrowest")
    level: float = Field(LEVEL, gt=0, lt=1, description="how often no difference is called one, at most")
    guardrails: tuple[GuardrailInFile, ...] = Field((), description="outcomes that no arm may harm")
    arms: tuple[ArmInFile, ...] = Field(min_length=2, max_length=10, description="control first, then those compared")


def load_experiment(path: Path) -> RecordedExperiment:
    """The experiment in a .yaml file; `NotFound`, or `InvalidInput` that names file, line, key and value."""
    if not path.is_file():
        raise NotFound(f"there is no file {str(path)!r}; cinegraph experiment schema says what one may hold")
    return _checked(read_file(path))


def experiment_of(values: Mapping[str, Any], where: str) -> RecordedExperiment:
    """The experiment of these values, as a file would have them; `where` is what they come from, for messages."""
    return _checked(Document(where, dict(values)))


def schema() -> dict[str, Any]:
    """The JSON Schema of such files."""
    return {"$schema": DIALECT, **ExperimentInFile.model_json_schema(), "title": "An experiment on users"}


def _checked(document: Document) -> RecordedExperiment:
    found = validated(document, ExperimentInFile)
    names = [arm.name for arm in found.arms]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"{document.place(('arms',))}: arms have the name {twice[0]!r} twice; give each its own")
    recorded = _recorded(found)
    for part, check in (("guardrails", guardrails_of), ("arms", statistics_of)):
        try:
            check(recorded)
        except InvalidInput as error:
            raise InvalidInput(f"{document.place((part,))}: {error}") from error
    return recorded


def _recorded(found: ExperimentInFile) -> RecordedExperiment:
    return RecordedExperiment(
        id=found.id,
        salt=found.salt or found.id,
        outcome=found.outcome,
        window=max(1, round(found.window_days * DAY)),
        arms=tuple(RecordedArm(arm.name, arm.share, arm.model or "", **dict(arm.tuning)) for arm in found.arms),
        guardrails=tuple(Limit(one.outcome, one.at_least, one.at_most) for one in found.guardrails),
        level=found.level,
        planned_users=found.planned_users,
    )


def statistics_of(recorded: RecordedExperiment) -> Experiment:
    """The experiment as the statistics have it; raises `InvalidInput` for what cannot be one."""
    return Experiment(
        recorded.salt,
        recorded.shares,
        recorded.outcome,
        guardrails_of(recorded),
        recorded.level,
        recorded.planned_users,
    )


def guardrails_of(recorded: RecordedExperiment) -> tuple[Guardrail, ...]:
    """Its guardrails as the statistics have them."""
    open_ends = {"at_least": float("-inf"), "at_most": float("inf")}
    return tuple(
        Guardrail(
            one.outcome,
            open_ends["at_least"] if one.at_least is None else one.at_least,
            open_ends["at_most"] if one.at_most is None else one.at_most,
        )
        for one in recorded.guardrails
    )
