"""Arguments of root fields that the server itself has to understand."""

from collections.abc import Iterable
from typing import Any, Final

from graphql import GraphQLResolveInfo, GraphQLUnionType, get_named_type

from api.compiler.planner import coerced, selected_at
from api.compiler.selection import Scope, Selected, fields_of
from api.context import Context, Info
from api.types.filters import nodes_of, to_filter
from cinegraph.errors import InvalidInput, NotFound
from cinegraph.types import MovieFilter, NodeRef
from graph.snapshot import UNKNOWN
from graph.verify import find_missing

NAMED: Final = 10
"""Nodes that a message names."""
MAX_WHY: Final = 10
"""Reasons for one movie."""


async def asked_filter(info: Info) -> MovieFilter:
    """The field's `filter`; `NotFound` names the ids in it that nothing has."""
    wanted = to_filter(_plain(info, "filter"))
    await require(info, nodes_of(wanted))
    return wanted


def why_of(info: "GraphQLResolveInfo[Context]") -> int:
    """How many reasons a movie needs: the most that any `why` below the field asks for, 0 without one."""
    scope = Scope(info.schema, info.fragments, coerced(info))
    default = info.context.services.why
    counts = [_count(scope, one, default) for one in _whys(scope, selected_at(info))]
    for count in counts:
        if not 1 <= count <= MAX_WHY:
            raise InvalidInput(f"why(first: {count}): 1 to {MAX_WHY} reasons can be asked for")
    return max(counts, default=0)


def _count(scope: Scope, selected: Selected, default: int) -> int:
    count = selected.argument("first").value(scope.variables)
    return default if count is None else int(count)


def _whys(scope: Scope, selected: Selected) -> Iterable[Selected]:
    kind: Any = get_named_type(selected.definition.type) if selected.definition else None
    for type_ in scope.schema.get_possible_types(kind) if isinstance(kind, GraphQLUnionType) else [kind]:
        for one in fields_of(scope, type_, selected.sets):
            if one.name == "why":
                yield one
            elif one.name in ("edges", "movies"):
                yield from _whys(scope, one)


async def require(info: Info, nodes: Iterable[NodeRef]) -> None:
    """Raise `NotFound` with those of the nodes that do not exist; the graph is asked about what is not in memory."""
    services = info.context.services
    snapshot = services.serving.state.snapshot
    missing = await find_missing(services.graph, (node for node in nodes if snapshot.find(node) == UNKNOWN))
    if missing:
        named, more = ", ".join(map(str, missing[:NAMED])), len(missing) - NAMED
        named += f" and {more} more" if more > 0 else ""
        raise NotFound(f"not in the catalogue: {named}; leave out what is gone, and take ids from what the API shows")


def _plain(info: Info, name: str) -> Any:
    """An argument as plain data, as the compiler sees it too."""
    return selected_at(info._raw_info).argument(name).value(coerced(info._raw_info))
