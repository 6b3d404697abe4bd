"""Encodings of movies spread over the graph of likes, to users and back: of all, or as far as a batch needs them.

With R the normalised likes (users, movies) and x the encodings, z = sum over h = 0..hops of (R'R)^h x is a movie's
embedding, which is x + R'R (x + R'R (x + ...)), and R z is a user's. A movie that is taken for new has no likes: it
neither gives nor gets.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from recommenders.models.neighbours import Rows, Some, drawn, take
from recommenders.models.propagation import Links


class Hop(NamedTuple):
    """To users and back; `rows` are the movies that come out, by their places among the encodings."""

    to_users: Links
    to_movies: Links
    rows: Rows


class Spreading(NamedTuple):
    """All hops; `first` are the movies that go in, and `to_users` leads from those that come out to their users."""

    first: Rows
    hops: tuple[Hop, ...]
    to_users: Links

    def movies(self, encodings: Tensor, has: Tensor) -> Tensor:
        """The embeddings of the movies that come out (n, d), by the encodings (k, d); `has` (k, 1) is 0 for those that
        are taken for new."""
        found, gives = take(encodings, self.first), take(has, self.first)
        for hop in self.hops:
            told = hop.to_movies.times(hop.to_users.times(found * gives))
            gives = take(has, hop.rows)
            found = take(encodings, hop.rows) + told * gives
        return found

    def users(self, movies: Tensor, has: Tensor) -> Tensor:
        """The embeddings of users (m, d), by those of the movies that come out (n, d)."""
        return self.to_users.times(movies * take(has, self.hops[-1].rows if self.hops else self.first))


def whole(likes: Links, hops: int) -> Spreading:
    """Of all movies, to all users."""
    return Spreading(None, (Hop(likes, Links(*reversed(likes)), None),) * hops, likes)


class Needed(NamedTuple):
    """What a batch needs: the movies to encode, how to spread them, and the users and movies that come out."""

    encoded: Some
    spreading: Spreading
    asked: Some
    reached: Some

    def places(self, users: Tensor, movies: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where users stand among those that come out, where movies do, and where these do among those encoded."""
        return self.asked.places[users], self.reached.places[movies], self.encoded.places[movies]


def sampled(likes: Links, hops: int, users: Tensor, movies: Tensor, at_most: int, dice: torch.Generator) -> Needed:
    """For these users and movies, with at most so many likes of each user and movie, drawn anew for each hop."""
    (n_users, n_movies), back = likes.matrix.shape, Links(*reversed(likes))
    asked = Some.of(n_users, users)
    own = drawn(likes, asked.ids, at_most, dice)
    reached = [Some.of(n_movies, movies, own.columns)]
    found = list[tuple[Links, Links]]()
    for _ in range(hops):
        gave = drawn(back, reached[-1].ids, at_most, dice)
        through = Some.of(n_users, gave.columns)
        had = drawn(likes, through.ids, at_most, dice)
        reached.append(Some.of(n_movies, had.columns))
        found.append((had.among(reached[-1]), gave.among(through)))
    encoded = Some.of(n_movies, *(some.ids for some in reached))
    rows = [encoded.places[some.ids] for some in reached]
    inwards = [Hop(*links, row) for links, row in zip(found, rows, strict=False)]
    return Needed(encoded, Spreading(rows[-1], tuple(reversed(inwards)), own.among(reached[0])), asked, reached[0])
