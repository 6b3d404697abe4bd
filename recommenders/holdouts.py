"""Splits that hide whole movies or whole users: what a model makes of those that nobody rated yet, and of newcomers.

Two parts are hidden: one for validation, one for test. Test may know what validation hides, as ratings in time would.
"""

from collections.abc import Sequence

import numpy as np

from cinegraph.errors import NotEnoughData
from cinegraph.types import LIKED
from recommenders.arrays import BoolArray, IntArray
from recommenders.interactions import Interactions
from recommenders.splits import TEST, VALIDATION, Split, SplitName


def cold_movies(interactions: Interactions, hidden: float = 0.1, seed: int = 0) -> Split:
    """A share of all movies has its ratings in test alone, another in validation alone; each is ranked among itself."""
    validation, test = _drawn(interactions.n_movies, hidden, seed)
    in_validation, in_test = validation[interactions.movie_index], test[interactions.movie_index]
    return Split(
        SplitName.COLD_MOVIES,
        train=interactions.subset(~in_validation & ~in_test),
        validation=interactions.subset(in_validation),
        test=interactions.subset(in_test),
        candidates={VALIDATION: validation, TEST: test},
    )


def cold_users(interactions: Interactions, hidden: float = 0.1, known: Sequence[int] = (0, 10), seed: int = 0) -> Split:
    """A share of all users has no rating in train or validation, another none in train.

    The first likes of a hidden user, as many as the largest of `known`, and what was rated before them are for openings
    alone: what is to be found comes after them, and is the same for every opening.
    """
    validation, test = _drawn(interactions.n_users, hidden, seed)
    likes = _likes_before(interactions)
    later = likes >= max(known, default=0)
    parts = {}
    openings: dict[str, dict[int, Interactions]] = {}
    for name, users in ((VALIDATION, validation), (TEST, test)):
        theirs = users[interactions.user_index]
        parts[name] = interactions.subset(theirs & later)
        openings[name] = {count: interactions.subset(theirs & (likes < count)) for count in known}
    train = interactions.subset(~(validation | test)[interactions.user_index])
    return Split(SplitName.COLD_USERS, train, parts[VALIDATION], parts[TEST], openings=openings)


def _likes_before(interactions: Interactions) -> IntArray:
    """For each rating how many movies its user had liked before it (n,)."""
    order = np.argsort(interactions.user_index, kind="stable")
    users = interactions.user_index[order]
    liked = (interactions.rating[order] >= np.float32(LIKED)).astype(np.int64)
    before = np.cumsum(liked) - liked
    found = np.empty(len(users), np.int32)
    found[order] = before - before[np.searchsorted(users, users)]
    return found


def _drawn(count: int, share: float, seed: int) -> tuple[BoolArray, BoolArray]:
    """Two disjoint shares of `count`, at least one each."""
    size = max(1, round(count * share))
    if 2 * size >= count:
        raise NotEnoughData(f"{count} are too few to hide two parts of {share:g}; bring in more with cinegraph ingest")
    order = np.random.default_rng(seed).permutation(count)
    validation, test = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    validation[order[:size]] = True
    test[order[size : 2 * size]] = True
    return validation, test
