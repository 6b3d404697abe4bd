"""What new accounts like of one movie counts for training only as far as others bear it out.

Whoever wants to push a movie makes accounts that like it (shilling). They are new, and the movie is liked by them far
more than by everybody else. So of the likes that new accounts give a movie, as many count as its other likes would let
expect, several times over, and a few in any case. Which ones: the first. Where old accounts gave fewer likes than new
ones, as in a catalogue that opened not long ago, they are no measure, and nothing is left out. Whoever has the patience
to let the accounts grow old is not seen.
"""

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np

from cinegraph.settings import TrustSettings
from cinegraph.types import DAY, LIKED
from recommenders.arrays import BoolArray, IntArray
from recommenders.interactions import Interactions

log = logging.getLogger(__name__)

FACTOR: Final = 3.0
"""How many times as many likes by new accounts as expected a movie may have."""
NAMED: Final = 3
"""Movies that are named at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Capped:
    """Ratings without the likes that go too far: of `movies` by position, in falling number of likes left out
    (`likes`), by new accounts, of which there are `accounts`."""

    interactions: Interactions
    accounts: int
    movies: IntArray
    likes: IntArray

    @property
    def left_out(self) -> int:
        """Likes that do not count."""
        return int(self.likes.sum())


def capped(interactions: Interactions, trust: TrustSettings) -> Capped:
    """The ratings to train on. An account is new that gave most of its ratings in the `new_account_days` before the
    last rating of all; with 0 days none is."""
    new = _new_accounts(interactions, trust.new_account_days)
    liked = interactions.rating >= np.float32(LIKED)
    by_new = liked & new[interactions.user_index]
    excess = by_new & (
        _place(interactions, by_new) >= _caps(interactions, liked, by_new, trust)[interactions.movie_index]
    )
    counts = np.bincount(interactions.movie_index[excess], minlength=interactions.n_movies)
    movies = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].astype(np.int32)
    kept = interactions.subset(~excess) if excess.any() else interactions
    return Capped(kept, int(new.sum()), movies, counts[movies].astype(np.int32))


def tell(found: Capped) -> None:
    """Warn of what was left out."""
    if not found.left_out:
        return
    names = found.interactions.movies[found.movies[:NAMED]].tolist()
    shown = ", ".join(f"{name} ({likes})" for name, likes in zip(names, found.likes.tolist(), strict=False))
    more = f" and {len(found.movies) - NAMED} more" if len(found.movies) > NAMED else ""
    log.warning(
        "%d likes by new accounts are not trained on, since nobody else bears them out: of the movies %s%s; "
        "CINEGRAPH_TRUST__NEW_ACCOUNT_DAYS=0 trains on all",
        found.left_out,
        shown,
        more,
    )


def _new_accounts(interactions: Interactions, days: int) -> BoolArray:
    """Which users gave more than half of their ratings in the last days (users,)."""
    found = np.zeros(interactions.n_users, np.bool_)
    if not days or not len(interactions):
        return found
    by_user = interactions.at[np.argsort(interactions.user_index, kind="stable")]  # and by time, as all ratings are
    counts = np.bincount(interactions.user_index, minlength=interactions.n_users)
    middle = np.cumsum(counts) - counts + (counts - 1) // 2
    rated = counts > 0
    found[rated] = by_user[middle[rated]] > interactions.at.max() - days * DAY
    return found


def _caps(interactions: Interactions, liked: BoolArray, by_new: BoolArray, trust: TrustSettings) -> IntArray:
    """How many likes by new accounts count, of each movie (movies,)."""
    others = np.bincount(interactions.movie_index[liked & ~by_new], minlength=interactions.n_movies)
    by_others = int(others.sum())
    if by_others < int(by_new.sum()):
        return np.full(interactions.n_movies, np.iinfo(np.int32).max, np.int32)
    expected = others * (int(by_new.sum()) / by_others)
    found: IntArray = np.maximum(trust.new_account_likes, np.ceil(FACTOR * expected)).astype(np.int32)
    return found


def _place(interactions: Interactions, chosen: BoolArray) -> IntArray:
    """Of each chosen rating how many chosen ones its movie had before it (n,); 0 for the others."""
    rows = np.flatnonzero(chosen)
    order = rows[np.argsort(interactions.movie_index[rows], kind="stable")]
    movies = interactions.movie_index[order]
    place = np.zeros(len(interactions), np.int32)
    place[order] = np.arange(len(order)) - np.searchsorted(movies, movies)
    return place
