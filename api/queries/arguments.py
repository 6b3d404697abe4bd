"""Arguments of root fields that the server itself has to understand."""

from collections.abc import Iterable
from typing import Any, Final

from api.compiler.planner import coerced, selected_at
from api.context import Info
from api.types.filters import nodes_of, to_filter
from cinegraph.errors import NotFound
from cinegraph.types import MovieFilter, NodeRef
from graph.snapshot import UNKNOWN
from graph.verify import find_missing

NAMED: Final = 10
"""Nodes that a message names."""


async def asked_filter(info: Info) -> MovieFilter:
    """The field's `filter`; `NotFound` names the ids in it that nothing has."""
    wanted = to_filter(_plain(info, "filter"))
    await require(info, nodes_of(wanted))
    return wanted


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
