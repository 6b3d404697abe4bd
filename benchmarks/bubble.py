"""Whether recommendations close a bubble around people who follow them, and what the dials do about it.

    python -m benchmarks.bubble

A world of `benchmarks/generated.py`: 1,000 people with hidden tastes and 3,000 movies, 30 ratings each at the start, by
popularity and taste. Twenty rounds: everybody is shown ten movies, watches the first three, rates them by hidden taste
alone, and the model (ItemKNN) is trained anew on all ratings. The same world, seeds and draws for each setting of the
dials (diversity, novelty and calibration together at 0, at .3, and at 1). Of each round: the entropy of the genres that
a person is shown, in bits; the part of what is shown that is not among the tenth of movies most rated at the start; and
how many of the movies watched were liked. Plots go to `docs/images/`.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import generated
from benchmarks.machine import machine
from cinegraph.types import LIKED
from recommenders import plots, registry
from recommenders.arrays import BoolArray, DoubleArray, IntArray
from recommenders.content import slate_facts
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.ranking import allowed, top_k
from recommenders.slate import POOL, SlateFacts, Tuning, compose
from recommenders.told import told_of

RESULT = Path(__file__).parent / "results" / "bubble.json"
IMAGES = Path(__file__).parents[1] / "docs" / "images"
PEOPLE, MOVIES, ROUNDS, SHOWN, WATCHED, AT_FIRST, SEED = 1_000, 3_000, 20, 10, 3, 30, 0
HEAD = 0.1
OWN = 4.0
"""How much taste counts in what people rate at the start, beside the log of how well known a movie is."""
SETTINGS = {"dials at 0": 0.0, "dials at .3": 0.3, "dials at 1": 1.0}
NAMES = {
    "genre_entropy": "entropy of the genres shown, bits",
    "long_tail": "part of what is shown from the long tail",
    "liked": "part of what is watched that is liked",
}


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Hidden tastes, what a slate knows of the movies, the movies of the long tail (movies,), and who would like what
    (people, movies), drawn once."""

    facts: SlateFacts
    tail: BoolArray
    likes: BoolArray
    start: Interactions


def main() -> None:
    world = made()
    found = {name: rounds(world, dial) for name, dial in SETTINGS.items()}
    RESULT.write_text(json.dumps({"machine": machine(), "settings": found}, indent=1) + "\n")
    for figure, label in NAMES.items():
        series = {name: list(enumerate(values[figure], 1)) for name, values in found.items()}
        (IMAGES / f"bubble-{figure.replace('_', '-')}.svg").write_text(plots.lines(series, "round", label))
    show(found)


def made() -> World:
    """The world before the first round."""
    rng = np.random.default_rng(SEED)
    kind, tastes, order, _ = generated.world(PEOPLE, MOVIES, rng)
    person, movie = np.divmod(np.arange(PEOPLE * MOVIES), MOVIES)
    chance = generated.chance_of_liking(tastes[person], kind[movie].astype(np.int32))
    likes = (rng.random(PEOPLE * MOVIES) < chance).reshape(PEOPLE, MOVIES)
    to_taste = (tastes[:, :, None] == kind).any(axis=1)
    drawn = np.log(np.sqrt(order)) + OWN * to_taste + rng.gumbel(size=(PEOPLE, MOVIES))
    seen = np.argsort(-drawn, axis=1)[:, :AT_FIRST].astype(np.int32)
    start = rated(nothing(), seen, likes, 0)
    popular = np.bincount(start.movie_index, minlength=MOVIES).astype(np.float32)
    catalogue = generated.snapshot(generated.knowledge(MOVIES, SEED), popular)
    facts = slate_facts(catalogue, told_of(catalogue), np.arange(MOVIES, dtype=np.int32))
    tail = np.ones(MOVIES, dtype=np.bool_)
    tail[np.argsort(-popular, kind="stable")[: int(MOVIES * HEAD)]] = False
    return World(facts, tail, likes, start)


def nothing() -> Interactions:
    """Nobody has rated anything."""
    none = np.zeros(0, dtype=np.int32)
    users, movies = (np.array([f"{n:07}" for n in range(count)]) for count in (PEOPLE, MOVIES))
    return Interactions(users, movies, none, none.copy(), np.zeros(0, np.float32), np.zeros(0, np.int64))


def rated(before: Interactions, watched: IntArray, likes: BoolArray, at: int) -> Interactions:
    """What was rated before, and what each person watched now (people, n), in the order of people and movies."""
    person = np.repeat(np.arange(PEOPLE, dtype=np.int32), watched.shape[1])
    movie = watched.ravel()
    rating = np.where(likes[person, movie], LIKED + 0.5, LIKED - 1).astype(np.float32)
    columns = [
        np.concatenate([before.user_index, person]),
        np.concatenate([before.movie_index, movie]),
        np.concatenate([before.rating, rating]),
        np.concatenate([before.at, np.full(len(person), at, dtype=np.int64)]),
    ]
    order = np.lexsort((columns[1], columns[0]))
    user_index, movie_index, ratings, times = (column[order] for column in columns)
    return replace(before, user_index=user_index, movie_index=movie_index, rating=ratings, at=times)


def rounds(world: World, dial: float) -> dict[str, list[float]]:
    """The figures of each round with the dials at one setting."""
    tuning, known = Tuning(diversity=dial, novelty=dial, calibration=dial), world.start
    figures: dict[str, list[float]] = {name: [] for name in NAMES}
    for number in range(1, ROUNDS + 1):
        scorer = registry.create("itemknn").fit(known, FitOptions(seed=SEED)).scorer()
        shown = np.zeros((PEOPLE, SHOWN), dtype=np.int32)
        for person in range(PEOPLE):
            history = known.history(person)
            scores = scorer.score(history)
            best = top_k(scores, allowed(MOVIES, history, known.seen_by(person), None), POOL)
            total = history.weights.astype(np.float64) @ world.facts.genres[history.items]
            taste = total / total.sum() if total.any() else None
            slate = compose(best.items, best.scores.astype(np.float64), world.facts, tuning, taste, SHOWN)
            shown[person] = slate[:SHOWN]
        watched = shown[:, :WATCHED]
        figures["genre_entropy"].append(entropy(world.facts.genres[shown].sum(axis=1)))
        figures["long_tail"].append(float(world.tail[shown].mean()))
        figures["liked"].append(float(world.likes[np.arange(PEOPLE)[:, None], watched].mean()))
        known = rated(known, watched, world.likes, number)
    return figures


def entropy(counts: DoubleArray) -> float:
    """The mean over people of the entropy of their genres (people, genres), in bits."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    bits = np.where(shares > 0, -shares * np.log2(np.maximum(shares, 1e-12)), 0.0)
    return float(bits.sum(axis=1).mean())


def show(found: dict[str, dict[str, list[float]]]) -> None:
    table = Table("dials", *(f"{label}, round {number}" for label in NAMES for number in (1, ROUNDS)))
    for name, values in found.items():
        cells: list[Any] = [values[figure][at] for figure in NAMES for at in (0, -1)]
        table.add_row(name, *(f"{cell:.3f}" for cell in cells))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
