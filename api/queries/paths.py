"""Paths between any two nodes: found in memory, verified and read in the graph."""

import asyncio
from asyncio import gather
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import strawberry

from api.arguments import require
from api.compiler.compiler import DEFAULT_FIRST, page_size
from api.context import Context, Info
from api.explaining import verify
from api.freshness import fresh, refuse_stale
from api.hydration import hydrated
from api.ids import Cursors, parse_id
from api.types.arguments import After, First
from api.types.build import PageInfo
from api.types.explanations import Path, RelationKind, Walked
from cinegraph.errors import InvalidInput
from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.paths import PathKey, UserEdges, find_paths
from graph.snapshot import Snapshot
from recommenders.histories import UserHistory

CURSOR = "paths"
DEFAULT_HOPS = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client asked for."""

    ends: tuple[NodeRef, NodeRef]
    max_hops: int
    via: list[Relation] | None
    first: int
    after: PathKey | None
    cursor: str
    """The kind of its cursors: those of another question are refused."""


@strawberry.type(description="One path between two nodes.")
class PathEdge:
    cursor: str = strawberry.field(description="Where this path stands; give it as `after`.")
    node: Path = strawberry.field(description="The path.")
    cost: float = strawberry.field(
        description="Bits: log2(2 + degree) of each inner node, plus 1 for each relationship. Low tells much."
    )


@strawberry.type(description="A page of paths, the most informative first.")
class PathConnection:
    edges: list[PathEdge] = strawberry.field(description="The page, with costs.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    complete: bool = strawberry.field(
        description="False where the search gave up, since too many ways lead on: there may be more paths than these."
    )

    @strawberry.field(description="The paths alone.")
    def nodes(self) -> list[Path]:
        return [edge.node for edge in self.edges]


@strawberry.type
class PathQuery:
    """Root fields about paths."""

    @strawberry.field(
        description="The most informative simple paths between two nodes, over rare people and keywords before common "
        "genres. A user can be an end for that user alone, and then the way leads over their own ratings."
    )
    async def paths(
        self,
        info: Info,
        from_: Annotated[strawberry.ID, strawberry.argument(name="from", description="Id of the node to begin at.")],
        to: Annotated[strawberry.ID, strawberry.argument(description="Id of the node to end at.")],
        max_hops: Annotated[
            int, strawberry.argument(description="Relationships of a path at most, 1 to 6.")
        ] = DEFAULT_HOPS,
        via: Annotated[
            list[RelationKind] | None,
            strawberry.argument(
                description="The types of relationships to walk; null is all, an empty list finds nothing."
            ),
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> PathConnection | None:
        first = page_size("paths", first)
        ends, relations = (parse_id(from_), parse_id(to)), _relations(via)
        if ends[0] == ends[1]:
            raise InvalidInput(f"both ends are {ends[0]}; a path leads from one node to another")
        kind = f"{CURSOR} {ends[0]} {ends[1]} {max_hops} {sorted(relations) if relations is not None else 'all'}"
        mark = _mark(info.context.services.cursors, kind, after)
        asked = Asked(ends, max_hops, relations, first, mark, kind)
        await require(info, (end for end in ends if end.label is not Label.USER))
        return await fresh(info.context, partial(_paths, info, asked))


def _relations(via: Sequence[Any] | None) -> list[Relation] | None:
    return None if via is None else [Relation(one.value) for one in via]


async def _paths(info: Info, asked: Asked) -> PathConnection:
    services = info.context.services
    snapshot = services.serving.state.snapshot
    history = await _history(info.context, asked.ends)
    search = partial(
        find_paths,
        snapshot,
        *asked.ends,
        max_hops=asked.max_hops,
        most=asked.first + 1,
        via=asked.via,
        own=_own(snapshot, history),
        after=asked.after,
    )
    found = await asyncio.to_thread(search)  # others are answered meanwhile
    page = found.paths[: asked.first]
    nodes = {node for path in page for node in path.nodes}
    reading = hydrated(info._raw_info, lambda _: nodes, user_id=history.user_id if history else None)
    facts, read = await gather(verify(info.context, (edge for path in page for edge in path.edges), history), reading)
    if history:
        refuse_stale(history, read)
    cursors = [services.cursors.seal(asked.cursor, list(path.key)) for path in page]
    edges = [
        PathEdge(cursor=cursor, node=Path(walked=Walked(path.nodes, path.edges, facts, read)), cost=path.cost)
        for cursor, path in zip(cursors, page, strict=True)
        if all(edge in facts for edge in path.edges)
    ]
    page_info = PageInfo.of(cursors, continued=asked.after is not None, more=len(found.paths) > asked.first)
    return PathConnection(edges=edges, page_info=page_info, complete=found.complete)


def _mark(cursors: Cursors, kind: str, after: str | None) -> PathKey | None:
    if after is None:
        return None
    cost, nodes, relations, numbers = cursors.open(kind, after)
    return cost, tuple(nodes), tuple(relations), tuple(numbers)


async def _history(context: Context, ends: tuple[NodeRef, NodeRef]) -> UserHistory | None:
    """The caller's history, where an end is the caller; another user's node is as if it did not exist."""
    users = [end for end in ends if end.label is Label.USER]
    if not users:
        return None
    user_id = context.signed_in()
    for user in users:
        if user.id != user_id:
            raise InvalidInput(f"{user} is not the caller; paths from a user are for that user alone")
    return await context.services.serving.histories.get(user_id)


def _own(snapshot: Snapshot, history: UserHistory | None) -> UserEdges | None:
    """The caller's ratings as relationships beside the catalogue's."""
    if history is None or history.user_id is None:
        return None
    edges: dict[int, EdgeRef] = {}
    for rated in history.ratings:
        edge, number = history.rating_edge(rated), snapshot.find(NodeRef(Label.MOVIE, rated.movie_id))
        if edge is not None and number >= 0:
            edges[number] = edge
    return UserEdges(NodeRef(Label.USER, history.user_id), edges)
