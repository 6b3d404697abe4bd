"""Arguments of root fields that the server itself has to understand."""

from typing import Any

from api.compiler.binding import Argument
from api.compiler.planner import coerced, selected_at
from api.context import Info
from api.types.filters import to_filter
from cinegraph.types import MovieFilter


def asked_filter(info: Info) -> MovieFilter:
    """The field's `filter`; `NotFound` for an id in it that the catalogue does not have."""
    return to_filter(_plain(info, "filter"), info.context.services.serving.state.snapshot)


def _plain(info: Info, name: str) -> Any:
    """An argument as plain data, as the compiler sees it too."""
    selected = selected_at(info._raw_info)
    assert selected.definition is not None
    return Argument(selected.arguments.get(name), selected.definition.args[name].type).value(coerced(info._raw_info))
