"""How far fake accounts push a movie into the lists of everybody else, with the cap on new accounts and without it.

    python -m benchmarks.shilling ../shared/data/ml-latest-small [--models ease,itemknn,graphfilter] [--targets 3]

Accounts of 1 % and 3 % of the users are added in the last days of the data, each of which gives a movie five stars,
and rates others so as to look like somebody: at random, by each movie's mean, with the most popular movies liked too
(bandwagon), or with movies of the same genres liked and others disliked (segment) (Mobasher et al. 2007). Targets are
movies of 3 to 30 ratings, drawn by a seed. The lift is the share of the users who have not rated the movie in whose
first ten it stands, less what it was before, in percentage points. `aged` is the same attack, made two months before
the training: no new accounts any more, so that the cap does not see them. The cost is the NDCG@10 on honest ratings
(`user_time`) with the cap less that without it.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from cinegraph.settings import TrustSettings
from cinegraph.types import DAY
from recommenders import registry
from recommenders.arrays import DoubleArray, IdArray
from recommenders.bootstrap import difference_of
from recommenders.evaluation import ask
from recommenders.interactions import Interactions
from recommenders.new_accounts import capped
from recommenders.scorers import Scorer
from recommenders.splits import TEST, user_time

RESULT = Path(__file__).parent / "results" / "shilling.json"
ATTACKS: Final = ("random", "average", "bandwagon", "segment")
SHARES: Final = (0.01, 0.03)
FILLERS: Final = 60
"""Other movies that a fake account rates."""
SELECTED: Final = 10
"""Popular movies, or movies like the target, that it likes."""
FAKE: Final = "fake"
AGED_DAYS: Final = 60
OFF, ON = TrustSettings(new_account_days=0), TrustSettings()
AT_ONCE: Final = 512
CONFIGS: Final[dict[str, dict[str, Any]]] = {"ensemble": {"members": ("itemknn", "ease", "graphfilter")}}
"""Hyper-parameters that are not at their defaults: what members learn from texts and facts no account can rate."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Honest ratings, and what somebody who fakes some can know of them; `genres` (movies, g), 1 where it has one."""

    frame: pl.DataFrame
    interactions: Interactions
    genres: DoubleArray

    @classmethod
    def of(cls, frame: pl.DataFrame, genres: Callable[[IdArray], DoubleArray]) -> "World":
        """From ratings, and the genres of movies by id."""
        interactions = Interactions.from_frame(frame)
        return cls(frame, interactions, genres(interactions.movies))

    @property
    def counts(self) -> DoubleArray:
        """Ratings of each movie (movies,)."""
        return np.bincount(self.interactions.movie_index, minlength=self.interactions.n_movies).astype(np.float64)

    @property
    def means(self) -> DoubleArray:
        """Mean rating of each movie (movies,)."""
        sums = np.bincount(self.interactions.movie_index, self.interactions.rating, self.interactions.n_movies)
        return np.asarray(sums / np.maximum(self.counts, 1), dtype=np.float64)


def movielens(folder: Path) -> World:
    """ml-latest-small, as it came."""
    ratings = pl.read_csv(folder / "ratings.csv").select(
        pl.col("userId").cast(pl.String).alias("user_id"),
        pl.col("movieId").cast(pl.String).alias("movie_id"),
        pl.col("rating").cast(pl.Float32),
        (pl.col("timestamp") * 1000).alias("at"),
    )
    movies = pl.read_csv(folder / "movies.csv")
    kinds = dict(zip(movies["movieId"].cast(pl.String), (text.split("|") for text in movies["genres"]), strict=True))
    names = sorted({name for kind in kinds.values() for name in kind})

    def genres(ids: IdArray) -> DoubleArray:
        found = np.zeros((len(ids), len(names)))
        for row, movie in enumerate(ids.tolist()):
            found[row, [names.index(name) for name in kinds[movie]]] = 1
        return found

    return World.of(ratings, genres)


def targets(world: World, number: int, seed: int = 0) -> list[int]:
    """Movies that few have rated, by position."""
    few = np.flatnonzero((world.counts >= 3) & (world.counts <= 30))
    found: list[int] = np.random.default_rng(seed).choice(few, number, replace=False).tolist()
    return found


def attacked(
    world: World, attack: str, share: float, target: int, *, aged: bool = False, seed: int = 1, fillers: int = FILLERS
) -> pl.DataFrame:
    """The ratings with those of fake accounts, as many as a share of all users."""
    rng = np.random.default_rng(seed)
    ids, ends = world.interactions.movies, int(world.interactions.at.max())
    rows = []
    for number in range(max(1, round(world.interactions.n_users * share))):
        for movie, rating in _profile(world, attack, target, rng, fillers).items():
            at = ends - (AGED_DAYS if aged else 0) * DAY - int(rng.integers(0, DAY))
            rows.append((f"{FAKE}{number:04}", str(ids[movie]), float(np.clip(np.round(rating * 2) / 2, 0.5, 5)), at))
    fakes = pl.DataFrame(rows, schema=world.frame.schema, orient="row")
    return pl.concat([world.frame, fakes])


