"""Scalars that the graph keeps in another form than the API shows."""

import json
from datetime import UTC, datetime
from typing import NewType

import strawberry

from cinegraph.errors import InvalidInput

DateTime = NewType("DateTime", int)
"""Milliseconds since 1970 in the graph, ISO 8601 in UTC for the client."""

JsonText = NewType("JsonText", str)
"""JSON as text in the graph, as it is for the client; nothing takes it as an argument."""


def show(millis: int) -> str:
    """2019-01-31T12:00:00.000Z"""
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: object) -> int:
    """Milliseconds; a time without a zone is UTC."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a time; write it like 2019-01-31T12:00:00Z") from error
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


DATE_TIME = strawberry.scalar(name="DateTime", description="A time in UTC, ISO 8601.", serialize=show, parse_value=read)
JSON_TEXT = strawberry.scalar(name="JSON", description="Objects, lists, texts and numbers.", serialize=json.loads)
