"""The tables of `docs/performance.md` and of the README: what answers cost, and how they stand what comes."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.graphql import report as graphql_report
from benchmarks.tables.cells import RESULTS, markdown, plain, result


def stages() -> str:
    """A row a stage of an answer."""
    found = result("stages")["cpu_ms"]
    names = next(iter(found.values()))
    rows = ((name, *(f"{row[name]:.2f}" for row in found.values())) for name in names)
    return markdown(("CPU, ms", *found), rows)


def figures(name: str) -> Callable[[], str]:
    """A row a figure of a benchmark that has only figures."""

    def table() -> str:
        found = result(name)
        rows = ((what, plain(figure)) for what, figure in found.items() if what != "machine")
        return markdown(("what", "figure"), rows)

    return table


def attacked() -> str:
    """A row an attack, beside what came as usual."""
    head = ("attack", "p50, ms", "p99, ms", "p99 to usual", "failed", "what the attack was answered")
    if not (RESULTS / "attacked.json").exists():
        return markdown(head, iter([("not measured yet", *[""] * (len(head) - 1))]))
    found = result("attacked")
    rows = [{"attack": "none", **found["as usual"]}, *found["attacks"]]
    return markdown(head, map(attacked_row, rows))


def attacked_row(row: dict[str, Any]) -> Sequence[str]:
    came = ", ".join(f"{status}: {count:,}" for status, count in row.get("answered", {}).items())
    ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
    return (row["attack"], f"{row['p50']:.1f}", f"{row['p99']:.1f}", ratio, f"{row['failed']:,}", came)


def drivers() -> str:
    """A row a way to read."""
    found = result("drivers")
    head = (f"way, {found['readers']} readers", "reads/s", "p50, ms", "p99, ms", "CPU, ms a read")
    return markdown(head, (drivers_row(name, row) for name, row in found["ways"].items()))


def drivers_row(name: str, row: dict[str, float]) -> Sequence[str]:
    return (name, f"{row['reads']:,.0f}", f"{row['p50']:.1f}", f"{row['p99']:.1f}", f"{row['cpu']:.2f}")


def memory() -> str:
    """A row a part of what is kept in memory, a column a size."""
    found = result("memory")["rows"]
    names = [name for name in found[0] if name != "movies"]
    rows = ((name, *(plain(row[name]) for row in found)) for name in names)
    return markdown(("what", *(f"{row['movies']:,} movies" for row in found)), rows)


def graphql() -> str:
    """A row an operation and server, as `benchmarks.graphql` prints it."""
    if not graphql_report.RESULT.exists():
        return markdown(graphql_report.HEAD, iter([("not measured yet", *[""] * (len(graphql_report.HEAD) - 1))]))
    return markdown(graphql_report.HEAD, graphql_report.rows(result("graphql")))


def graphql_short() -> str:
    """A row an operation that Apollo has too."""
    return markdown(graphql_report.SHORT, graphql_report.short(result("graphql")))


def graphql_setting() -> str:
    """What it was measured on, and with what."""
    found = result("graphql") if graphql_report.RESULT.exists() else {}
    return markdown(("what", "which"), graphql_report.setting(found))