def _profile(world: World, attack: str, target: int, rng: np.random.Generator, fillers: int) -> dict[int, float]:
    """What one account rates; the target last, so that nothing else stands in its place."""
    mean, deviation = float(world.interactions.rating.mean()), float(world.interactions.rating.std())
    others = rng.choice(world.interactions.n_movies, fillers, replace=False).tolist()
    if attack == "segment":
        rated = dict.fromkeys(others, 1.0) | dict.fromkeys(_like(world, target), 5.0)
    elif attack == "average":
        rated = {movie: float(rng.normal(world.means[movie], deviation)) for movie in others}
    else:
        rated = {movie: float(rng.normal(mean, deviation)) for movie in others}
        if attack == "bandwagon":
            rated |= dict.fromkeys(np.argsort(-world.counts, kind="stable")[:SELECTED].tolist(), 5.0)
    return {movie: rating for movie, rating in rated.items() if movie != target} | {target: 5.0}


def _like(world: World, target: int) -> list[int]:
    """Much rated movies of the target's genres."""
    shared = world.genres @ world.genres[target]
    either = world.genres.sum(axis=1) + world.genres[target].sum() - shared
    likeness = np.where(either > 0, shared / np.maximum(either, 1), 0) * np.log1p(world.counts)
    likeness[target] = -1
    found: list[int] = np.argsort(-likeness, kind="stable")[:SELECTED].tolist()
    return found


def hit_rate(scorer: Scorer, interactions: Interactions, movie_id: str) -> float:
    """In how many lists of ten of honest users who have not rated the movie it stands, in per cent."""
    place = int(np.searchsorted(interactions.movies, movie_id))
    asked = np.array([not str(user).startswith(FAKE) for user in interactions.users.tolist()])
    asked &= interactions.seen[:, [place]].toarray().ravel() == 0
    hits, users = 0, np.flatnonzero(asked)
    for start in range(0, len(users), AT_ONCE):
        rows = users[start : start + AT_ONCE]
        scores = scorer.score_many(interactions.liked[rows])
        scores[interactions.seen[rows].nonzero()] = -np.inf
        own = scores[:, [place]]
        above = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < place))
        hits += int(np.count_nonzero(above.sum(axis=1) < 10))
    return 100 * hits / len(users)


def fitted(name: str, interactions: Interactions) -> Scorer:
    """The model at its defaults, but for what `CONFIGS` says."""
    return registry.create(name, CONFIGS.get(name)).fit(interactions).scorer()


def lift(world: World, name: str, frame: pl.DataFrame, target: int, trust: TrustSettings, before: float) -> float:
    """Percentage points by which the attack raised the target's hit rate; lists are over all that users rated."""
    whole = Interactions.from_frame(frame)
    scorer = fitted(name, capped(whole, trust).interactions)
    return hit_rate(scorer, whole, str(world.interactions.movies[target])) - before


def cost(world: World, name: str) -> dict[str, Any]:
    """NDCG@10 on honest ratings with the cap less without, over the same users asked the same."""
    split = user_time(world.interactions, 0.8, 0.1)
    known, question = split.before_test(), split.question(TEST)
    figures = {trust: ask(fitted(name, capped(known, trust).interactions), question).ndcg_at_10 for trust in (OFF, ON)}
    difference = difference_of(figures[ON], figures[OFF], 0)
    without = capped(world.interactions, ON)
    return {
        "ndcg_at_10": float(figures[OFF].mean()),
        "difference": [difference.mean, difference.low, difference.high],
        "new_accounts": without.accounts,
        "likes_left_out": without.left_out,
    }


def measured(world: World, name: str, chosen: Sequence[int], shares: Sequence[float]) -> dict[str, Any]:
    """Lifts by attack and share: the mean over the targets, and the highest."""
    base = fitted(name, world.interactions)
    before = {movie: hit_rate(base, world.interactions, str(world.interactions.movies[movie])) for movie in chosen}
    found: dict[str, Any] = {}
    for attack in ATTACKS:
        for share in shares:
            kinds = {"off": (OFF, False), "on": (ON, False), "aged": (ON, True)}
            cell = {}
            for kind, (trust, aged) in kinds.items():
                lifts = [
                    lift(world, name, attacked(world, attack, share, movie, aged=aged), movie, trust, before[movie])
                    for movie in chosen
                ]
                cell[kind] = {"mean": float(np.mean(lifts)), "highest": float(np.max(lifts))}
            found[f"{attack} {share:.0%}"] = cell
            Console().print(name, attack, f"{share:.0%}", cell)
    return {"lift": found, "cost": cost(world, name)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="ease,itemknn,graphfilter")
    parser.add_argument("--targets", type=int, default=3)
    parser.add_argument("--shares", default="0.01,0.03")
    given = parser.parse_args()
    world = movielens(given.folder)
    chosen, shares = targets(world, given.targets), [float(one) for one in given.shares.split(",")]
    result = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"models": {}}
    for name in given.models.split(","):
        result["models"][name] = measured(world, name, chosen, shares) | {"targets": len(chosen)}
        result["machine"] = machine()
        RESULT.write_text(json.dumps(result, indent=1), encoding="utf-8")
    show(result)


def show(result: dict[str, Any]) -> None:
    """A table for the terminal."""
    table = Table("attack", *(f"{name} {kind}" for name in result["models"] for kind in ("off", "on", "aged")))
    for attack in next(iter(result["models"].values()))["lift"]:
        rows = [row["lift"].get(attack, {}) for row in result["models"].values()]
        cells = [row.get(kind) for row in rows for kind in ("off", "on", "aged")]
        table.add_row(attack, *("" if one is None else f"{one['mean']:.2f}" for one in cells))
    Console().print(table)


if __name__ == "__main__":
    main()
