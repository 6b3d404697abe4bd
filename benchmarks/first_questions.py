"""How good recommendations are after a stranger's first few answers, by what they were asked.

    python -m benchmarks.first_questions [--ratings FOLDER] [--sequences FILE]

`--ratings` is a folder of ml-latest-small, `--sequences` the file of ML-1M as the authors of SASRec have it, in which
every line is a like; what is measured replaces the result of the same data. A fifth of the users is held out, and EASE
fitted on the others; on ml-latest-small each fifth in turn. Of a held-out user a random half of the ratings can be
answered, the likes of the other half are to be found. A user answers what they have rated in the first half, and skips
all other questions. NDCG@10 after 3, 5 and 10 answers (fewer, where 400 questions get no more), of all movies but those
of the first half, so that every way is asked the same; how many questions it took, how many of the answers were likes;
and NDCG@10 after 12, 24 and 48 questions, however many were answered. Differences from asking the most rated movies are
in pairs over the users, with 95 % bootstrap intervals.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from benchmarks.models import sequences
from cinegraph.types import LIKED
from recommenders import registry
from recommenders.arrays import BoolArray, DoubleArray, FloatArray, IntArray
from recommenders.bootstrap import difference_of, mean_of
from recommenders.interactions import Interactions
from recommenders.metrics import ndcg_at
from recommenders.questions import ASKED, Questions, Reactions, learn_questions, next_questions
from recommenders.ranking import top_k
from recommenders.scorers import History, Scorer

RESULT: Final = Path(__file__).parent / "results" / "first_questions.json"
MODEL, SEED, LISTED = "ease", 0, 10
FOLDS: Final = 5
ANSWERS: Final = (3, 5, 10)
QUESTIONS: Final = (12, 24, 48)
LEAST: Final = 10
"""Ratings in a user's first half, so that ten answers can be given."""
PAGE: Final = 12
POPULAR: Final = "most rated"


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What is known before a stranger comes."""

    scorer: Scorer
    known: Interactions
    questions: Questions


@dataclass(frozen=True, slots=True, eq=False)
class Stranger:
    """Somebody to be asked: stars by movie that they can answer, the movies that they like beside them (w,)."""

    number: int
    stars: Mapping[int, float]
    wanted: IntArray


@dataclass(slots=True)
class Talk:
    """How a talk went so far: movies answered and skipped, and of the answers the likes."""

    answered: list[int]
    liked: list[int]
    skipped: list[int]

    @property
    def history(self) -> History:
        """What the model knows of them."""
        return History.from_ratings(self.liked, [LIKED] * len(self.liked))


Way = Callable[[World, Stranger, Talk], Iterator[int]]
"""What is asked next, in order, until an answer is given; then it is called again."""


def chosen(world: World, stranger: Stranger, talk: Talk) -> Iterator[int]:
    """As `firstQuestions` does, by pages."""
    scores = world.scorer.score(talk.history) if world.scorer.is_personal(talk.history) else None
    while page := next_questions(world.questions, Reactions(talk.answered, talk.skipped, scores), PAGE):
        yield from (one.item for one in page)


def in_order(order: Callable[[World, int], IntArray]) -> Way:
    """One order, whatever is answered."""

    def way(world: World, stranger: Stranger, talk: Talk) -> Iterator[int]:
        asked = {*talk.answered, *talk.skipped}
        yield from (item for item in order(world, stranger.number).tolist() if item not in asked)

    return way


def most_rated(world: World, number: int) -> IntArray:
    return world.questions.items


def at_random(world: World, number: int) -> IntArray:
    return np.random.default_rng(number).permutation(np.flatnonzero(world.known.likes() > 0)).astype(np.int32)


def entropy0(world: World, number: int) -> IntArray:
    """By the entropy of liked, not liked and not known, the first two counting double (Rashid et al. 2008)."""
    liked = world.questions.liked.astype(np.float64)
    parts = (world.questions.known - liked, liked, 1.0 - world.questions.known)
    bits = sum(
        weight * -part.clip(1e-12) * np.log(part.clip(1e-12)) for weight, part in zip((1, 1, 0.5), parts, strict=True)
    )
    return world.questions.items[np.argsort(-bits, kind="stable")]


WAYS: Final[Mapping[str, Way]] = {
    "firstQuestions": chosen,
    POPULAR: in_order(most_rated),
    "entropy0": in_order(entropy0),
    "at random": in_order(at_random),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ratings", type=Path)
    arguments.add_argument("--sequences", type=Path)
    given = arguments.parse_args()
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"data": {}}
    if given.ratings:
        result["data"]["ml-latest-small"] = measured(movielens(given.ratings), range(FOLDS))
    if given.sequences:
        result["data"]["ml-1m sequences"] = measured(sequences(given.sequences), range(1))
    RESULT.write_text(json.dumps({"machine": machine(), "model": MODEL, **result}, indent=1) + "\n")
    show(result)


def movielens(folder: Path) -> Interactions:
    frame = pl.read_csv(folder / "ratings.csv")
    columns = {"userId": "user_id", "movieId": "movie_id", "timestamp": "at"}
    return Interactions.from_frame(frame.rename(columns).with_columns(pl.col("at") * 1_000))


def measured(ratings: Interactions, folds: range) -> dict[str, Any]:
    """The figures of every way, over the users of these fifths."""
    rng = np.random.default_rng(SEED)
    fold, half = rng.permutation(ratings.n_users) % FOLDS, rng.random(len(ratings)) < 0.5
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for number in folds:
        known = ratings.subset(fold[ratings.user_index] != number)
        world = World(registry.create(MODEL).fit(known).scorer(), known, learn_questions(known))
        for stranger in strangers(ratings, np.flatnonzero(fold == number), half):
            for name, way in WAYS.items():
                rows[name].append(talked(world, stranger, way))
    users = len(rows[POPULAR])
    counted = {"users": users, "ratings": len(ratings), "fingerprint": ratings.fingerprint()[:12]}
    return counted | {"ways": {name: figures(found, rows[POPULAR]) for name, found in rows.items()}}


def strangers(ratings: Interactions, users: IntArray, half: BoolArray) -> Iterator[Stranger]:
    for user in users.tolist():
        mine = ratings.user_index == user
        answerable, others = mine & half, mine & ~half
        stars = dict(zip(ratings.movie_index[answerable].tolist(), ratings.rating[answerable].tolist(), strict=True))
        wanted = ratings.movie_index[others & (ratings.rating >= np.float32(LIKED))]
        if len(wanted) and len(stars) >= LEAST:
            yield Stranger(user, stars, wanted)


def talked(world: World, stranger: Stranger, way: Way) -> dict[str, float]:
    """The figures of one talk; after the last question they stay as they are."""
    talk, row = Talk([], [], []), dict[str, float]()
    row["0"] = quality(world, stranger, talk)
    while len(talk.answered) < max(ANSWERS) and asked(talk) < ASKED:
        before = len(talk.answered)
        for item in way(world, stranger, talk):
            react(stranger, talk, item)
            if asked(talk) in QUESTIONS:
                row[f"{asked(talk)} questions"] = quality(world, stranger, talk)
            if len(talk.answered) > before or asked(talk) >= ASKED:
                break
        if len(talk.answered) == before:
            break
        if len(talk.answered) in ANSWERS:
            row |= state_of(world, stranger, talk, len(talk.answered))
    for count in ANSWERS:
        row = state_of(world, stranger, talk, count) | row
    last = quality(world, stranger, talk)
    return {f"{count} questions": last for count in QUESTIONS} | row


def asked(talk: Talk) -> int:
    return len(talk.answered) + len(talk.skipped)


def react(stranger: Stranger, talk: Talk, item: int) -> None:
    stars = stranger.stars.get(item)
    (talk.skipped if stars is None else talk.answered).append(item)
    if stars is not None and stars >= LIKED:
        talk.liked.append(item)


def state_of(world: World, stranger: Stranger, talk: Talk, count: int) -> dict[str, float]:
    found = {"": quality(world, stranger, talk), " asked": float(asked(talk)), " liked": float(len(talk.liked))}
    return {f"{count}{name}": value for name, value in found.items()}


def quality(world: World, stranger: Stranger, talk: Talk) -> float:
    """NDCG@10 of what would be recommended now."""
    scores: FloatArray = world.scorer.score(talk.history)
    free = np.ones(len(scores), np.bool_)
    free[list(stranger.stars)] = False
    hits = np.isin(top_k(scores, free, LISTED).items, stranger.wanted)
    return float(ndcg_at(hits[None, :], np.array([len(stranger.wanted)], np.int32), LISTED)[0])


def figures(rows: list[dict[str, float]], popular: list[dict[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in rows[0]:
        values, others = column(rows, name), column(popular, name)
        if name.endswith((" asked", " liked")):
            found[name] = float(values.mean())
            continue
        mean, over = mean_of(values, SEED), difference_of(values, others, SEED)
        found[name] = {"ndcg_at_10": [mean.mean, mean.low, mean.high], "over": [over.mean, over.low, over.high]}
    return found


def column(rows: list[dict[str, float]], name: str) -> DoubleArray:
    return np.array([row[name] for row in rows], np.float64)


def show(result: dict[str, Any]) -> None:
    for data, one in result["data"].items():
        kinds = [*(str(count) for count in ANSWERS), *(f"{count} questions" for count in QUESTIONS)]
        table = Table("asked", *kinds, title=f"{data}: {one['users']} users")
        for name, row in one["ways"].items():
            cells = []
            for kind in kinds:
                mean, (over, low, high) = row[kind]["ndcg_at_10"][0], row[kind]["over"]
                beside = f" after {row[kind + ' asked']:.0f}" if kind + " asked" in row else ""
                cells.append(f"{mean:.4f}{beside}\n{over:+.4f} [{low:+.4f}, {high:+.4f}]")
            table.add_row(name, *cells)
        Console(width=190).print(table)


if __name__ == "__main__":
    main()
