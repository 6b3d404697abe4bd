"""How sure a mean over users is: percentile bootstrap over users, seeded (Efron and Tibshirani 1993)."""

from dataclasses import dataclass

import numpy as np

from recommenders.arrays import DoubleArray

SAMPLES = 2000
CONFIDENCE = 0.95
DRAWN_AT_ONCE = 5_000_000
"""Users drawn at once, so that many users take no more memory than few."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval (95 %)."""

    mean: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def mean_of(values: DoubleArray, seed: int, samples: int = SAMPLES) -> Estimate:
    """The mean of one figure a user (users,), with its interval; the same seed gives the same interval."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(_means(values, seed, samples), [tail, 1 - tail])
    return Estimate(float(values.mean()), float(low), float(high))


def difference_of(values: DoubleArray, baseline: DoubleArray, seed: int, samples: int = SAMPLES) -> Estimate:
    """The mean difference between two models' figures for the same users, drawn in pairs."""
    return mean_of(values - baseline, seed, samples)


def _means(values: DoubleArray, seed: int, samples: int) -> DoubleArray:
    rng = np.random.default_rng(seed)
    at_once = max(1, DRAWN_AT_ONCE // len(values))
    means = [
        values[rng.integers(0, len(values), (min(at_once, samples - done), len(values)))].mean(axis=1)
        for done in range(0, samples, at_once)
    ]
    return np.concatenate(means)
