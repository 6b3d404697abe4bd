"""Invented people who watch and rate the sample: believable, seeded, and the same bytes on every run.

Each user likes a few of the named tastes (`tastes.py`) and dislikes one, and has favourite films whose people and
keywords they follow. What they come across grows with a film's popularity and with their taste (a draw without
replacement, Plackett-Luce); how they rate it depends on taste, on the film's quality, on how generous they are, and on
noise. On joining they rate films that they know already; after that they watch on evenings, give up on some films, and
rate most. Nobody watches a film before the year after its release, since the catalogue knows only years.

The defaults are such that popularity tells something and taste tells clearly more: a model that learns who likes what
(EASE) beats a list of the most popular films, as a test holds.

Times are milliseconds since 1970-01-01 UTC, `seconds` is how long was watched, ratings go from 0.5 to 5.0 by 0.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cinegraph.types import DAY
from graph.sample.catalog import Film
from graph.sample.tastes import TASTES, Array, standard, taste_matrix

_MINUTE: Final = 60_000
_KINSHIP: Final = 1.2
"""How much the people and keywords of a user's favourites count beside the tastes."""
_TASTE_SHARES: Final = (1.0, 0.55, 0.35, -0.6)
"""How much of the first, second, third and the disliked taste is in a user."""

RATINGS_SCHEMA: Final = {"user_id": pl.String, "movie_id": pl.String, "rating": pl.Float64, "at": pl.Int64}
VIEWS_SCHEMA: Final = {"user_id": pl.String, "movie_id": pl.String, "at": pl.Int64, "seconds": pl.Int64}
USERS_SCHEMA: Final = {"user_id": pl.String, "taste": pl.String, "joined": pl.Int64}


