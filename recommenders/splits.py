"""How ratings are divided by time or by user; every figure carries the name of its protocol (`protocol.py`).

`global_time` cuts all ratings at two moments, so that nothing a model sees lies after anything it is asked. `user_time`
cuts each user's own ratings by time: no user's own future is seen, but other users' later ratings are. `user_random`
deals each user's ratings out, as most papers do. `leave_last_out` asks for each user's last rating.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from cinegraph.errors import ModelError
from cinegraph.types import LIKED
from recommenders.arrays import BoolArray, DoubleArray, IntArray
from recommenders.interactions import Interactions, merge

VALIDATION, TEST = "validation", "test"


class SplitName(StrEnum):
    """The protocols."""

    GLOBAL_TIME = "global_time"
    USER_TIME = "user_time"
    USER_RANDOM = "user_random"
    LEAVE_LAST_OUT = "leave_last_out"
    COLD_MOVIES = "cold_movies"
    COLD_USERS = "cold_users"


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a scorer is asked: the movies in `target` that these users like, from the histories in `known`.

    `users` are positions (n,); `candidates` (movies,) says which movies are ranked, None all of them.
    """

    known: Interactions
    target: Interactions
    users: IntArray
    candidates: BoolArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Three parts of a data set, over the same users and movies.

    Where movies are hidden, `candidates` says by part which are ranked (movies,). Where users are hidden, `openings`
    holds by part what is known of them, by the number of liked movies.
    """

    name: SplitName
    train: Interactions
    validation: Interactions
    test: Interactions
    candidates: Mapping[str, BoolArray] = field(default_factory=dict)
    openings: Mapping[str, Mapping[int, Interactions]] = field(default_factory=dict)

    def before_test(self) -> Interactions:
        """Train and validation together: what a model may know when it is tested."""
        return merge(self.train, self.validation)

    def question(self, part: str, opening: int | None = None) -> Question:
        """What is asked on "validation" or "test"; of hidden users with so many likes known, else as many as can be."""
        known, target = (self.train, self.validation) if part == VALIDATION else (self.before_test(), self.test)
        openings = self.openings.get(part)
        if openings:
            known = merge(known, openings[max(openings) if opening is None else opening])
            return Question(known, target, _likers(target))
        return Question(known, target, asked_users(known, target), self.candidates.get(part))

    @property
    def test_users(self) -> int:
        """How many users test can ask about."""
        return len(self.question(TEST).users)

    @property
    def validation_users(self) -> int:
        """How many users validation can ask about."""
        return len(self.question(VALIDATION).users)


def _likers(target: Interactions) -> IntArray:
    """The positions of the users who like something."""
    return np.unique(target.user_index[target.rating >= np.float32(LIKED)]).astype(np.int32)


def asked_users(known: Interactions, target: Interactions) -> IntArray:
    """The positions of the users with a rating in `known` and a liked movie in `target`: the ones a figure is over."""
    return np.intersect1d(known.user_index, _likers(target)).astype(np.int32)


def global_time(interactions: Interactions, train: float = 0.8, validation: float = 0.1) -> Split:
    """The first 80 % of all ratings, the next 10 %, the last 10 %; ratings of the same moment stay together."""
    at, n = interactions.at, len(interactions)
    validation_from, test_from = at[_floor(n * train)], at[_floor(n * (train + validation))]
    first, last = at < validation_from, at >= test_from
    split = _split(SplitName.GLOBAL_TIME, interactions, first, ~first & ~last, last)
    _assert_no_future(split)
    return split


def user_time(interactions: Interactions, train: float = 0.8, validation: float = 0.1) -> Split:
    """The first 80 % of each user's ratings (rounded up), the next 10 %, the rest; same moments go by movie."""
    place, of = _places(interactions, np.arange(len(interactions)))
    return _by_place(SplitName.USER_TIME, interactions, place, of, train, validation)


def user_random(interactions: Interactions, train: float = 0.8, validation: float = 0.1, seed: int = 0) -> Split:
    """The same shares of each user's ratings in an order drawn by the seed."""
    place, of = _places(interactions, np.random.default_rng(seed).permutation(len(interactions)))
    return _by_place(SplitName.USER_RANDOM, interactions, place, of, train, validation)


def leave_last_out(interactions: Interactions) -> Split:
    """Each user's last rating is test, the one before it validation; users with less than three are trained on."""
    place, of = _places(interactions, np.arange(len(interactions)))
    last, before = (of >= 3) & (place == of - 1), (of >= 3) & (place == of - 2)
    return _split(SplitName.LEAVE_LAST_OUT, interactions, ~last & ~before, before, last)


def _places(whole: Interactions, order: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Each rating's place among its user's in a given order of all (n,), and how many its user has (n,)."""
    users = whole.user_index
    by_user = order[np.argsort(users[order], kind="stable")]
    counts = np.bincount(users, minlength=whole.n_users)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(users), dtype=np.int64)
    place[by_user] = np.arange(len(users)) - starts[users[by_user]]
    return place, counts[users]


def _by_place(
    name: SplitName,
    whole: Interactions,
    place: npt.NDArray[np.int64],
    of: npt.NDArray[np.int64],
    train: float,
    validation: float,
) -> Split:
    first, last = place < _ceil(of, train), place >= _ceil(of, train + validation)
    return _split(name, whole, first, ~first & ~last, last)


def _ceil(counts: npt.NDArray[np.int64], share: float) -> DoubleArray:
    """A share of each, rounded up; what lies above a whole number by rounding errors alone is that number."""
    found: DoubleArray = np.ceil(np.round(counts * share, 9))
    return found


def _floor(value: float) -> int:
    return int(np.floor(round(value, 9)))


def _split(name: SplitName, whole: Interactions, train: BoolArray, validation: BoolArray, test: BoolArray) -> Split:
    first, second, third = (whole.subset(keep) for keep in (train, validation, test))
    return Split(name, first, second, third)


def _assert_no_future(split: Split) -> None:
    for earlier, later in ((split.train, split.validation), (split.validation, split.test), (split.train, split.test)):
        if len(earlier) and len(later) and earlier.at.max() >= later.at.min():
            raise ModelError(f"{split.name} let a rating of {later.at.min()} into the part before it")
