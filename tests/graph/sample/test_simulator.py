"""The invented crowd: its rules, its reproducibility, and that there is something to learn from it."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from cinegraph.types import DAY
from graph.sample.catalog import Film, load_catalog
from graph.sample.simulator import Simulation, SimulatorConfig, simulate
from graph.sample.tastes import TASTES
from graph.sample.vocabulary import GENRES, keywords

ROOT = Path(__file__).parents[3]
LIKED = 4.0
Scores = NDArray[np.float64]


@pytest.fixture(scope="module")
def films() -> tuple[Film, ...]:
    return load_catalog()


@pytest.fixture(scope="module")
def crowd(films: tuple[Film, ...]) -> Simulation:
    return simulate(films, SimulatorConfig())


def digest(simulation: Simulation) -> str:
    """A hash of every byte of the three frames."""
    frames = (simulation.ratings, simulation.views, simulation.users)
    return hashlib.sha256("".join(frame.write_csv() for frame in frames).encode()).hexdigest()


def by_user(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (user_id,), rows in frame.group_by("user_id", maintain_order=True):
        yield str(user_id), rows


def test_there_are_600_users_numbered_as_they_arrive(crowd: Simulation) -> None:
    assert crowd.users["user_id"].to_list() == [f"u{number:03d}" for number in range(1, 601)]
    assert crowd.users["joined"].is_sorted()
    assert crowd.ratings["user_id"].unique(maintain_order=True).to_list() == crowd.users["user_id"].to_list()


def test_users_arrive_over_more_than_five_years(crowd: Simulation) -> None:
    joined = crowd.users["joined"]
    assert joined[0] >= SimulatorConfig().first_day * DAY
    assert joined[-1] - joined[0] > 5 * 365 * DAY


def test_every_user_rates_15_to_120_films(crowd: Simulation) -> None:
    counts = sorted(crowd.ratings.group_by("user_id").len()["len"].to_list())
    assert (counts[0], counts[300], counts[-1]) == (15, 43, 120)


def test_ratings_go_by_halves_from_half_a_star_to_five(crowd: Simulation) -> None:
    assert crowd.ratings["rating"].unique().sort().to_list() == [half / 2 for half in range(1, 11)]


def test_no_user_rates_a_film_twice_and_time_always_moves_on(crowd: Simulation) -> None:
    for user_id, rows in by_user(crowd.ratings):
        assert rows["movie_id"].is_unique().all(), user_id
        assert rows["at"].diff().drop_nulls().min() > 0, user_id  # type: ignore[operator]
    for user_id, rows in by_user(crowd.views):
        assert rows["at"].diff().drop_nulls().min() > 0, user_id  # type: ignore[operator]


def test_nobody_does_anything_before_joining(crowd: Simulation) -> None:
    for frame in (crowd.ratings, crowd.views):
        first = frame.join(crowd.users, on="user_id")
        assert first.filter(pl.col("at") < pl.col("joined")).is_empty()


def test_no_film_is_met_before_the_year_after_its_release(crowd: Simulation, films: Sequence[Film]) -> None:
    years = pl.DataFrame({"movie_id": [film.id for film in films], "year": [film.year for film in films]})
    for frame in (crowd.ratings, crowd.views):
        seen = frame.join(years, on="movie_id").with_columns(pl.from_epoch("at", time_unit="ms").dt.year().alias("now"))
        assert seen.height == frame.height
        assert seen.filter(pl.col("now") <= pl.col("year")).is_empty()


def test_a_series_is_watched_from_its_beginning(crowd: Simulation, films: Sequence[Film]) -> None:
    lord = [film.id for film in films if film.collection == "The Lord of the Rings"]
    for user_id, rows in by_user(crowd.ratings):
        met = [id_ for id_ in rows["movie_id"] if id_ in lord]
        assert met == [id_ for id_ in lord if id_ in met], user_id


def test_a_view_is_never_longer_than_its_film(crowd: Simulation, films: Sequence[Film]) -> None:
    runtime = {film.id: 60 * film.runtime for film in films}
    for movie_id, seconds in crowd.views.select("movie_id", "seconds").iter_rows():
        assert 0 < seconds <= runtime[movie_id]


def test_films_given_up_are_liked_less(crowd: Simulation, films: Sequence[Film]) -> None:
    runtime = pl.DataFrame({"movie_id": [film.id for film in films], "runtime": [60 * film.runtime for film in films]})
    seen = crowd.views.drop("at").join(crowd.ratings, on=["user_id", "movie_id"]).join(runtime, on="movie_id")
    whole = seen["seconds"] == seen["runtime"]
    kept, left = seen.filter(whole)["rating"].mean(), seen.filter(~whole)["rating"].mean()
    assert float(kept) - float(left) > 0.5  # type: ignore[arg-type]


def test_views_include_films_that_were_not_rated(crowd: Simulation) -> None:
    pairs = ["user_id", "movie_id"]
    assert crowd.views.join(crowd.ratings, on=pairs, how="anti").height > 0.2 * crowd.views.height
    assert crowd.ratings.join(crowd.views, on=pairs, how="anti").height > 0.2 * crowd.ratings.height


def test_few_films_have_most_of_the_ratings(crowd: Simulation) -> None:
    counts = sorted(crowd.ratings.group_by("movie_id").len()["len"].to_list(), reverse=True)
    assert 0.35 < sum(counts[:51]) / sum(counts) < 0.55
    assert counts[len(counts) // 2] < counts[0] / 10


def test_users_of_different_tastes_rate_different_films_high(crowd: Simulation, films: Sequence[Film]) -> None:
    horror = {film.id for film in films if "Horror" in film.genres}
    rated = crowd.ratings.join(crowd.users, on="user_id").filter(pl.col("movie_id").is_in(sorted(horror)))
    fans = pl.col("taste") == "nightmares"
    assert rated.filter(fans)["rating"].mean() > rated.filter(~fans)["rating"].mean() + 0.5  # type: ignore[operator]


def test_the_same_seed_gives_the_same_bytes(crowd: Simulation, films: tuple[Film, ...]) -> None:
    assert digest(simulate(films, SimulatorConfig())) == digest(crowd)


def test_another_seed_gives_other_people(crowd: Simulation, films: tuple[Film, ...]) -> None:
    assert digest(simulate(films, SimulatorConfig(seed=8))) != digest(crowd)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_bytes_do_not_depend_on_the_order_of_hashes(hash_seed: str, films: tuple[Film, ...]) -> None:
    code = (
        "from graph.sample.catalog import load_catalog as c; from graph.sample.simulator import *; "
        "from tests.graph.sample.test_simulator import digest; "
        "import sys; sys.stdout.write(digest(simulate(c(), SimulatorConfig(users=20))))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.stdout == digest(simulate(films, SimulatorConfig(users=20))), run.stderr


def test_too_few_films_are_refused(films: tuple[Film, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"^100 films are out by the first day, too few for max_ratings=120; give 240 "
    ):
        simulate(films[:100], SimulatorConfig())


def test_counts_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_ratings=50, median_ratings=42, max_ratings=120 are out of order"):
        SimulatorConfig(min_ratings=50)


def test_every_word_of_a_taste_is_in_the_catalogue(films: tuple[Film, ...]) -> None:
    people = {someone.id for film in films for someone in film.people}
    for taste in TASTES:
        assert taste.genres <= set(GENRES), taste.name
        assert taste.keywords <= keywords(), taste.name
        assert taste.people <= people, taste.name
        assert taste.languages <= {film.language for film in films}, taste.name


def test_tastes_have_different_names_and_lead_different_users(crowd: Simulation) -> None:
    names = [taste.name for taste in TASTES]
    assert len(set(names)) == len(names) == 16
    assert set(crowd.users["taste"]) == set(names)


def test_popularity_tells_something_and_taste_tells_clearly_more(crowd: Simulation, films: Sequence[Film]) -> None:
    """EASE (Steck 2019, eq. 8, λ = 80) against the most popular films, on the last fifth of each user's ratings."""
    past, future, seen = time_split(crowd.ratings, [film.id for film in films])
    popular = ndcg_at_10(lambda: np.tile(past.sum(axis=0), (len(past), 1)), future, seen)
    chance = ndcg_at_10(lambda: np.random.default_rng(0).random(past.shape), future, seen)
    ease = ndcg_at_10(lambda: past @ ease_weights(past, 80.0), future, seen)
    assert popular > 3 * chance
    assert ease > 1.5 * popular