class SimulatorConfig(BaseModel):
    """What the simulated crowd is like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(600, ge=1, description="how many people")
    seed: int = Field(7, ge=0, description="same seed, same bytes")
    min_ratings: int = Field(15, ge=1, description="nobody rates fewer films")
    max_ratings: int = Field(120, ge=1, le=200, description="nobody rates more films")
    median_ratings: int = Field(42, ge=1, description="half of the people rate fewer")
    first_day: int = Field(17_532, ge=0, description="days from 1970-01-01 to the first sign-up (2018-01-01)")
    days: int = Field(2_557, ge=400, description="days from the first possible sign-up to the end (seven years)")
    popularity: float = Field(2.0, ge=0, description="how strongly being known decides what people come across")
    taste: float = Field(1.6, ge=0, description="how strongly taste decides what people come across")
    match: float = Field(0.7, ge=0, description="stars for one standard deviation more of what somebody likes")
    noise: float = Field(0.5, ge=0, description="standard deviation of chance in a rating, in stars")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min_ratings <= self.median_ratings <= self.max_ratings:
            raise ValueError(
                f"min_ratings={self.min_ratings}, median_ratings={self.median_ratings}, max_ratings={self.max_ratings} "
                "are out of order; give them from the least to the most"
            )
        return self


@dataclass(frozen=True, slots=True)
class Simulation:
    """What happened; each frame is sorted by user and time.

    `ratings`: user_id, movie_id, rating, at. `views`: user_id, movie_id, at, seconds.
    `users`: user_id, taste (the leading one, a name of `TASTES`), joined.
    """

    ratings: pl.DataFrame
    views: pl.DataFrame
    users: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _World:
    """The films as arrays of length F; `tastes` is tastes × F, `kinship` F × F (what two films share)."""

    films: Sequence[Film]
    fame: Array
    quality: Array
    tastes: Array
    kinship: Array
    released: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _User:
    """One person; `liking` is how well each film fits, with mean 0 and deviation 1 over the films."""

    id: str
    taste: str
    joined: int
    liking: Array
    bias: float


@dataclass(frozen=True, slots=True)
class _Moment:
    """A chance to meet a film: on joining (rated, not watched now) or on an evening (watched, rated or not)."""

    at: int
    watched: bool
    rated: bool


Rating = tuple[str, str, float, int]
View = tuple[str, str, int, int]


def simulate(films: Sequence[Film], config: SimulatorConfig) -> Simulation:
    """Ratings and views of `config.users` people; needs twice `max_ratings` films out by the first day."""
    rng = np.random.default_rng(config.seed)
    world = _world(films, rng)
    out = int((world.released <= config.first_day * DAY).sum())
    if out < 2 * config.max_ratings:
        raise ValueError(
            f"{out} films are out by the first day, too few for max_ratings={config.max_ratings}; "
            f"give {2 * config.max_ratings} of them or a smaller max_ratings"
        )
    users = _users(world, config, rng)
    lives = [_live(user, world, config, rng) for user in users]
    return Simulation(
        pl.DataFrame([row for ratings, _ in lives for row in ratings], RATINGS_SCHEMA, orient="row"),
        pl.DataFrame([row for _, views in lives for row in views], VIEWS_SCHEMA, orient="row"),
        pl.DataFrame([(user.id, user.taste, user.joined) for user in users], USERS_SCHEMA, orient="row"),
    )


def _world(films: Sequence[Film], rng: Generator) -> _World:
    renown = np.array([film.renown for film in films], dtype=np.float64)
    fame = standard(renown + rng.normal(0.0, 0.7, len(films)))
    quality = 0.35 * standard(renown) + rng.normal(0.0, 0.25, len(films))
    released = np.array([_january(film.year + 1) for film in films], dtype=np.int64)
    return _World(films, fame, quality, taste_matrix(films), _kinship(films), released)


def _january(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000


def _kinship(films: Sequence[Film]) -> Array:
    """Shared directors and leads count one each, a shared collection two, a shared keyword a third."""
    shares = [_traits(film) for film in films]
    weights: dict[str, float] = {trait: weight for each in shares for trait, weight in each.items()}
    column = {trait: number for number, trait in enumerate(sorted(weights))}
    traits = np.zeros((len(films), len(column)))
    for row, each in enumerate(shares):
        for trait, weight in each.items():
            traits[row, column[trait]] = np.sqrt(weight)
    kinship = traits @ traits.T
    np.fill_diagonal(kinship, 0.0)
    return np.asarray(kinship)


def _traits(film: Film) -> dict[str, float]:
    people = (*film.directors, *(role.person for role in film.cast[:3]))
    traits = {f"person {someone.id}": 1.0 for someone in people} | {f"keyword {word}": 0.3 for word in film.keywords}
    return traits | ({f"collection {film.collection}": 2.0} if film.collection else {})


def _users(world: _World, config: SimulatorConfig, rng: Generator) -> list[_User]:
    days = np.sort(rng.integers(0, config.days - 300, config.users))
    joined = (config.first_day + days) * DAY + rng.integers(8 * 60, 17 * 60, config.users) * _MINUTE
    return [_user(f"u{number:03d}", int(at), world, rng) for number, at in enumerate(np.sort(joined), start=1)]


def _user(id_: str, joined: int, world: _World, rng: Generator) -> _User:
    picked = rng.choice(len(TASTES), size=len(_TASTE_SHARES), replace=False)
    liking = standard(np.asarray(np.asarray(_TASTE_SHARES) @ world.tastes[picked]))
    favourites = np.argsort(-(1.5 * liking + 0.7 * world.fame + rng.gumbel(size=liking.size)))[:4]
    liking = standard(liking + _KINSHIP * standard(np.sqrt(world.kinship[favourites].sum(axis=0))))
    return _User(id_, TASTES[int(picked[0])].name, joined, liking, float(rng.normal(0.0, 0.35)))


def _live(user: _User, world: _World, config: SimulatorConfig, rng: Generator) -> tuple[list[Rating], list[View]]:
    """All that one user rates and watches, in order of time."""
    ratings: list[Rating] = []
    views: list[View] = []
    moments = _moments(user, config, rng)
    for moment, film in zip(moments, _choices(user, world, config, moments, rng), strict=True):
        rating = _rating(user, world, film, config, rng)
        at = moment.at
        if moment.watched:
            seconds = _seconds(world.films[film], rating if moment.rated else rating - 1.0, rng)
            views.append((user.id, world.films[film].id, at, seconds))
            at += seconds * 1000 + int(rng.integers(1, 30)) * _MINUTE
        if moment.rated:
            ratings.append((user.id, world.films[film].id, rating, at))
    return ratings, views


def _moments(user: _User, config: SimulatorConfig, rng: Generator) -> list[_Moment]:
    """A quarter of the ratings within minutes of joining; then one film an evening, about one in three unrated."""
    drawn = round(config.median_ratings * float(np.exp(rng.normal(0.0, 0.55))))
    total = min(max(drawn, config.min_ratings), config.max_ratings)
    known = total // 4
    pauses = np.cumsum(rng.integers(15, 120, known)) * 1000
    start = [_Moment(user.joined + int(pause), watched=False, rated=True) for pause in pauses]
    evenings = total - known + total // 3
    rated = rng.permutation(np.arange(evenings) < total - known)
    last = config.first_day + config.days - user.joined // DAY
    span = min(max(int(evenings * rng.uniform(2, 25)), evenings + 1), last)
    days = np.sort(rng.choice(np.arange(1, span + 1), size=evenings, replace=False)) + user.joined // DAY
    clock = rng.integers(18 * 60, 21 * 60 + 30, evenings)
    return start + [
        _Moment(int(day) * DAY + int(minute) * _MINUTE, watched=True, rated=bool(yes))
        for day, minute, yes in zip(days, clock, rated, strict=True)
    ]


def _choices(
    user: _User, world: _World, config: SimulatorConfig, moments: Sequence[_Moment], rng: Generator
) -> list[int]:
    """Which film at which moment: never one twice, never one not yet out, a series from its beginning."""
    reach = config.popularity * world.fame + config.taste * user.liking + rng.gumbel(size=world.fame.size)
    met = _by_time(reach, moments, world.released)
    turn = np.full(reach.size, -np.inf)
    turn[met] = 0.5 * world.fame[met] + rng.gumbel(size=len(met))
    return _series_in_order(_by_time(turn, moments, world.released), world.films)


def _by_time(keys: Array, moments: Sequence[_Moment], released: NDArray[np.int64]) -> list[int]:
    """For each moment the film with the greatest key that is out and not taken.

    Any order among the films it returns can be filled again: of the films out at moment n, at least n are among them.
    """
    left = keys.copy()
    chosen: list[int] = []
    for moment in moments:
        film = int(np.argmax(np.where(released <= moment.at, left, -np.inf)))
        left[film] = -np.inf
        chosen.append(film)
    return chosen


def _series_in_order(chosen: list[int], films: Sequence[Film]) -> list[int]:
    places: dict[str, list[int]] = {}
    for place, film in enumerate(chosen):
        if collection := films[film].collection:
            places.setdefault(collection, []).append(place)
    ordered = list(chosen)
    for series in places.values():
        for place, film in zip(series, sorted((chosen[p] for p in series), key=lambda f: films[f].year), strict=True):
            ordered[place] = film
    return ordered


def _rating(user: _User, world: _World, film: int, config: SimulatorConfig, rng: Generator) -> float:
    stars = 3.0 + config.match * user.liking[film] + world.quality[film] + user.bias + rng.normal(0.0, config.noise)
    return float(np.clip(np.round(2 * stars) / 2, 0.5, 5.0))


def _seconds(film: Film, stars: float, rng: Generator) -> int:
    """How long it was watched: to the end when liked, given up early when not."""
    share = float(np.clip(stars / 4.0 + rng.normal(0.25, 0.2), 0.05, 1.0))
    return int(share * film.runtime * 60)
