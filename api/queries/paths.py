"""Paths between any two nodes: found in memory, verified and read in the graph."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry

from api.compiler.compiler import DEFAULT_FIRST, MAX_FIRST
from api.context import Context, Info
from api.hydration import hydrated
from api.ids import Cursors, parse_id
from api.types.build import PageInfo
from api.types.explanations import Path, RelationKind, Walked
from cinegraph.errors import InvalidInput
from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.paths import FoundPath, PathKey, UserEdges, find_paths
from graph.snapshot import Snapshot
from graph.verify import verify_edges

CURSOR = "paths"
DEFAULT_HOPS = 4


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
        max_hops: int = DEFAULT_HOPS,
        via: list[RelationKind] | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> PathConnection:
        return await _paths(info, parse_id(from_), parse_id(to), max_hops, _relations(via), first, after)


def _relations(via: Sequence[Any] | None) -> list[Relation] | None:
    return None if via is None else [Relation(one.value) for one in via]


async def _paths(
    info: Info,
    start: NodeRef,
    goal: NodeRef,
    max_hops: int,
    via: list[Relation] | None,
    first: int,
    after: str | None,
) -> PathConnection:
    if not 1 <= first <= MAX_FIRST:
        raise InvalidInput(f"paths(first: {first}): a page has 1 to {MAX_FIRST} items")
    services = info.context.services
    snapshot = services.serving.state.snapshot
    own = await _own(info.context, snapshot, (start, goal))
    mark = _mark(services.cursors, after)
    found = find_paths(snapshot, start, goal, max_hops=max_hops, count=first + 1, via=via, own=own, after=mark)
    facts = await verify_edges(services.graph, (edge for path in found for edge in path.edges))
    cursors = {path: services.cursors.seal(CURSOR, list(path.key)) for path in found[:first]}
    page = [path for path in cursors if _stands(path, facts)]
    read = await hydrated(info._raw_info, lambda _: {node for path in page for node in path.nodes})
    edges = [
        PathEdge(
            cursor=cursors[path],
            node=Path(walked=Walked(path.nodes, path.edges, facts, read)),
            cost=path.cost,
        )
        for path in page
    ]
    return PathConnection(
        edges=edges, page_info=_page_info(list(cursors.values()), mark is not None, len(found) > first)
    )


def _mark(cursors: Cursors, after: str | None) -> PathKey | None:
    if after is None:
        return None
    cost, nodes, relations, numbers = cursors.open(CURSOR, after)
    return cost, tuple(nodes), tuple(relations), tuple(numbers)


def _stands(path: FoundPath, facts: Any) -> bool:
    return all(edge in facts for edge in path.edges)


def _page_info(cursors: list[str], continued: bool, more: bool) -> PageInfo:
    """Of the page as it was found, so that the way on does not end where its last paths are gone."""
    ends = (cursors[0], cursors[-1]) if cursors else (None, None)
    return PageInfo(has_next_page=more, has_previous_page=continued, start_cursor=ends[0], end_cursor=ends[1])


async def _own(context: Context, snapshot: Snapshot, ends: tuple[NodeRef, NodeRef]) -> UserEdges | None:
    """The caller's own ratings, where an end is the caller; another user's node is as if it did not exist."""
    users = [end for end in ends if end.label is Label.USER]
    if not users:
        return None
    user_id = context.signed_in()
    for user in users:
        if user.id != user_id:
            raise InvalidInput(f"{user} is not the caller; paths from a user are for that user alone")
    history = await context.services.serving.histories.get(user_id)
    edges: dict[int, EdgeRef] = {}
    for rated in history.ratings:
        edge, number = history.rating_edge(rated), snapshot.find(NodeRef(Label.MOVIE, rated.movie_id))
        if edge is not None and number >= 0:
            edges[number] = edge
    return UserEdges(users[0], edges)
