"""How ratings are divided into train, validation and test; each protocol has a name, which every figure carries.

`global_time` cuts all ratings at two moments, so that nothing a model sees lies after anything it is asked. Where that
leaves too few users who appear on both sides, `user_time` cuts each user's own ratings by time instead: no user's
future is seen, but other users' later ratings are.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cinegraph.errors import ModelError, NotEnoughData
from cinegraph.types import LIKED
from recommenders.arrays import BoolArray, IntArray
from recommenders.interactions import Interactions, merge

MIN_TEST_USERS = 100


class SplitName(StrEnum):
    """The protocols."""

    GLOBAL_TIME = "global_time"
    USER_TIME = "user_time"


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Three parts of a data set, over the same users and movies, and the number of users that test can ask about."""

    name: SplitName
    train: Interactions
    validation: Interactions
    test: Interactions
    test_users: int

    def before_test(self) -> Interactions:
        """Train and validation together: what a model may know when it is tested."""
        return merge(self.train, self.validation)


def asked_users(known: Interactions, target: Interactions) -> IntArray:
    """The positions of the users with a rating in `known` and a liked movie in `target`: the ones a figure is over."""
    asked = np.intersect1d(known.user_index, target.user_index[target.rating >= np.float32(LIKED)])
    return asked.astype(np.int32)


def global_time(interactions: Interactions) -> Split:
    """The first 80 % of all ratings, the next 10 %, the last 10 %; ratings of the same moment stay together."""
    at, n = interactions.at, len(interactions)
    validation_from, test_from = at[n * 8 // 10], at[n * 9 // 10]
    train, test = at < validation_from, at >= test_from
    split = _split(SplitName.GLOBAL_TIME, interactions, train, ~train & ~test, test)
    _assert_no_future(split)
    return split


def user_time(interactions: Interactions) -> Split:
    """The first 80 % of each user's ratings (rounded up), the next 10 %, the rest; same moments go by movie."""
    users = interactions.user_index
    order = np.argsort(users, kind="stable")
    counts = np.bincount(users, minlength=interactions.n_users)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(users), dtype=np.int64)
    place[order] = np.arange(len(users)) - starts[users[order]]
    of = counts[users]
    train, test = place < -(-of * 8 // 10), place >= -(-of * 9 // 10)
    return _split(SplitName.USER_TIME, interactions, train, ~train & ~test, test)


PROTOCOLS = {SplitName.GLOBAL_TIME: global_time, SplitName.USER_TIME: user_time}


def choose_split(interactions: Interactions, min_test_users: int = MIN_TEST_USERS) -> Split:
    """`global_time` where it leaves at least `min_test_users` test users, else `user_time`.

    Raises `NotEnoughData` where neither leaves anybody to ask, on validation or on test.
    """
    chosen = global_time(interactions)
    if chosen.test_users < min_test_users or not len(asked_users(chosen.train, chosen.validation)):
        chosen = user_time(interactions)
    if not chosen.test_users or not len(asked_users(chosen.train, chosen.validation)):
        raise NotEnoughData(
            f"{len(interactions)} ratings by {interactions.n_users} users leave no user to test with; "
            "a user needs at least 10 ratings, some of them of 4 stars or more"
        )
    return chosen


def _split(name: SplitName, whole: Interactions, train: BoolArray, validation: BoolArray, test: BoolArray) -> Split:
    first, second, third = (whole.subset(keep) for keep in (train, validation, test))
    return Split(name, first, second, third, test_users=len(asked_users(merge(first, second), third)))


def _assert_no_future(split: Split) -> None:
    for earlier, later in ((split.train, split.validation), (split.validation, split.test), (split.train, split.test)):
        if len(earlier) and len(later) and earlier.at.max() >= later.at.min():
            raise ModelError(f"{split.name} let a rating of {later.at.min()} into the part before it")
