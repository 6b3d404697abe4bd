"""Differences between two groups of users that may be looked at after every user, as often as one likes.

An interval of fixed size is right at one moment only: who looks often and stops at the first significant difference
is wrong much more often than 5 %. A confidence sequence holds the true difference at all moments together with a
chance of at least 1 − level. With D the difference of means, s² = var₁/n₁ + var₀/n₀ and t = n₀ + n₁ it is

    D ± s · √((1 + 1/(tρ²)) · (log(1 + tρ²) + 2 log(1/level)))

which is Robbins' normal mixture (1970) with the variance as measured: the asymptotic confidence sequence of
Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 52 (2024), since s√t is the deviation of one user's part in D. It is
asymptotic: nothing is said below `LEAST_USERS` in either group.

Whether the numbers of users fit the shares is looked at as often, by a Bayes factor that is exact at any number of
users (`mismatch_p`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from recommenders.arrays import BoolArray, DoubleArray

LEVEL = 0.05
MISMATCH = 0.001
"""The chance, at most, that users who come by the shares are ever said not to."""
LEAST_USERS = 100
"""Users in each group before anything is said of a difference."""
PLANNED_USERS = 10_000
"""Users in both groups at which an interval is narrowest where nothing else is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """All that is kept of a group: users, and sums of their outcomes y, of what was known before x, and of products.

    Every array has the same shape: () for one moment, (…, moments) for many. Sums lose digits where the mean is a
    million times the deviation, as with timestamps: give counts, shares or minutes.
    """

    users: DoubleArray
    y: DoubleArray
    yy: DoubleArray
    x: DoubleArray
    xx: DoubleArray
    xy: DoubleArray

    @classmethod
    def of(cls, outcomes: DoubleArray, before: DoubleArray | None = None) -> "Sums":
        """One group's outcomes (users,), and each user's covariate from before the experiment (users,)."""
        y = np.asarray(outcomes, dtype=np.float64)
        x = np.zeros_like(y) if before is None else np.asarray(before, dtype=np.float64)
        if y.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"outcomes have shape {y.shape} and covariates {x.shape}: give one number of each a user")
        if wrong := int(np.count_nonzero(~(np.isfinite(y) & np.isfinite(x)))):
            raise ValueError(f"{wrong} of {len(y)} users have no finite number: give 0, or the mean, to those without")
        return cls(*map(np.asarray, (float(len(y)), y.sum(), (y * y).sum(), x.sum(), (x * x).sum(), (x * y).sum())))

    def mean(self) -> DoubleArray:
        """The mean outcome."""
        return self.y / np.maximum(self.users, 1)

    def mean_before(self) -> DoubleArray:
        """The mean of the covariate."""
        return self.x / np.maximum(self.users, 1)

    def spread(self) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        """Sums of squares about the means: of y, of x, and of their products."""
        n = np.maximum(self.users, 1)
        yy, xx = (np.maximum(square - sum_ * sum_ / n, 0) for square, sum_ in ((self.yy, self.y), (self.xx, self.x)))
        return yy, xx, self.xy - self.x * self.y / n


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Outcome of an arm less that of control, with its confidence sequence; all arrays have the shape of the sums.

    `plain_error` is the standard error without CUPED, `error` the one that the interval stands on. `users` counts both
    groups. Low and high are infinite where a group has less than `LEAST_USERS`.
    """

    users: DoubleArray
    estimate: DoubleArray
    low: DoubleArray
    high: DoubleArray
    error: DoubleArray
    plain_error: DoubleArray

    @property
    def narrowed(self) -> DoubleArray:
        """By what part CUPED made the interval narrower: 0 where it did not."""
        whole = np.where(self.plain_error > 0, self.plain_error, 1.0)
        return np.where(self.plain_error > 0, 1 - self.error / whole, 0.0)

    def __str__(self) -> str:
        return f"{float(self.estimate):.4f} [{float(self.low):.4f}, {float(self.high):.4f}]"


def difference(
    control: Sums, arm: Sums, level: float = LEVEL, planned_users: int = PLANNED_USERS, cuped: bool = True
) -> Difference:
    """The confidence sequence of the difference at every moment of the sums; with CUPED where that is narrower."""
    plain, plain_error = _adjusted(control, arm, np.zeros_like(control.users))
    estimate, error = plain, plain_error
    if cuped:
        adjusted, adjusted_error = _adjusted(control, arm, slope(control, arm))
        narrower = adjusted_error < plain_error
        estimate, error = np.where(narrower, adjusted, plain), np.where(narrower, adjusted_error, plain_error)
    users = control.users + arm.users
    half = np.where(enough(control, arm), error * errors_wide(users, level, planned_users), np.inf)
    return Difference(users, estimate, estimate - half, estimate + half, error, plain_error)


def enough(control: Sums, arm: Sums) -> BoolArray:
    """Whether both groups have as many users as an asymptotic interval needs."""
    return np.asarray(np.minimum(control.users, arm.users) >= LEAST_USERS)


def errors_wide(users: DoubleArray, level: float, planned_users: int) -> DoubleArray:
    """Half the width of the confidence sequence in standard errors, where both groups have these users together."""
    t = np.maximum(users, 1) * _mixture(level, planned_users)
    wide: DoubleArray = np.sqrt((1 + 1 / t) * (np.log1p(t) - 2 * np.log(level)))
    return wide


def slope(control: Sums, arm: Sums) -> DoubleArray:
    """What an outcome rises by for each unit of the covariate, within the groups, so that no effect enters it.

    θ = cov(y, x) / var(x): Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by
    utilizing pre-experiment data", WSDM 2013. It is 0 where the covariate does not vary.
    """
    (_, xx, xy), (_, arm_xx, arm_xy) = control.spread(), arm.spread()
    varied = xx + arm_xx
    return np.where(varied > 0, (xy + arm_xy) / np.where(varied > 0, varied, 1), 0.0)


def mismatch_p(users: DoubleArray, shares: DoubleArray, planned_users: int = PLANNED_USERS) -> DoubleArray:
    """A p-value of the shares (arms,) that holds at all moments together, of users (…, arms) in each arm; shape (…).

    Sample-ratio mismatch means that assignment, logging or exclusion depends on the arm, so that no comparison of arms
    can be believed (Fabijan et al., KDD 2019). This is the sequential multinomial test of Lindon and Malek,
    "Anytime-valid inference for multinomial count data", NeurIPS 2022: shares from a Dirichlet distribution about the
    right ones, with parameters α = kθ, against the right ones θ, after n users in each arm,

        B = Γ(k)/Γ(k + Σn) · ∏ Γ(α + n)/Γ(α) · θ⁻ⁿ        p = min(1, 1/B)

    With every user B is multiplied by how much likelier the first says that the user's arm was, which is 1 on average
    where the shares are right. So B is ever as much as 1/p in no more than p of all experiments (Ville 1939), however
    few users there are. k is set so that the smallest deviations are found at the planned number of users.
    """
    k = 1 / _mixture(MISMATCH, planned_users)
    alpha, together = k * shares, users.sum(axis=-1)
    arms = gammaln(alpha + users) - gammaln(alpha) - users * np.log(shares)
    factor = gammaln(k) - gammaln(k + together) + arms.sum(axis=-1)
    p: DoubleArray = np.exp(-np.maximum(factor, 0))
    return p


def _adjusted(control: Sums, arm: Sums, theta: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """The difference of means of y − θx, and its standard error."""
    found = (arm.mean() - control.mean()) - theta * (arm.mean_before() - control.mean_before())
    return found, np.sqrt(_square_error(control, theta) + _square_error(arm, theta))


def _square_error(group: Sums, theta: DoubleArray) -> DoubleArray:
    yy, xx, xy = group.spread()
    left = np.maximum(yy - 2 * theta * xy + theta * theta * xx, 0)
    return left / np.maximum(group.users - 1, 1) / np.maximum(group.users, 1)


def _mixture(level: float, planned_users: int) -> float:
    """ρ² that makes the sequence narrowest at the planned number of users t.

    With u = tρ² the square of the width, (1 + 1/u)(log(1 + u) + 2 log(1/level)), is least where
    u = log(1 + u) + 2 log(1/level).
    """
    base = -2 * np.log(level)
    u = base
    for _ in range(50):
        u = base + np.log1p(u)
    return float(u / planned_users)
