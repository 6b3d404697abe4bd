"""From reasons found in memory to reasons shown: verified in one statement, worded, with an id to check them later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import strawberry

from api.context import Context
from api.hydration import Hydrated
from api.ids import Cursors
from api.lacking import AWAY
from api.types.explanations import CheckedSegment, ExplanationCheck, Path, RelationKind, Walked
from api.types.explanations import Reason as ShownReason
from cinegraph.errors import InvalidInput, NotFound
from cinegraph.types import EdgeRef, NodeRef, Relation
from graph.client import Reader
from graph.snapshot import Snapshot
from graph.verify import Facts, edge_of, find_edges, recall_edges, verify_edges
from recommenders.histories import UserHistory
from recommenders.reasons import Explainer, Reason
from recommenders.state import Scored
from recommenders.wording import sentence

KIND = "explanation"
FORGOTTEN: Final[Mapping[Relation, Sequence[str]]] = {
    Relation.ACTED_IN: ("ActedInSegment.character",),
    Relation.CREW: ("CrewSegment.job", "CrewSegment.department"),
}
"""What is not known of a relationship without the graph."""
SPARE = 1
"""Reasons looked for beyond those asked for, so that one that does not stand the verification is replaced."""


@dataclass(frozen=True, slots=True)
class Found:
    """The reasons for one movie before they are verified, and what all contributions add up to."""

    reasons: Sequence[Reason]
    positive: float


def find_reasons(scored: Scored, movie_ids: Iterable[str], count: int) -> dict[str, Found]:
    """The best reasons for each movie, some to spare; none for a count of 0."""
    explainer = Explainer(scored.state.snapshot, scored.state.told, scored.history, scored.nodes)
    return {movie_id: _found(explainer, scored, movie_id, count) for movie_id in movie_ids}


def _found(explainer: Explainer, scored: Scored, movie_id: str, count: int) -> Found:
    if not count:
        return Found((), 0.0)
    parts = scored.parts(movie_id)
    positive = float(parts[parts > 0].sum()) + max(scored.popularity(movie_id), 0.0)
    return Found(explainer.reasons(movie_id, parts, count + SPARE), positive)


def edges_of(found: Iterable[Found]) -> list[EdgeRef]:
    """Every edge of all reasons."""
    return [edge for one in found for reason in one.reasons for edge in reason.all_edges]


async def verify(context: Context, edges: Iterable[EdgeRef], history: UserHistory | None = None) -> Facts:
    """Read every edge again, in one statement; where the graph does not answer, in the catalogue and the history that
    are in memory."""
    wanted = list(edges)
    try:
        with context.memory():
            return await verify_edges(context.services.graph, wanted)
    except AWAY as error:
        own = history.facts if history else {}
        snapshot = context.remembered(error)
        context.lack.absent.update(name for edge in wanted for name in FORGOTTEN.get(edge.relation, ()))
        return {**recall_edges(snapshot, wanted), **{edge: own[edge] for edge in wanted if edge in own}}


def standing(found: Found, facts: Facts, count: int) -> list[Reason]:
    """The first `count` reasons all of whose edges are in the graph."""
    return [reason for reason in found.reasons if all(edge in facts for edge in reason.all_edges)][:count]


def path_nodes(reason: Reason) -> tuple[NodeRef, ...]:
    """The nodes of a reason, with the user in front where the path begins with an edge of theirs."""
    return (reason.source.start, *reason.nodes) if reason.source else reason.nodes


@dataclass(frozen=True, slots=True)
class Speaker:
    """Shows the reasons of one answer."""

    snapshot: Snapshot
    facts: Facts
    hydrated: Hydrated
    cursors: Cursors
    model_version: str

    def show(self, reason: Reason, positive: float) -> ShownReason:
        """A verified reason as the API has it."""
        walked = Walked(path_nodes(reason), reason.all_edges, self.facts, self.hydrated)
        return ShownReason(
            seal=partial(seal, self.cursors, reason, self.model_version, self._said(reason)),
            sentence=sentence(reason, self.facts, self._name),
            contribution=reason.contribution,
            share=reason.contribution / positive if positive else 0.0,
            path=Path(walked=walked),
        )

    def _said(self, reason: Reason) -> float | None:
        """What the user said that it begins with: stars, or the weight of a preference."""
        facts = self.facts.get(reason.source, {}) if reason.source else {}
        said: float | None = facts.get("rating", facts.get("weight"))
        return said

    def _name(self, node: NodeRef) -> str:
        return self.snapshot.names[self.snapshot.find(node)]


def seal(cursors: Cursors, reason: Reason, model_version: str, said: float | None) -> str:
    """An id that holds the path by keys, and what the user said: nothing has to be kept to check it later."""
    owner = reason.source.start.id if reason.source else None
    edges = [[edge.relation.value, str(edge.start), str(edge.end)] for edge in reason.all_edges]
    return cursors.seal(KIND, [owner, model_version, edges, said])


async def check(reader: Reader, cursors: Cursors, explanation: str, user_id: str | None) -> ExplanationCheck:
    """Whether each relationship of an explanation is still in the graph, and says what it said. Somebody else's is not
    found."""
    try:
        owner, model_version, parts, said = cursors.open(KIND, explanation)
    except InvalidInput as error:
        raise InvalidInput(
            f"{explanation[:60]!r} is not the id of an explanation that this server gave; 'why' gives such ids"
        ) from error
    if owner is not None and owner != user_id:
        raise NotFound("there is no such explanation for this user; send the token of the one who was given it")
    edges = [edge_of(*part) for part in parts]
    now = await find_edges(reader, edges, model_version, said)
    segments = [_checked(edge, found) for edge, found in zip(edges, now, strict=True)]
    return ExplanationCheck(
        id=strawberry.ID(explanation),
        holds=all(segment.holds for segment in segments),
        model_version=model_version,
        segments=segments,
    )


def _checked(edge: EdgeRef, found: EdgeRef | None) -> CheckedSegment:
    return CheckedSegment(
        relation=RelationKind[edge.relation.name],
        start=strawberry.ID(str(edge.start)),
        end=strawberry.ID(str(edge.end)),
        holds=found is not None,
    )
