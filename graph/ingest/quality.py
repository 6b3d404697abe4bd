"""The quality report: what is in the graph, how much is known, and what is odd, the same bytes for the same graph.

What a source says of itself (its rows, its contradictions with another) is kept with its record in the graph; what the
graph says of itself is asked of it each time. Nothing in the report depends on the time, the machine or a path.
"""

import io
import json
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from graph.catalog import read_statement
from graph.client import Reader
from graph.ingest.findings import Findings
from graph.ingest.quarantine import BadRow

SHOWN: Final = 10
"""Findings of one kind in the text; the JSON has up to `LISTED`."""
WIDTH: Final = 120

KINDS: Final = {
    "wrong_link": "links that seem to lead to another film",
    "year_differs": "years more than one apart between MovieLens and TMDB",
    "title_differs": "titles that have little in common between MovieLens and TMDB",
    "imdb_differs": "ids at IMDb that contradict each other",
    "no_link": "movies without an id at TMDB",
    "broken_link": "links to TMDB that brought no facts",
    "shared_link": "films of TMDB that several movies link to",
    "unlinked_film": "films of TMDB that no movie links to",
    "repeated_film": "films that a source has twice",
    "repeated_rating": "ratings that a source has twice",
    "same_film": "movies of one title and year",
    "same_name": "people of one name in one movie",
    "no_year": "movies without a year",
    "orphan": "nodes without any relationship",
}
"""Every kind of finding, in the order of the report."""


@dataclass(frozen=True)
class QualityReport:
    """What one ingestion found; `unchanged` says that the source was in the graph already and was left alone."""

    source: str
    unchanged: bool
    nodes: dict[str, int]
    relationships: dict[str, int]
    movies: int
    known: dict[str, int]
    findings: Findings

    def as_json(self) -> str:
        """The whole report, one value a line, in a stable order: two of them can be compared with `diff`."""
        values: dict[str, Any] = {
            "source": self.source,
            "unchanged": self.unchanged,
            "nodes": self.nodes,
            "relationships": self.relationships,
            "coverage": {"movies": self.movies, **self.known},
            **self.findings.as_json(),
        }
        return json.dumps(values, ensure_ascii=False, indent=2) + "\n"

    def as_text(self) -> str:
        """Tables of what there is, and the first of each kind of finding."""
        out = io.StringIO()
        console = Console(
            file=out,
            width=WIDTH,
            force_terminal=False,
            color_system=None,
            legacy_windows=False,
            markup=False,  # titles may hold "[…]" and ":…:"
            emoji=False,
            highlight=False,
        )
        state = ", which is in the graph already" if self.unchanged else ""
        console.print(f"Quality of {self.source}{state}\n")
        console.print(self._rows_table())
        console.print(self._counts_table())
        console.print(self._coverage_table())
        console.print(self._findings_table())
        return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())

    def _rows_table(self) -> Table:
        table = _table("file", "rows", "bad", "the first bad ones")
        for file, (read, bad) in sorted(self.findings.rows.items()):
            first = [BadRow(**row).words() for row in self.findings.bad_rows if row["file"] == file]
            table.add_row(file, f"{read:,}", f"{bad:,}", "\n".join(first))
        return table

    def _counts_table(self) -> Table:
        table = _table("nodes", "number", "relationships", "number", numbers=(1, 3))
        nodes = [*sorted(self.nodes.items()), ("all", sum(self.nodes.values()))]
        relationships = [*sorted(self.relationships.items()), ("all", sum(self.relationships.values()))]
        for n in range(max(len(nodes), len(relationships))):
            left = (nodes[n][0], f"{nodes[n][1]:,}") if n < len(nodes) else ("", "")
            right = (relationships[n][0], f"{relationships[n][1]:,}") if n < len(relationships) else ("", "")
            table.add_row(*left, *right)
        return table

    def _coverage_table(self) -> Table:
        table = _table("known of movies", "number", "share", numbers=(1, 2))
        for field, known in sorted(self.known.items()):
            table.add_row(field, f"{known:,}", f"{known / self.movies:.1%}" if self.movies else "")
        return table

    def _findings_table(self) -> Table:
        table = _table("found", "number", "the first", numbers=(1,))
        for kind, words in KINDS.items():
            listed = sorted(self.findings.listed.get(kind, ()))[:SHOWN]
            first = "\n".join(": ".join(filter(None, found)) for found in listed)
            table.add_row(words, f"{self.findings.counts[kind]:,}", first)
        return table


def _table(*columns: str, numbers: tuple[int, ...] = (1, 2)) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number in numbers else "left", overflow="fold")
    return table


async def report(reader: Reader, source: str, findings: Findings, unchanged: bool) -> QualityReport:
    """The report of a source on the graph as it is now."""
    (counts,) = [row async for row in reader.stream(read_statement("quality/counts"))]
    (coverage,) = [row async for row in reader.stream(read_statement("quality/coverage"))]
    whole = Findings.from_json(findings.as_json())
    for kind, statement in _CHECKS.items():
        async for row in reader.stream(read_statement(statement)):
            whole.add(kind, row["subject"], row["detail"])
    return QualityReport(
        source=source,
        unchanged=unchanged,
        nodes=dict(sorted(counts["nodes"].items())),
        relationships=dict(sorted(counts["relationships"].items())),
        movies=coverage["movies"],
        known=dict(sorted(coverage["known"].items())),
        findings=whole,
    )


_CHECKS: Final = {
    "year_differs": "quality/year_differs",
    "no_link": "quality/no_link",
    "broken_link": "quality/broken_link",
    "shared_link": "quality/shared_link",
    "same_film": "quality/same_film",
    "same_name": "quality/same_name",
    "no_year": "quality/no_year",
    "orphan": "quality/orphan",
}
