"""What an answer was made from, sealed into an id: whoever has it can have the same answer made again, at any time.

Nothing is kept here for it but catalogues and models, which are of nobody: what the caller did at that moment is in the
id itself, encrypted, and only its owner can use it.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from api.context import Context
from api.explaining import Found, edges_of, verify
from api.ids import Cursors
from api.lacking import AWAY
from cinegraph.errors import InvalidInput, NotFound
from cinegraph.types import EdgeRef, Label, Millis, MovieFilter, NodeRef, Relation
from graph.verify import Facts, find_edges
from recommenders.context import Context as Where
from recommenders.histories import Preference, Rated, UserHistory
from recommenders.reasons import Reason
from recommenders.slate import Tuning
from recommenders.state import StateKey

KIND: Final = "replay"
LONGEST: Final = 60_000
"""Characters of an id: a request with it is within the limit of a request's body, however it is escaped."""
THEN: Final = "then"
"""The element id of a relationship of that time, which is looked for by its keys."""


@dataclass(frozen=True, slots=True)
class Known:
    """A history as far as an answer depends on it: ratings in their order, and those that were only said."""

    ratings: tuple[tuple[str, float], ...]
    said: tuple[tuple[str, float], ...]
    viewed: tuple[str, ...]
    dismissed: tuple[str, ...]
    preferences: tuple[tuple[Label, str, float], ...]

    @classmethod
    def of(cls, history: UserHistory) -> "Known":
        """Of a history as it was used."""
        return cls(
            tuple((one.movie_id, one.rating) for one in history.ratings if one.element_id),
            tuple((one.movie_id, one.rating) for one in history.ratings if not one.element_id),
            tuple(sorted(history.viewed)),
            tuple(sorted(history.dismissed)),
            tuple((one.node.label, one.node.id, one.weight) for one in history.preferences),
        )

    def history(self, user_id: str | None) -> UserHistory:
        """The same history again."""
        given = ((self.ratings, THEN), (self.said, ""))
        return UserHistory(
            user_id,
            None,
            tuple(Rated(movie, rating, 0, edge) for ratings, edge in given for movie, rating in ratings),
            frozenset(self.viewed),
            frozenset(self.dismissed),
            tuple(Preference(NodeRef(label, id_), weight, THEN) for label, id_, weight in self.preferences),
        )


@dataclass(frozen=True, slots=True)
class Memo:
    """All that an answer was made from, and a checksum of what it showed: the movies at `ranks` of a ranking whose
    first `places` were composed."""

    owner: str | None
    at: Millis
    key: StateKey
    places: int
    ranks: tuple[int, ...]
    wanted: MovieFilter
    tuning: Tuning
    day: int
    context: Where
    known: Known
    digest: str


MEMO: Final = TypeAdapter(Memo)


def digest_of(shown: Iterable[tuple[str, int, float]]) -> str:
    """The checksum of what a page shows: of each movie its id, its rank and its score."""
    return hashlib.sha256(json.dumps(list(shown)).encode()).hexdigest()[:32]


def seal(cursors: Cursors, memo: Memo) -> str | None:
    """The id of an answer; None where the caller did so much that it would be longer than a request may be."""
    text = zlib.compress(MEMO.dump_json(memo, exclude_defaults=True), 9)
    sealed = cursors.seal_bytes(KIND, text)
    return sealed if len(sealed) <= LONGEST else None


def unseal(cursors: Cursors, id_: str, user_id: str | None) -> Memo:
    """What an id holds; somebody else's is not found."""
    try:
        memo = MEMO.validate_json(zlib.decompress(cursors.open_bytes(KIND, id_)))
    except (InvalidInput, ValueError, zlib.error) as error:
        raise InvalidInput(
            f"{id_[:60]!r} is not the id of an answer that this server gave; the replayId of recommendations is one"
        ) from error
    if memo.owner is not None and memo.owner != user_id:
        raise NotFound("there is no such answer for this user; send the token of the one who was given it")
    return memo


async def standing_now(
    context: Context, found: Mapping[str, Found], history: UserHistory, model: str
) -> tuple[dict[str, Found], Facts]:
    """Of the reasons that were found then those that stand now, with the relationships as they are: all of them are in
    the graph, and the caller's own rating or preference is the one of then."""
    edges = list(dict.fromkeys(edges_of(found.values())))
    try:
        with context.memory():
            now = dict(zip(edges, await find_edges(context.services.graph, edges, model or None), strict=True))
    except AWAY as error:
        context.remembered(error)
        now = dict(zip(edges, edges, strict=True))
    facts = await verify(context, [edge for edge in now.values() if edge], history)
    weights = {one.node: one.weight for one in history.preferences}
    kept = {
        movie_id: Found(
            [again for one in was.reasons if (again := _as_now(one, now)) and _is_unchanged(again, facts, weights)],
            was.positive,
        )
        for movie_id, was in found.items()
    }
    return kept, facts


def _as_now(reason: Reason, now: Mapping[EdgeRef, EdgeRef | None]) -> Reason | None:
    """The reason over the relationships that are there now; None where one is not."""
    edges = [edge for one in reason.edges if (edge := now[one])]
    source = now[reason.source] if reason.source else None
    if len(edges) < len(reason.edges) or (reason.source and not source):
        return None
    return Reason(reason.nodes, tuple(edges), source, reason.rating, reason.contribution, reason.strength)


def _is_unchanged(reason: Reason, facts: Facts, weights: Mapping[NodeRef, float]) -> bool:
    """Whether what the caller said is what it was."""
    own = facts.get(reason.source) if reason.source else None
    if own is None or reason.source is None:
        return reason.source is None
    if reason.source.relation is Relation.RATED:
        return bool(own["rating"] == reason.rating)
    return bool(own["weight"] == weights[reason.source.end])
