"""Experiments on users, for administrators: what is compared, and what may be said of it."""

from enum import Enum

import strawberry

from api.scalars import DateTime
from api.types.build import enumeration
from cinegraph.types import DAY
from graph.experiments import RecordedArm
from recommenders.experiments import ArmVerdict, Decision
from recommenders.standing import ArmStanding, GuardrailStanding, Standing, numbers

enumeration(
    Decision,
    "What is said of an arm beside control.",
    {
        "BETTER": "Its users surely have more of the outcome that decides than those of control.",
        "WORSE": "Its users surely have less of the outcome that decides than those of control.",
        "UNDECIDED": "The difference may be 0, or too few users are counted.",
        "STOPPED": "A guardrail is broken, or users do not fit the shares.",
    },
    name="ExperimentDecision",
)


@strawberry.enum(description="Whether users are assigned to the arms of an experiment.")
class ExperimentStatus(Enum):
    RUNNING = strawberry.enum_value("running", description="Users are assigned, and their outcomes counted.")
    STOPPED = strawberry.enum_value("stopped", description="Everybody gets the active model.")


@strawberry.enum(description="What is counted of a user: movies rated 4 or more, dismissed, viewed.")
class ExperimentOutcome(Enum):
    LIKED = strawberry.enum_value("liked", description="Movies rated 4 stars or more.")
    DISMISSED = strawberry.enum_value("dismissed", description="Movies dismissed.")
    VIEWED = strawberry.enum_value("viewed", description="Movies watched, in part or whole.")


@strawberry.type(description="A difference from control, of means a user, with an interval that holds at any time.")
class OutcomeDifference:
    difference: float = strawberry.field(description="The mean of the arm less the mean of control.")
    low: float | None = strawberry.field(description="Its lower end; null below 100 users in an arm.")
    high: float | None = strawberry.field(description="Its upper end; null below 100 users in an arm.")


@strawberry.type(description="An outcome that no arm may harm.")
class ExperimentGuardrail:
    outcome: ExperimentOutcome = strawberry.field(description="What it watches.")
    at_least: float | None = strawberry.field(description="The arm stops when the difference is surely below this.")
    at_most: float | None = strawberry.field(description="The arm stops when the difference is surely above this.")
    difference: OutcomeDifference = strawberry.field(description="From control.")


@strawberry.type(description="What may be said of an arm beside control.")
class ExperimentVerdict:
    arm: str = strawberry.field(description="The name of the arm.")
    decision: Decision = strawberry.field(description="In a word.")
    reason: str = strawberry.field(description="In words.")
    difference: OutcomeDifference = strawberry.field(description="Of the outcome that decides.")
    guardrails: list[ExperimentGuardrail] = strawberry.field(description="What the arm must not harm.")


@strawberry.type(description="A part of all users, and what they are served by.")
class ExperimentArm:
    name: str = strawberry.field(description="Unique in its experiment.")
    share: float = strawberry.field(description="Part of all users.")
    model_version: str | None = strawberry.field(description="The key of its ModelVersion; null for the active one.")
    diversity: float | None = strawberry.field(description="Its dial; null for the server's.")
    novelty: float | None = strawberry.field(description="Its dial; null for the server's.")
    calibration: float | None = strawberry.field(description="Its dial; null for the server's.")
    exposed: int = strawberry.field(description="Users who were shown what it makes.")
    counted: int = strawberry.field(description="Those of them whose window has ended.")
    mean: float | None = strawberry.field(description="The mean outcome of those who are counted.")
    stopped_at: DateTime | None = strawberry.field(description="When it ended.")
    because: str | None = strawberry.field(description="Why it ended before its experiment.")
    fault: str | None = strawberry.field(description="Why a server could not serve it; it served the active one.")
    fault_at: DateTime | None = strawberry.field(description="When a server said so last.")


@strawberry.type(description="A comparison of arms on users; the first arm is control.")
class Experiment:
    id: str = strawberry.field(description="Its name, as it was started with.")
    status: ExperimentStatus = strawberry.field(description="Whether users are assigned now.")
    salt: str = strawberry.field(description="The arm of a user follows from it and the user's id.")
    outcome: ExperimentOutcome = strawberry.field(description="What decides.")
    window_days: float = strawberry.field(description="Days from a user's first exposure over which it is counted.")
    planned_users: int = strawberry.field(description="Users of two arms at which intervals are narrowest.")
    level: float = strawberry.field(description="How often no difference is called one, at most.")
    started_at: DateTime = strawberry.field(description="When it began.")
    stopped_at: DateTime | None = strawberry.field(description="When it ended; null while it runs.")
    because: str | None = strawberry.field(description="Why it ended.")
    mismatch: bool = strawberry.field(description="Whether users do not fit the shares, so that nothing can be said.")
    mismatch_p: float = strawberry.field(
        description="How well users fit the shares: with right ones it is ever as low as p in at most p of experiments."
    )
    arms: list[ExperimentArm] = strawberry.field(description="Control first.")
    verdicts: list[ExperimentVerdict] = strawberry.field(description="Of each arm beside control.")


def shown(standing: Standing) -> Experiment:
    """An experiment as the API has it."""
    one = standing.experiment
    return Experiment(
        id=one.id,
        status=ExperimentStatus.RUNNING if one.running else ExperimentStatus.STOPPED,
        salt=one.salt,
        outcome=ExperimentOutcome(one.outcome),
        window_days=one.window / DAY,
        planned_users=one.planned_users,
        level=one.level,
        started_at=DateTime(one.started_at),
        stopped_at=_moment(one.stopped_at),
        because=one.because or None,
        mismatch=standing.mismatch,
        mismatch_p=standing.mismatch_p,
        arms=[_arm(arm.arm, arm) for arm in standing.arms],
        verdicts=[_verdict(arm.verdict, arm) for arm in standing.arms if arm.verdict],
    )


def _arm(arm: RecordedArm, standing: ArmStanding) -> ExperimentArm:
    return ExperimentArm(
        name=arm.name,
        share=arm.share,
        model_version=arm.model or None,
        diversity=arm.diversity,
        novelty=arm.novelty,
        calibration=arm.calibration,
        exposed=standing.exposed,
        counted=standing.users,
        mean=standing.mean,
        stopped_at=_moment(arm.stopped_at),
        because=arm.because or None,
        fault=arm.fault or None,
        fault_at=_moment(arm.fault_at),
    )


def _verdict(verdict: ArmVerdict, standing: ArmStanding) -> ExperimentVerdict:
    return ExperimentVerdict(
        arm=verdict.arm,
        decision=verdict.decision,
        reason=verdict.reason,
        difference=_difference(numbers(verdict.difference)),
        guardrails=[_guardrail(one) for one in standing.guardrails],
    )


def _guardrail(one: GuardrailStanding) -> ExperimentGuardrail:
    return ExperimentGuardrail(
        outcome=ExperimentOutcome(one.outcome),
        at_least=one.at_least,
        at_most=one.at_most,
        difference=_difference(numbers(one.difference)),
    )


def _difference(found: dict[str, float | None]) -> OutcomeDifference:
    return OutcomeDifference(difference=found["difference"] or 0.0, low=found["low"], high=found["high"])


def _moment(at: int | None) -> DateTime | None:
    return None if at is None else DateTime(at)
