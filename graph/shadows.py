"""Which model version scores beside the active one, and what servers counted of it, as the graph has both.

The setting is on the graph's `Meta` node. Figures are a node for each version, moment of beginning and server, which
that server alone writes, so that nothing is locked; they are summed up when they are read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cinegraph.types import Millis
from graph.catalog import read_statement, write_statement
from graph.client import Reader, Writer


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A version that scores this share of requests, from 0 to 1, since that moment."""

    version: str
    share: float
    since: Millis


@dataclass(frozen=True, slots=True)
class Noted:
    """What one server has counted."""

    version: str
    since: Millis
    server: str
    figures: Mapping[str, Any]
    at: Millis


async def read_shadowed(reader: Reader) -> Shadowed | None:
    """The version in the shadow; None without one."""
    rows = await reader.read(read_statement("model/shadowed"))
    if not rows or rows[0]["version"] is None:
        return None
    return Shadowed(rows[0]["version"], rows[0]["share"], rows[0]["since"])


async def write_shadowed(writer: Writer, version: str | None, share: float = 1.0) -> None:
    """Put a version in the shadow, what was counted of it before is gone; or none."""
    given = None if version is None else share
    await writer.write(write_statement("model/shadow"), version=version, share=given)


async def note_figures(writer: Writer, of: Shadowed, server: str, figures: Mapping[str, Any]) -> None:
    """Write what this server has counted by now, in the place of what it wrote before."""
    await writer.write(
        write_statement("model/note_shadow"),
        id=f"{of.version}@{of.since}@{server}",
        version=of.version,
        since=of.since,
        server=server,
        figures=json.dumps(figures, sort_keys=True),
    )


async def read_figures(reader: Reader) -> list[Noted]:
    """What every server has counted since its version was put in the shadow the last time."""
    rows = await reader.read(read_statement("model/shadow_figures"))
    last = {row["version"]: row["since"] for row in sorted(rows, key=lambda row: int(row["since"]))}
    return [
        Noted(row["version"], row["since"], row["server"], json.loads(row["figures"]), row["at"])
        for row in rows
        if row["since"] == last[row["version"]]
    ]
