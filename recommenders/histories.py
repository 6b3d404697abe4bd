"""What users did, in memory: read once from the graph, and checked against it by every answer that uses it.

Each user node has a version that rises with each write to the user's history. The statement that hydrates an answer
reads the version too; where it is another than the cached history's, the history is read again and the answer made
anew. So an answer costs no statement more, and a rating that another process wrote counts at once.

A history that is known to be another now stays as a stand-in for as long as the graph does not answer.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cinegraph.types import EdgeRef, Label, Millis, NodeRef, Relation
from graph.catalog import read_statement
from graph.client import Reader, Row
from graph.snapshot import UNKNOWN
from graph.verify import Facts

ENTRIES: Final = 2_000_000
"""Entries in memory at most, of 290 bytes each (`python -m benchmarks.memory`)."""


@dataclass(frozen=True, slots=True)
class Rated:
    """A rating, with the element id of its relationship ("" for a movie that an anonymous visitor says to like)."""

    movie_id: str
    rating: float
    at: Millis
    element_id: str


@dataclass(frozen=True, slots=True)
class Preference:
    """What a user said about a genre, person, keyword or collection: -1 (avoid) to 1 (favourite)."""

    node: NodeRef
    weight: float
    element_id: str


@dataclass(frozen=True, slots=True)
class UserHistory:
    """One user's history at a version, `UNKNOWN` for a stand-in; `user_id` None for an anonymous visitor."""

    user_id: str | None
    version: int | None
    ratings: tuple[Rated, ...] = ()
    viewed: frozenset[str] = frozenset()
    dismissed: frozenset[str] = frozenset()
    preferences: tuple[Preference, ...] = ()

    def with_liked(self, movie_ids: Sequence[str], rating: float) -> "UserHistory":
        """The same with movies that the request says to be liked; a rating that is there stays as it is."""
        rated = {one.movie_id for one in self.ratings}
        liked = tuple(Rated(id_, rating, 0, "") for id_ in dict.fromkeys(movie_ids) if id_ not in rated)
        return UserHistory(
            self.user_id, self.version, self.ratings + liked, self.viewed, self.dismissed, self.preferences
        )

    def outdated(self, movie_ids: Collection[str]) -> "UserHistory":
        """What can stand in for it, after the user has written about these movies: they are not recommended from it,
        and no rating of them, which may be taken back, is a reason."""
        ratings = tuple(one for one in self.ratings if one.movie_id not in movie_ids)
        return replace(self, version=UNKNOWN, ratings=ratings, dismissed=self.dismissed.union(movie_ids))

    @property
    def is_stand_in(self) -> bool:
        """Whether the user is known to have another history by now."""
        return self.version == UNKNOWN

    @property
    def known(self) -> frozenset[str]:
        """Movies that must not be recommended: rated, viewed, dismissed, or said to be liked."""
        return self.viewed | self.dismissed | {one.movie_id for one in self.ratings}

    @property
    def entries(self) -> int:
        """What it holds: ratings, views, dismissals, preferences."""
        return len(self.ratings) + len(self.viewed) + len(self.dismissed) + len(self.preferences)

    @property
    def facts(self) -> Facts:
        """The relationships of the history by what it knows of them."""
        facts: dict[EdgeRef, Mapping[str, Any]] = {}
        for rated in self.ratings:
            if edge := self.rating_edge(rated):
                facts[edge] = {"rating": rated.rating, "at": rated.at}
        if self.user_id is not None:
            user = NodeRef(Label.USER, self.user_id)
            for one in self.preferences:
                facts[EdgeRef(Relation.PREFERS, user, one.node, one.element_id)] = {"weight": one.weight}
        return facts

    def rating_edge(self, rated: Rated) -> EdgeRef | None:
        """The relationship of a rating; None for a movie that was only said to be liked."""
        if self.user_id is None or not rated.element_id:
            return None
        movie = NodeRef(Label.MOVIE, rated.movie_id)
        return EdgeRef(Relation.RATED, NodeRef(Label.USER, self.user_id), movie, rated.element_id)


class Histories:
    """The histories of the users that were seen last: `kept` users at most, with `entries` ratings, views and the like
    together, since one user may have done as much as a hundred others."""

    def __init__(self, reader: Reader, kept: int, entries: int = ENTRIES) -> None:
        self._reader, self._kept, self._most = reader, kept, entries
        self._histories: OrderedDict[str, UserHistory] = OrderedDict()
        self.entries = 0
        """What the histories in memory hold together."""

    async def get(self, user_id: str) -> UserHistory:
        """The user's history; read from the graph where it is not in memory. A user without one has an empty one."""
        history = self._histories.get(user_id)
        if history is None or history.is_stand_in:
            history = await self._read(user_id)
            self._keep(user_id, history)
        else:
            self._histories.move_to_end(user_id)
        return history

    def _keep(self, user_id: str, history: UserHistory) -> None:
        self.forget(user_id)
        self._histories[user_id] = history
        self.entries += history.entries
        while len(self._histories) > 1 and (len(self._histories) > self._kept or self.entries > self._most):
            self.forget(next(iter(self._histories)))

    async def _read(self, user_id: str) -> UserHistory:
        return (await self.read([user_id]))[user_id]

    async def read(self, user_ids: Sequence[str]) -> dict[str, UserHistory]:
        """These users' histories as the graph has them now, in one statement."""
        rows = await self._reader.read(read_statement("user/history"), users=list(user_ids)) if user_ids else []
        found = {row["user"]: _history(row["user"], row) for row in rows}
        return {user_id: found.get(user_id, UserHistory(user_id, None)) for user_id in user_ids}

    def remembered(self, user_id: str) -> UserHistory | None:
        """What is in memory of a user, if only a stand-in."""
        return self._histories.get(user_id)

    def outdate(self, user_id: str, movie_ids: Collection[str] = ()) -> None:
        """Read it again next time; until then it stands in, after the user has written about these movies."""
        history = self._histories.get(user_id)
        if history or movie_ids:
            self._keep(user_id, (history or UserHistory(user_id, None)).outdated(movie_ids))

    def forget(self, user_id: str) -> None:
        """Hold nothing of a user."""
        found = self._histories.pop(user_id, None)
        self.entries -= found.entries if found else 0

    def clear(self) -> None:
        """Read all again."""
        self._histories.clear()
        self.entries = 0


def _history(user_id: str, row: Row) -> UserHistory:
    return UserHistory(
        user_id=user_id,
        version=row["version"],
        ratings=tuple(Rated(*rating) for rating in row["ratings"]),
        viewed=frozenset(row["viewed"]),
        dismissed=frozenset(row["dismissed"]),
        preferences=tuple(
            Preference(NodeRef(Label(label), id_), weight, element_id)
            for label, id_, weight, element_id in row["preferences"]
        ),
    )
