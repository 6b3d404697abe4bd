"""What scorers that are made of other scorers have in common."""

from dataclasses import dataclass

import numpy as np

from recommenders.arrays import AnyArray, Csr, FloatArray
from recommenders.scorers import History, Neighbours, Scorer, best_neighbours, check_shape


@dataclass(frozen=True, eq=False)
class OfMembers:
    """Made of `members`, all over the same movies."""

    members: tuple[Scorer, ...]

    @property
    def popularity(self) -> FloatArray:
        """As the members know it (movies,)."""
        return self.members[0].popularity

    def is_personal(self, history: History) -> bool:
        """Whether the history says anything to a member."""
        return any(member.is_personal(history) for member in self.members)

    def similar(self, movie_index: int, k: int) -> Neighbours:
        """As the first member says that knows any."""
        for member in self.members:
            found = member.similar(movie_index, k)
            if len(found.items):
                return found
        return best_neighbours(np.zeros(0, dtype=np.float32), k)

    def arrays(self) -> dict[str, AnyArray]:
        """The arrays of the members, as `place.kind.name`."""
        return {
            f"{place}.{member.kind}.{name}": array
            for place, member in enumerate(self.members)
            for name, array in member.arrays().items()
        }

    def check(self) -> None:
        """There are members, over the same movies."""
        if not self.members:
            raise ValueError("there are no members")
        for member in self.members:
            member.check()
            check_shape(member.popularity, "a member's popularity", self.popularity.shape)


def each(histories: Csr) -> list[History]:
    """The history of each row (users, movies)."""
    ends = zip(histories.indptr[:-1], histories.indptr[1:], strict=True)
    return [History(histories.indices[start:end], histories.data[start:end]) for start, end in ends]
