"""What a statement did, by Neo4j's own account: rows and database hits of each operator of its plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operator:
    """One step of a plan, `depth` steps below the last one; what it says of itself names parameters, not values."""

    name: str
    details: str
    depth: int
    rows: int
    db_hits: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A statement as it ran: rows of its answer, all of its database hits, and its operators, the last one first."""

    rows: int
    db_hits: int
    operators: tuple[Operator, ...]


def profile_of(plan: Mapping[str, Any]) -> Profile:
    """Of a plan as the driver has it."""
    operators = tuple(_operators(plan, 0))
    return Profile(operators[0].rows, sum(one.db_hits for one in operators), operators)


def _operators(step: Mapping[str, Any], depth: int) -> Iterator[Operator]:
    arguments: Mapping[str, Any] = step.get("args", {})
    name = str(step["operatorType"]).partition("@")[0]
    hits = int(step.get("dbHits", arguments.get("DbHits", 0)))
    yield Operator(name, str(arguments.get("Details", "")), depth, int(step.get("rows", 0)), hits)
    for child in step.get("children", ()):
        yield from _operators(child, depth + 1)
