"""Experiments on users: who is in which arm, and what may be said of the arms so far.

An experiment has a control, the first arm, and others that are compared with it. The arm of a user follows from the
experiment's salt and the user's id alone, so nothing is kept, and every server says the same. What is said may be
looked at after every user (`recommenders/sequential.py`): with no difference anywhere, an arm is called better or
worse at any time in no more than `level` of all experiments, over all arms together, and each guardrail stops a
harmless arm in no more than that; numbers of users stop an experiment that assigns them rightly in no more than
`MISMATCH`. A user has one number for each outcome, counted once: over a fixed time from the first exposure, say, and
only when that time has ended.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

import numpy as np

from cinegraph.errors import InvalidInput
from recommenders.sequential import (
    LEAST_USERS,
    LEVEL,
    MISMATCH,
    PLANNED_USERS,
    Difference,
    Sums,
    difference,
    enough,
    mismatch_p,
)

SHARES_OFF = 1e-9


class Decision(StrEnum):
    """What is said of an arm beside control."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """An outcome that an arm must not harm: its difference from control is to be at least, or at most, this much.

    An arm is stopped when the whole interval is beyond the limit. Raises `InvalidInput` without a limit, or with none
    between two.
    """

    outcome: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def __post_init__(self) -> None:
        without = self.at_least == -math.inf and self.at_most == math.inf
        if without or not self.at_least < self.at_most:
            raise InvalidInput(
                f"guardrail {self.outcome} is at least {self.at_least} and at most {self.at_most}: give one limit, or "
                "two of which the second is larger"
            )

    def broken(self, found: Difference) -> str | None:
        """Why this difference stops an arm, in words, or None."""
        if found.high < self.at_least:
            return f"{self.outcome}: the difference {found} is surely below {self.at_least:g}"
        if found.low > self.at_most:
            return f"{self.outcome}: the difference {found} is surely above {self.at_most:g}"
        return None


@dataclass(frozen=True, slots=True)
class Experiment:
    """Arms with their shares of all users, the first being control, and the outcome that decides, more being better.

    `planned_users` (in two arms together) is where the intervals are narrowest; others cost little. Raises
    `InvalidInput` for shares that are not above 0 or do not sum to 1, for less than two arms, and for a level that is
    not between 0 and 1.
    """

    salt: str
    shares: Mapping[str, float]
    outcome: str
    guardrails: tuple[Guardrail, ...] = ()
    level: float = LEVEL
    planned_users: int = PLANNED_USERS

    def __post_init__(self) -> None:
        check_shares(self.shares)
        if len(self.shares) < 2:
            raise InvalidInput(
                f"experiment {self.salt} has one arm, {self.control}: give control and at least one other"
            )
        if not 0 < self.level < 1 or self.planned_users < 1:
            raise InvalidInput(
                f"experiment {self.salt} has level {self.level} and {self.planned_users} planned users: give a level "
                "between 0 and 1, as 0.05, and at least one user"
            )

    @property
    def control(self) -> str:
        """The arm that others are compared with."""
        return next(iter(self.shares))

    @property
    def level_of_an_arm(self) -> float:
        """The level is divided among the arms (Bonferroni)."""
        return self.level / (len(self.shares) - 1)

    def arm_of(self, user_id: str) -> str:
        """The arm of a user, always the same."""
        return arm_of(self.salt, user_id, self.shares)

    def compare(self, measured: Mapping[str, Sums], arm: str) -> Difference:
        """One outcome's difference between an arm and control, of sums by arm."""
        return difference(measured[self.control], measured[arm], self.level_of_an_arm, self.planned_users)

    def mismatch_p(self, measured: Mapping[str, Sums]) -> float:
        """How well the numbers of users fit the shares, of sums by arm: everything stops at `MISMATCH`."""
        users = np.array([float(measured[arm].users) for arm in self.shares])
        return float(mismatch_p(users, np.array(list(self.shares.values())), self.planned_users))


@dataclass(frozen=True, slots=True, eq=False)
class ArmVerdict:
    """What is said of one arm, why, and how much more of the outcome that decides it has than control."""

    arm: str
    decision: Decision
    reason: str
    difference: Difference


