"""What to ask a stranger first: the movies whose answers tell most about all the others, and that they may well know.

Taste is a Gaussian over the best-known movies, whose covariance is their likeness: the cosine of who likes them. An
answer on one movie leaves less uncertainty about those like it; the gain of a question is by how much it shrinks the
sum of all variances (A-optimal design, as in Rubens et al. 2015, "Active Learning in Recommender Systems"), times the
chance that the person likes the movie, since a model learns from likes alone. Questions are chosen one after the other
(greedily); a chosen one counts as answered as often as people know it, so that the next ones are about something else.
Reactions so far are taken into account twice: what was answered is certain, and the chance to like a movie is nearer to
what the model says of it.

The likeness is learnt from ratings with the model and published with it (`Fitted.questions`); nothing of one user is in
it. For a model without it questions are the most popular movies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from recommenders.arrays import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from recommenders.interactions import Interactions

ASKED: Final = 400
"""Best-known movies that may be asked about."""
NOISE: Final = 1.0
"""Variance of an answer that has nothing to do with taste, beside 1 for the taste for a movie."""
PERSONAL: Final = 0.3
"""Part of the chance to like a movie that comes from the model, once it says anything of the person."""
LATEST: Final = 50
"""Answers that count: the last ones, so that a long history takes no longer."""
PREFIX: Final = "questions"
"""What the names of their arrays begin with in an artefact."""


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """What may be asked: movies by the model's number (q,), the best known first; the parts of all users who have rated
    and who like each (q,); and how alike they are (q, q), from 0 to 1, and 1 for a movie and itself."""

    items: IntArray
    known: FloatArray
    liked: FloatArray
    likeness: FloatArray

    def arrays(self) -> dict[str, AnyArray]:
        """All of it by name, to be published."""
        return {f"{PREFIX}.{name}": getattr(self, name) for name in ("items", "known", "liked", "likeness")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray], movies: int) -> "Questions | None":
        """From what `arrays` gave, None where it is not there; raises `ValueError` for shapes that do not fit."""
        if f"{PREFIX}.items" not in arrays:
            return None
        names = ("items", "known", "liked", "likeness")
        found = cls(*(np.asarray(arrays[f"{PREFIX}.{name}"]) for name in names))
        n = len(found.items)
        for name, shape in zip(names, ((n,), (n,), (n,), (n, n)), strict=True):
            if getattr(found, name).shape != shape:
                raise ValueError(f"{PREFIX}.{name} has shape {getattr(found, name).shape}, not {shape}")
        if n and (found.items.min() < 0 or found.items.max() >= movies):
            raise ValueError(f"{PREFIX}.items are no positions below {movies}")
        return found


def learn_questions(ratings: Interactions, count: int = ASKED) -> Questions:
    """What may be asked, from ratings: the movies with most of them, of those that anybody likes."""
    rated, likes = np.bincount(ratings.movie_index, minlength=ratings.n_movies), ratings.likes()
    users = max(int(np.count_nonzero(np.diff(ratings.seen.indptr))), 1)
    liked = np.flatnonzero(likes)
    items = liked[np.lexsort((liked, -rated[liked]))][:count].astype(np.int32)
    columns = ratings.liked[:, items].astype(np.float64)
    together = np.asarray((columns.T @ columns).todense(), np.float64)
    length = np.sqrt(np.diag(together))
    return Questions(
        items,
        (rated[items] / users).astype(np.float32),
        (likes[items] / users).astype(np.float32),
        (together / np.outer(length, length)).astype(np.float32),
    )


def popular_questions(popularity: FloatArray, count: int = ASKED) -> Questions:
    """What may be asked where nothing was learnt: the most popular movies, each unlike every other, so that they are
    asked in that order."""
    liked = np.flatnonzero(popularity > 0)
    items = liked[np.lexsort((liked, -popularity[liked]))][:count].astype(np.int32)
    share = (popularity[items] / max(float(popularity.max(initial=0.0)), 1e-12)).astype(np.float32)
    return Questions(items, share, share, np.eye(len(items), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class FirstQuestion:
    """A movie to ask about: its number, the parts of people who know and like it, and the part of all the uncertainty
    that an answer would take away."""

    item: int
    known: float
    liked: float
    information: float


@dataclass(frozen=True, slots=True, eq=False)
class Reactions:
    """What is known of a person: movies answered, the newest last (a,); movies not to be asked about (s,); and the
    model's scores of all movies (M,), None where it says nothing of them."""

    answered: Sequence[int] = ()
    skipped: Sequence[int] = ()
    scores: FloatArray | DoubleArray | None = None


def next_questions(
    questions: Questions, reactions: Reactions, count: int, present: BoolArray | None = None
) -> list[FirstQuestion]:
    """The next `count` questions, the most telling first; fewer where no more can be asked. `present` (M,) says which
    movies there are."""
    place = {item: i for i, item in enumerate(questions.items.tolist())}
    free = np.ones(len(questions.items), np.bool_) if present is None else present[questions.items]
    free[[place[item] for item in (*reactions.answered, *reactions.skipped) if item in place]] = False
    left = questions.likeness.astype(np.float64)
    for item in [item for item in reactions.answered if item in place][-LATEST:]:
        _answer(left, place[item], 1.0)
    chances, found = chance_to_like(questions, reactions.scores), list[FirstQuestion]()
    for _ in range(min(count, int(free.sum()))):
        taken, whole = gains(left), float(np.trace(left))
        best = int(np.argmax(np.where(free, chances * taken, -1.0)))
        free[best] = False
        known = float(questions.known[best])
        part = float(taken[best]) / whole if whole > 0 else 0.0
        found.append(FirstQuestion(int(questions.items[best]), known, float(chances[best]), part))
        _answer(left, best, known)
    return found


def gains(left: DoubleArray) -> DoubleArray:
    """By how much an answer on each movie shrinks the sum of all variances (q,), from their covariance (q, q).
    Summed by einsum, whose result does not depend on the number of threads."""
    found: DoubleArray = np.einsum("ij,ij->i", left, left) / (np.diag(left).clip(0.0) + NOISE)
    return found


def chance_to_like(questions: Questions, scores: FloatArray | DoubleArray | None) -> DoubleArray:
    """How likely somebody is to know and like each movie (q,): the part of all users who do, and for somebody whom the
    model knows partly its score, in parts of the best one's."""
    usual = questions.liked.astype(np.float64)
    if scores is None or not len(usual):
        return usual
    own = np.clip(scores[questions.items], 0.0, None).astype(np.float64)
    best = float(own.max())
    return (1 - PERSONAL) * usual + PERSONAL * usual.max() * own / best if best > 0 else usual


def _answer(left: DoubleArray, place: int, part: float) -> None:
    """Take away the covariance that an answer explains, in place; `part` of it where it is not sure to be given."""
    row = left[place].copy()
    left -= part * np.outer(row, row) / (max(float(row[place]), 0.0) + NOISE)
