"""Cypher from analysts: what the plan says it does decides, not the text; and the session's mode is a second lock.

A statement is explained first. It runs only when its plan reads alone, loads no file and no address, and calls only
procedures of the list below. Time, rows and (in the local server's configuration) memory are limited.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cinegraph.errors import GraphStatementFailed, InvalidInput, WriteRefused
from graph.catalog import bare
from graph.client import Row, SessionFactory

PROCEDURES: Final = frozenset(
    {
        "db.awaitindexes",
        "db.index.fulltext.listavailableanalyzers",
        "db.index.fulltext.querynodes",
        "db.index.fulltext.queryrelationships",
        "db.index.vector.querynodes",
        "db.info",
        "db.labels",
        "db.propertykeys",
        "db.relationshiptypes",
        "db.schema.nodetypeproperties",
        "db.schema.reltypeproperties",
        "db.schema.visualization",
    }
)
KINDS: Final = {"w": "writes", "rw": "writes", "s": "is about the schema, the users or the settings of the server"}
"""What a plan of a type that is refused does."""
COMMANDS: Final = ("Show", "Terminate")
"""How operators of commands begin, which count as reading even where they end what others do, or show it."""
SHOWN: Final = frozenset({"ShowIndexes", "ShowConstraints", "ShowFunctions", "ShowProcedures"})
ALLOWED: Final = ", ".join(sorted(name.replace("Show", "SHOW ").upper() for name in SHOWN))
UNRECOGNIZED: Final = "UNRECOGNIZED"
"""The class of Neo4j's notes on names that nothing in the graph has."""
UNDEFINED: Final = "01N60"
"""The status of a statement that lacks parameters."""
PREFIXES: Final = ("EXPLAIN", "PROFILE")
MAX_LENGTH: Final = 20_000
EXPLAINED: Final = len("EXPLAIN ")


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a statement; `cut` is true where the row limit left some out. `notes` name the labels, types and
    properties in it that nothing in the graph has."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    cut: bool
    notes: tuple[str, ...] = ()


async def run_readonly(
    session: SessionFactory,
    text: str,
    parameters: Mapping[str, Any] = {},
    *,
    timeout: float = 5.0,
    max_rows: int = 10_000,
) -> Table:
    """The rows of a reading statement; `WriteRefused` for one that could do more than read, `InvalidInput` for one that
    is none."""
    _refuse_text(text)
    given = dict(parameters)
    try:
        summary = await session.explain(text, given)
    except GraphStatementFailed as error:
        raise InvalidInput(_as_written(str(error))) from error
    refuse_writing(summary.query_type, summary.plan)
    notes = [note for note in summary.gql_status_objects if note.is_notification]
    for note in notes:
        if note.gql_status == UNDEFINED:
            names = ", ".join(re.findall("`(.+?)`", note.status_description))
            raise InvalidInput(f"the statement has parameters without a value: {names}")
    columns, rows = await session.read_some(text, given, timeout, max_rows + 1)
    unknown = (note.status_description for note in notes if note.raw_classification == UNRECOGNIZED)
    said = dict.fromkeys(words.partition(". ")[2] for words in unknown)
    return Table(columns, tuple(rows[:max_rows]), len(rows) > max_rows, tuple(said))


def _as_written(message: str) -> str:
    """Neo4j's words on a statement, with the places as they are without the `EXPLAIN ` before it."""
    message = re.sub(r" \(offset: \d+\)", "", message)
    if "(line 0," in message:  # about the whole
        return message.partition(" (line 0,")[0]
    if "line 1," in message:
        message = re.sub(r"(?<=line 1, column )\d+", lambda column: str(int(column[0]) - EXPLAINED), message)
        message = re.sub(rf"\n {{{EXPLAINED}}}( *\^)", r"\n\1", message.replace('"EXPLAIN ', '"'))
    return message


def _refuse_text(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"the statement has {len(text)} characters; {MAX_LENGTH} is the most")
    words = bare(text).split()
    if not words:
        raise InvalidInput("there is no statement; give a reading one, docs/cypher.md has ten")
    if words[0].upper() in PREFIXES:
        raise InvalidInput(f"{words[0]} is not taken: statements are explained before they run")


def refuse_writing(query_type: str | None, plan: dict[str, Any] | None) -> None:
    """Refuse by the plan: its type, its operators, the procedures that it calls."""
    operators = list(_operators(plan)) if plan else []
    if query_type != "r":
        raise WriteRefused(
            f"this statement {KINDS.get(query_type or '', 'does more than read')}; only reading is allowed"
        )
    for operator in operators:
        name = operator["operatorType"].partition("@")[0]
        if name.startswith("LoadCSV"):
            raise WriteRefused("LOAD CSV reads files and addresses of the server; it is not allowed here")
        if name.startswith(COMMANDS) and name not in SHOWN:
            raise WriteRefused(f"{name} shows or ends what others do; of the commands these are allowed: {ALLOWED}")
        if name == "ProcedureCall":
            _refuse_procedure(str(operator["args"].get("Details", "")))


def _refuse_procedure(details: str) -> None:
    name = details.partition("(")[0].strip().lower()
    if name not in PROCEDURES:
        allowed = ", ".join(sorted(PROCEDURES))
        raise WriteRefused(f"the procedure {name!r} is not allowed here; these are: {allowed}")


def _operators(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("children", ()):
        yield from _operators(child)
