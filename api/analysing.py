"""`extensions.cypher`: the statements that an answer was made of, for analysts, and what they cost the graph.

A request asks with `{"extensions": {"cypher": true}}`; `profile` in the place of `cypher` asks for rows and database
hits too. It is for administrators, and for everybody in development, where the values of parameters are shown as well.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.errors import Refused
from api.observing import Seen
from cinegraph.errors import Forbidden, GraphError
from cinegraph.telemetry import Sent
from graph.client import Reader

ASKING: Final = ("cypher", "profile")
NOT_ALLOWED: Final = (
    "extensions.cypher and extensions.profile are for administrators: "
    "send a token that cinegraph token USER --admin made"
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a request wants to see beside its answer."""

    profile: bool

    def allow(self, admin: bool, development: bool) -> None:
        """Raise `Refused` where the caller may not see it."""
        if not admin and not development:
            raise Refused(403, Forbidden.code, NOT_ALLOWED)

    async def shown(self, reader: Reader, seen: Seen, values: bool) -> list[dict[str, Any]]:
        """The statements of the request in the order in which they were sent, with the values of their parameters where
        that is said."""
        statements, seen.kept = sorted(seen.kept or (), key=lambda one: one.began), None
        return [await self._shown(reader, one, values) for one in statements]

    async def _shown(self, reader: Reader, sent: Sent, values: bool) -> dict[str, Any]:
        found: dict[str, Any] = {
            "field": sent.path or None,
            "statement": sent.name or None,
            "access": "write" if sent.writes else "read",
            "cypher": sent.text,
            "parameters": sorted(sent.parameters),
            "durationMs": round(sent.seconds * 1000, 3),
            "code": sent.code,
        }
        if values:
            found["values"] = json.loads(json.dumps(dict(sent.parameters), default=str))
        if self.profile:
            found["profile"] = None if sent.writes else await _profile(reader, sent)
        return found


async def _profile(reader: Reader, sent: Sent) -> dict[str, Any]:
    """The statement once more, as the graph is now; one that writes would write again, and is never asked."""
    try:
        found = await reader.profile(sent.text, sent.parameters)
    except GraphError as error:
        return {"code": error.code}
    operators = [
        {"operator": one.name, "details": one.details, "depth": one.depth, "rows": one.rows, "dbHits": one.db_hits}
        for one in found.operators
    ]
    return {"rows": found.rows, "dbHits": found.db_hits, "operators": operators}


def look_of(extensions: Mapping[str, Any] | None) -> Look | None:
    """What the extensions of a request ask to see; `Refused` for what is neither true nor false."""
    wanted = set[str]()
    for name in ASKING:
        value = (extensions or {}).get(name)
        if value is not None and not isinstance(value, bool):
            raise Refused(400, "BAD_REQUEST", f"extensions.{name} must be true or false, not {json.dumps(value)[:100]}")
        if value:
            wanted.add(name)
    return Look("profile" in wanted) if wanted else None