def check_shares(shares: Mapping[str, float]) -> None:
    """Raise `InvalidInput` for shares that are not above 0 or do not sum to 1."""
    if wrong := {arm: share for arm, share in shares.items() if not share > 0}:
        raise InvalidInput(f"shares of arms are above 0, not {wrong}: leave out an arm that nobody is to be in")
    total = math.fsum(shares.values())
    if abs(total - 1) > SHARES_OFF:
        raise InvalidInput(f"the shares of {', '.join(shares) or 'no arms'} sum to {total:g}: they must sum to 1")


def arm_of(salt: str, user_id: str, shares: Mapping[str, float]) -> str:
    """The arm in which a user's point on [0, 1) lies, the arms' shares laid side by side in their order.

    The point is a keyed hash (blake2b), uniform over users and independent between salts. Other shares, or another
    order of the arms, move users: an experiment that is changed needs a new salt. Raises as `check_shares`.
    """
    check_shares(shares)
    point, edge = point_of(salt, user_id), 0.0
    for arm, share in shares.items():
        edge += share
        if point < edge:
            return arm
    return arm


def point_of(salt: str, user_id: str) -> float:
    """A user's point on [0, 1), in steps of 2⁻⁵³; the salt is hashed to a key, so that no pair of texts is another."""
    key = blake2b(salt.encode()).digest()
    digest = blake2b(user_id.encode(), key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def judge(experiment: Experiment, measured: Mapping[str, Mapping[str, Sums]]) -> tuple[ArmVerdict, ...]:
    """What may be said of every arm now, of sums by outcome and arm.

    Everything stops where the numbers of users do not fit the shares; an arm stops where it breaks a guardrail. Raises
    `InvalidInput` where an outcome or an arm is missing.
    """
    _check_measured(experiment, measured)
    decisive = measured[experiment.outcome]
    p = experiment.mismatch_p(decisive)
    stopped = None
    if p <= MISMATCH:
        counts = ", ".join(f"{arm} {float(decisive[arm].users):.0f}" for arm in experiment.shares)
        stopped = f"users do not fit the shares (p = {p:.1g}: {counts}); look for what depends on the arm"
    others = (arm for arm in experiment.shares if arm != experiment.control)
    return tuple(_verdict(experiment, measured, arm, stopped) for arm in others)


def _check_measured(experiment: Experiment, measured: Mapping[str, Mapping[str, Sums]]) -> None:
    for outcome in (experiment.outcome, *(one.outcome for one in experiment.guardrails)):
        if missing := experiment.shares.keys() - measured.get(outcome, {}).keys():
            raise InvalidInput(
                f"experiment {experiment.salt} has no {outcome} of {', '.join(sorted(missing))}: give the sums of "
                "every arm for every outcome, of 0 users where there are none yet"
            )


def _verdict(
    experiment: Experiment, measured: Mapping[str, Mapping[str, Sums]], arm: str, stopped: str | None
) -> ArmVerdict:
    found = experiment.compare(measured[experiment.outcome], arm)
    stopped = stopped or _broken_guardrail(experiment, measured, arm)
    if stopped:
        return ArmVerdict(arm, Decision.STOPPED, stopped, found)
    if not enough(measured[experiment.outcome][experiment.control], measured[experiment.outcome][arm]):
        words = f"fewer than {LEAST_USERS} users of {arm} or of control are counted so far"
        return ArmVerdict(arm, Decision.UNDECIDED, words, found)
    decision, words = _by_interval(found)
    return ArmVerdict(arm, decision, f"{experiment.outcome}: the difference {found} {words}", found)


def _broken_guardrail(experiment: Experiment, measured: Mapping[str, Mapping[str, Sums]], arm: str) -> str | None:
    reasons = (one.broken(experiment.compare(measured[one.outcome], arm)) for one in experiment.guardrails)
    return next((reason for reason in reasons if reason), None)


def _by_interval(found: Difference) -> tuple[Decision, str]:
    if found.low > 0:
        return Decision.BETTER, "is surely above 0"
    if found.high < 0:
        return Decision.WORSE, "is surely below 0"
    return Decision.UNDECIDED, "may be 0"
