"""How experiments stand: users of each arm, differences from control, and what may be said of them.

An arm that was stopped for itself is out: the others are judged as if it had never been, each at the level that it had
before, so that an interval keeps its promise; its own verdict is the reason why it was stopped. Whether the users of
those that are left fit their shares is a test of its own, so that an experiment that loses arms is tested once more for
each.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from cinegraph.types import DAY
from graph.client import Reader, Row
from graph.experiments import OUTCOMES, RecordedArm, RecordedExperiment, list_experiments, sums
from recommenders.experiment_file import statistics_of
from recommenders.experiments import ArmVerdict, Decision, Experiment, judge
from recommenders.sequential import MISMATCH, Difference, Sums


@dataclass(frozen=True, slots=True, eq=False)
class GuardrailStanding:
    """The difference of a guarded outcome, and its limits."""

    outcome: str
    at_least: float | None
    at_most: float | None
    difference: Difference


@dataclass(frozen=True, slots=True, eq=False)
class ArmStanding:
    """One arm: users it was shown to, those of them whose window has ended, their mean outcome (None for none), and,
    but for control, what may be said of it."""

    arm: RecordedArm
    exposed: int
    users: int
    mean: float | None
    verdict: ArmVerdict | None = None
    guardrails: tuple[GuardrailStanding, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """An experiment so far; `mismatch_p` is how well the numbers of users fit the shares, from 0 to 1."""

    experiment: RecordedExperiment
    arms: tuple[ArmStanding, ...]
    mismatch_p: float

    @property
    def mismatch(self) -> bool:
        """Whether nothing of it can be believed."""
        return self.mismatch_p <= MISMATCH

    def as_json(self) -> dict[str, Any]:
        """Plain values; an open end of an interval is null."""
        one = self.experiment
        return {
            "id": one.id,
            "status": "running" if one.running else "stopped",
            "salt": one.salt,
            "outcome": one.outcome,
            "window_days": one.window / DAY,
            "level": one.level,
            "planned_users": one.planned_users,
            "started_at": one.started_at,
            "stopped_at": one.stopped_at,
            "because": one.because,
            "mismatch_p": self.mismatch_p,
            "mismatch": self.mismatch,
            "arms": [_arm_as_json(arm) for arm in self.arms],
        }


def _arm_as_json(standing: ArmStanding) -> dict[str, Any]:
    found = {**asdict(standing.arm), "exposed": standing.exposed, "users": standing.users, "mean": standing.mean}
    if standing.verdict:
        verdict = standing.verdict
        found |= {"decision": verdict.decision.value, "reason": verdict.reason, **numbers(verdict.difference)}
    guardrails = [
        {"outcome": one.outcome, "at_least": one.at_least, "at_most": one.at_most, **numbers(one.difference)}
        for one in standing.guardrails
    ]
    return {**found, "guardrails": guardrails}


def numbers(found: Difference) -> dict[str, float | None]:
    """A difference with its interval; None for an end that is open."""
    ends = {"difference": float(found.estimate), "low": float(found.low), "high": float(found.high)}
    return {name: value if math.isfinite(value) else None for name, value in ends.items()}


async def standings(reader: Reader, ids: Sequence[str] | None = None) -> list[Standing]:
    """How experiments stand, all or these, the newest first; two statements however many there are."""
    found = await list_experiments(reader, ids)
    rows = await sums(reader, [one.id for one in found])
    return [standing_of(one, [row for row in rows if row["id"] == one.id]) for one in found]


def standing_of(recorded: RecordedExperiment, rows: Sequence[Row]) -> Standing:
    """How one experiment stands by its sums."""
    measured = {outcome: {arm.name: Sums.of(np.zeros(0)) for arm in recorded.arms} for outcome in OUTCOMES}
    exposed = dict.fromkeys(recorded.shares, 0)
    for row in rows:
        values = (np.asarray(float(row[name])) for name in ("users", "y", "yy", "x", "xx", "xy"))
        measured[row["outcome"]][row["arm"]] = Sums(*values)
        exposed[row["arm"]] = row["exposed"]
    whole, going = statistics_of(recorded), remaining(recorded)
    verdicts = {one.arm: one for one in judge(going, measured)} if going else {}
    p = going.mismatch_p(measured[recorded.outcome]) if going else 1.0
    arms = (_arm(recorded, arm, measured, exposed, verdicts.get(arm.name), whole) for arm in recorded.arms)
    return Standing(recorded, tuple(arms), p)


def remaining(recorded: RecordedExperiment) -> Experiment | None:
    """The experiment of the arms that were not stopped for themselves; None where control alone is left."""
    left = {arm.name: arm.share for arm in recorded.arms if not arm.because}
    if len(left) < 2:
        return None
    total, level = math.fsum(left.values()), recorded.level * (len(left) - 1) / (len(recorded.arms) - 1)
    return replace(statistics_of(recorded), shares={name: share / total for name, share in left.items()}, level=level)


def _arm(
    recorded: RecordedExperiment,
    arm: RecordedArm,
    measured: Mapping[str, Mapping[str, Sums]],
    exposed: Mapping[str, int],
    verdict: ArmVerdict | None,
    whole: Experiment,
) -> ArmStanding:
    decisive = measured[recorded.outcome][arm.name]
    users = int(decisive.users)
    standing = ArmStanding(arm, exposed[arm.name], users, float(decisive.mean()) if users else None)
    if arm.name == whole.control:
        return standing
    if arm.because:
        verdict = ArmVerdict(
            arm.name, Decision.STOPPED, arm.because, whole.compare(measured[recorded.outcome], arm.name)
        )
    guardrails = (
        GuardrailStanding(one.outcome, one.at_least, one.at_most, whole.compare(measured[one.outcome], arm.name))
        for one in recorded.guardrails
    )
    return replace(standing, verdict=verdict, guardrails=tuple(guardrails))
