"""How often experiments are wrong that are looked at after every batch of users, and how many users they need.

    python -m benchmarks.experiments

2,000 experiments with no difference, and 500 for each effect. A user likes a number of movies that is Poisson about
the user's own rate, rates are gamma with shape 2, and the covariate is the number of movies liked in twice the time
before: mean 2, deviation 2, correlation .58. Half of the users are in each arm, by chance; 200 users come between two
looks, 20,000 in all. `peeked` is the same difference with the fixed 95 % interval of a t-test at every look. `rare` is
an outcome of one user in fifty. `mismatch` is how often, and after how many users, their numbers are said not to fit
the shares, by the sequential test and by a chi-squared at every look. Everything is seeded. Writes
benchmarks/results/experiments.json.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import chdtrc, ndtri

from benchmarks.machine import machine
from recommenders.arrays import BoolArray, DoubleArray
from recommenders.sequential import LEVEL, MISMATCH, Difference, Sums, difference, enough, mismatch_p

RESULT = Path(__file__).parent / "results" / "experiments.json"
SEED, RUNS, RUNS_OF_EFFECTS, AT_ONCE = 0, 2_000, 500, 50
BATCH, LOOKS = 200, 100
MEAN, SHAPE, BEFORE, RARE = 2.0, 2.0, 2.0, 0.02
EFFECTS = (0.02, 0.05, 0.1, 0.2)
BROKEN_SHARE = 0.47
POWER = 0.8
WIDE = float(ndtri(1 - LEVEL / 2))


@dataclass(frozen=True, slots=True)
class World:
    """What users do: liked movies, each `effect` part more in the arm, or an outcome of few; who is in the arm."""

    effect: float = 0.0
    rare: bool = False
    share: float = 0.5

    @property
    def truth(self) -> float:
        """The true difference."""
        return self.effect * (RARE if self.rare else MEAN)


def main() -> None:
    nothing = figures(World(), RUNS)
    found = {
        "runs": RUNS,
        "runs_of_effects": RUNS_OF_EFFECTS,
        "users": BATCH * LOOKS,
        "looks": LOOKS,
        "nothing": nothing,
        "rare": figures(World(rare=True), RUNS),
        "effects": {f"{effect:g}": figures(World(effect), RUNS_OF_EFFECTS) for effect in EFFECTS},
        "mismatch": {"right": mismatches(0.5, RUNS), "broken": mismatches(BROKEN_SHARE, RUNS), "share": BROKEN_SHARE},
    }
    RESULT.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n")
    show(found)


def experiments(world: World, runs: int, seed: int = SEED) -> Iterator[tuple[Sums, Sums]]:
    """Sums of control and arm at every look, of some experiments at once (experiments, looks)."""
    rng = np.random.default_rng(seed)
    for done in range(0, runs, AT_ONCE):
        shape = (min(AT_ONCE, runs - done), LOOKS, BATCH)
        treated = rng.random(shape) < world.share
        y, x = outcomes(world, treated, rng)
        yield gathered(~treated, y, x), gathered(treated, y, x)


def outcomes(world: World, treated: BoolArray, rng: np.random.Generator) -> tuple[DoubleArray, DoubleArray]:
    """What each user does, and did before."""
    more = 1 + world.effect * treated
    if world.rare:
        return (rng.random(treated.shape) < RARE * more).astype(np.float64), np.zeros(treated.shape)
    rate = rng.gamma(SHAPE, MEAN / SHAPE, treated.shape)
    return rng.poisson(rate * more).astype(np.float64), rng.poisson(rate * BEFORE).astype(np.float64)


def gathered(group: BoolArray, y: DoubleArray, x: DoubleArray) -> Sums:
    """Sums over all users up to each look, of those in the group."""
    parts = (np.ones_like(y), y, y * y, x, x * x, x * y)
    return Sums(*((part * group).sum(axis=2).cumsum(axis=1) for part in parts))


def figures(world: World, runs: int, seed: int = SEED) -> dict[str, Any]:
    """Parts of the experiments that say something, or miss the truth, at any look; and the users that takes."""
    rows: dict[str, list[DoubleArray]] = {}
    for control, arm in experiments(world, runs, seed):
        for name, values in looked_at(world, control, arm).items():
            rows.setdefault(name, []).append(values)
    whole = {name: np.concatenate(values) for name, values in rows.items()}
    return {name: summary(name, values) for name, values in whole.items()}


def looked_at(world: World, control: Sums, arm: Sums) -> dict[str, DoubleArray]:
    """Of each experiment (experiments,)."""
    with_cuped, plain = difference(control, arm), difference(control, arm, cuped=False)
    wrong, wrong_plain = (misses(one, world.truth) for one in (with_cuped, plain))
    ready = enough(control, arm)
    at_end = plain.plain_error[:, -1]
    found = {
        "misses": wrong.any(axis=1),
        "misses_without_cuped": wrong_plain.any(axis=1),
        "peeked_misses": (ready & t_test_misses(plain, world.truth)).any(axis=1),
        "narrowed": with_cuped.narrowed[:, -1],
    }
    if world.effect:
        found |= {
            "decided": misses(with_cuped, 0).any(axis=1),
            "decided_without_cuped": misses(plain, 0).any(axis=1),
            "users": first(misses(with_cuped, 0)),
            "users_of_most": first(misses(with_cuped, 0)),
            "users_without_cuped": first(misses(plain, 0)),
            "users_of_most_without_cuped": first(misses(plain, 0)),
            "wrong_way": (with_cuped.high < 0).any(axis=1),
            "fixed_test_users": BATCH * LOOKS * ((WIDE + ndtri(POWER)) * at_end / world.truth) ** 2,
        }
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def misses(found: Difference, truth: float) -> BoolArray:
    """Where the interval does not hold a value."""
    return np.asarray((found.low > truth) | (found.high < truth))


def t_test_misses(found: Difference, truth: float) -> BoolArray:
    """Where the fixed interval of a t-test does not hold a value: right at one look, wrong at many."""
    return np.asarray(np.abs(found.estimate - truth) > WIDE * found.plain_error)


def first(decided: BoolArray) -> DoubleArray:
    """Users at the first look that decides, infinite where none does."""
    return np.where(decided.any(axis=1), (decided.argmax(axis=1) + 1.0) * BATCH, np.inf)


def summary(name: str, values: DoubleArray) -> float | None:
    """The median of numbers of users, or what most (four of five) do with; the mean of all else; None for infinity."""
    if "users" not in name:
        return float(values.mean())
    found = float(np.quantile(values, POWER if "most" in name else 0.5, method="inverted_cdf"))
    return found if np.isfinite(found) else None


def mismatches(share: float, runs: int, level: float = MISMATCH, seed: int = SEED) -> dict[str, Any]:
    """How often numbers of users in two halves alarm at any look, by the sequential test and by a chi-squared, and the
    users that takes."""
    rng = np.random.default_rng(seed)
    arm = rng.binomial(BATCH, share, (runs, LOOKS)).cumsum(axis=1).astype(np.float64)
    users = np.arange(1.0, LOOKS + 1) * BATCH
    alarms = mismatch_p(np.stack([users - arm, arm], axis=-1), np.array([0.5, 0.5])) <= level
    peeked = chdtrc(1, (arm - users / 2) ** 2 / (users / 4)) <= level
    return {
        "at_any_look": float(alarms.any(axis=1).mean()),
        "users": summary("users", first(alarms)),
        "peeked_at_any_look": float(peeked.any(axis=1).mean()),
        "peeked_at_the_end": float(peeked[:, -1].mean()),
        "peeked_users": summary("users", first(peeked)),
    }


def show(found: dict[str, Any]) -> None:
    rows = {"nothing": found["nothing"], "rare": found["rare"], **found["effects"]}
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *rows)
    for name in names:
        table.add_row(name, *(f"{row[name]:.4g}" if row.get(name) is not None else "" for row in rows.values()))
    Console(width=120).print(table)
    Console().print(found["mismatch"])


if __name__ == "__main__":
    main()
