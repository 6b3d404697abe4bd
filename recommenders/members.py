"""What scorers that are made of other scorers have in common: `members`, all over the same movies."""

from collections.abc import Sequence

import numpy as np

from recommenders.arrays import AnyArray
from recommenders.scorers import History, Neighbours, Scorer, best_neighbours, check_shape


def personal(members: Sequence[Scorer], history: History) -> bool:
    """Whether the history says anything to a member."""
    return any(member.is_personal(history) for member in members)


def similar_of(members: Sequence[Scorer], movie_index: int, k: int) -> Neighbours:
    """As the first member says that knows any."""
    for member in members:
        found = member.similar(movie_index, k)
        if len(found.items):
            return found
    return best_neighbours(np.zeros(0, dtype=np.float32), k)


def arrays_of(members: Sequence[Scorer]) -> dict[str, AnyArray]:
    """The arrays of all members, as `place.kind.name`."""
    return {
        f"{place}.{member.kind}.{name}": array
        for place, member in enumerate(members)
        for name, array in member.arrays().items()
    }


def check_members(members: Sequence[Scorer]) -> int:
    """The number of movies; raises `ValueError` where there are no members, or they are over different movies."""
    if not members:
        raise ValueError("there are no members")
    movies = len(members[0].popularity)
    for member in members:
        member.check()
        check_shape(member.popularity, "a member's popularity", (movies,))
    return movies
