"""Whether two models really differ: paired randomisation tests over users, with Holm's correction for many of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommenders.arrays import DoubleArray
from recommenders.bootstrap import DRAWN_AT_ONCE

DRAWS = 9_999
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """Two models by name, the mean difference of the first less the second, and the p-value, corrected by Holm."""

    first: str
    second: str
    difference: float
    p: float

    @property
    def significant(self) -> bool:
        """At the level of 5 %, over all tests together."""
        return self.p <= LEVEL


def all_pairs(figures: Mapping[str, DoubleArray], seed: int) -> tuple[Verdict, ...]:
    """Every two models' figures for the same users (users,), two-sided, corrected for their number."""
    names = sorted(figures)
    pairs = [(one, other) for i, one in enumerate(names) for other in names[i + 1 :]]
    values = [figures[one] - figures[other] for one, other in pairs]
    ps = holm([randomisation_p(difference, seed) for difference in values])
    return tuple(
        Verdict(one, other, float(difference.mean()), p)
        for (one, other), difference, p in zip(pairs, values, ps, strict=True)
    )


def randomisation_p(differences: DoubleArray, seed: int) -> float:
    """How often random signs make a mean difference (users,) at least as large: two-sided, never 0 (Fisher 1935)."""
    rng = np.random.default_rng(seed)
    observed, n = abs(differences.sum()), len(differences)
    at_once = max(1, DRAWN_AT_ONCE // max(n, 1))
    as_large = 0
    for done in range(0, DRAWS, at_once):
        signs = rng.integers(0, 2, (min(at_once, DRAWS - done), n), dtype=np.int8) * 2 - 1
        as_large += int(np.count_nonzero(np.abs(signs @ differences) >= observed - 1e-12))
    return (as_large + 1) / (DRAWS + 1)


def holm(ps: list[float]) -> list[float]:
    """P-values corrected for their number, each as large as those before it in rising order (Holm 1979)."""
    n, largest = len(ps), 0.0
    corrected = [0.0] * n
    for place, index in enumerate(np.argsort(ps, kind="stable").tolist()):
        largest = max(largest, min(1.0, ps[index] * (n - place)))
        corrected[index] = largest
    return corrected
