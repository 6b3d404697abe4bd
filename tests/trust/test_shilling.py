"""T62: fake accounts that push a movie. `python -m benchmarks.shilling` measures the same on real ratings."""

from functools import cache

import numpy as np
import polars as pl
import pytest

from benchmarks import generated
from benchmarks.shilling import ATTACKS, OFF, ON, SHARES, World, attacked, fitted, hit_rate, lift, targets
from cinegraph.types import DAY

LIMIT = 2.0
"""Percentage points by which an attack may raise the share of lists that the movie stands in."""
MODELS = ("ease", "itemknn")


@cache
def world() -> World:
    """600 users who came over six years, 500 movies."""
    made = generated.interactions(600, 500, 24_000)
    rng = np.random.default_rng(0)
    came = rng.integers(0, 2_000, made.n_users)
    days = came[made.user_index] + rng.random(len(made)) * 30
    frame = pl.DataFrame(
        {
            "user_id": made.users[made.user_index],
            "movie_id": made.movies[made.movie_index],
            "rating": made.rating,
            "at": (1_400_000_000_000 + days * DAY).astype(np.int64),
        }
    )
    return World.of(frame, lambda movies: rng.integers(0, 2, (len(movies), 8)).astype(np.float64))


@cache
def before(name: str, target: int) -> float:
    return hit_rate(fitted(name, world().interactions), world().interactions, str(world().interactions.movies[target]))


def lifts(name: str, attack: str, share: float, defended: bool) -> float:
    """The mean over two targets."""
    found = []
    for target in targets(world(), 2):
        frame = attacked(world(), attack, share, target, fillers=20)
        found.append(lift(world(), name, frame, target, ON if defended else OFF, before(name, target)))
    return float(np.mean(found))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", MODELS)
def test_t62_new_accounts_raise_a_movie_by_two_points_at_most(name: str, attack: str, share: float) -> None:
    assert lifts(name, attack, share, True) <= LIMIT


@pytest.mark.parametrize("attack", ["bandwagon", "segment"])
def test_t62_the_mutant_without_the_cap_is_pushed_further(attack: str) -> None:
    """So that the test above would fail."""
    assert lifts("itemknn", attack, 0.03, False) > LIMIT