def time_split(ratings: pl.DataFrame, movie_ids: list[str]) -> tuple[Scores, list[set[int]], NDArray[np.bool_]]:
    """Liked films before (users × films), liked films after by user, and which were rated before."""
    column = {id_: number for number, id_ in enumerate(movie_ids)}
    users = [rows for _, rows in by_user(ratings)]
    past, seen = np.zeros((len(users), len(column))), np.zeros((len(users), len(column)), dtype=np.bool_)
    future: list[set[int]] = []
    for row, rows in enumerate(users):
        cut = rows.height - max(1, round(0.2 * rows.height))
        numbers = [column[id_] for id_ in rows["movie_id"]]
        liked = (rows["rating"] >= LIKED).to_list()
        seen[row, numbers[:cut]] = True
        past[row, numbers[:cut]] = liked[:cut]
        future.append({number for number, yes in zip(numbers[cut:], liked[cut:], strict=True) if yes})
    return past, future, seen


def ease_weights(past: Scores, penalty: float) -> Scores:
    """Films × films with a zero diagonal."""
    inverse = np.linalg.inv(past.T @ past + penalty * np.eye(past.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def ndcg_at_10(score: Callable[[], Scores], future: list[set[int]], seen: NDArray[np.bool_]) -> float:
    """Mean over users with something to find; what was rated before is never counted."""
    ranked = np.argsort(-np.where(seen, -np.inf, score()), axis=1, kind="stable")[:, :10]
    discount = 1 / np.log2(np.arange(2, 12))
    gains = [
        sum(discount[[film in wanted for film in row]]) / discount[: len(wanted)].sum()
        for row, wanted in zip(ranked, future, strict=True)
        if wanted
    ]
    return float(np.mean(gains))
