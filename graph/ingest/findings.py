"""What is odd about a source without being wrong in a row: each with its subject, so that two runs can be compared."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

LISTED: Final = 1_000
"""Findings of one kind that are listed; the others are counted."""


class Finding(NamedTuple):
    """One odd thing: what it is about, and what is odd about it."""

    subject: str
    detail: str


@dataclass
class Findings:
    """All odd things of a source by kind, with the numbers of rows that were read and refused."""

    counts: Counter[str] = field(default_factory=Counter)
    listed: defaultdict[str, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    bad_rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, subject: str, detail: str = "") -> None:
        """Note one."""
        self.counts[kind] += 1
        if len(self.listed[kind]) < LISTED:
            self.listed[kind].append(Finding(subject, detail))

    def as_json(self) -> dict[str, Any]:
        """As plain values, in a stable order."""
        kinds = {
            kind: {"count": self.counts[kind], "listed": [list(found) for found in sorted(self.listed[kind])]}
            for kind in sorted(self.counts)
        }
        rows = {file: {"read": read, "bad": bad} for file, (read, bad) in sorted(self.rows.items())}
        return {"rows": rows, "bad_rows": self.bad_rows, "findings": kinds}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The findings again."""
        found = cls(bad_rows=list(values.get("bad_rows", ())))
        for kind, one in values.get("findings", {}).items():
            found.counts[kind] = one["count"]
            found.listed[kind] = [Finding(*pair) for pair in one["listed"]]
        found.rows = {file: (rows["read"], rows["bad"]) for file, rows in values.get("rows", {}).items()}
        return found
