"""The table says what the result does."""

from dataclasses import replace
from pathlib import Path

from benchmarks.graphql import report
from benchmarks.graphql.database import Work
from benchmarks.graphql.measure import Round, medians
from benchmarks.graphql.operations import OPERATIONS
from benchmarks.graphql.peers import APOLLO, peers, versions

ROUND = Round(
    requests_per_second=1200.0,
    closed_p50=1.0,
    closed_p99=2.0,
    api_cpu=0.5,
    neo4j_cpu=0.25,
    p50=1.25,
    p99=9.0,
    requests=600,
    late_p99=0.1,
    generator_cpu=0.2,
    failed=0.0,
)
WORK = Work(queries=1, rows=1234, db_hits=5678, records=1, received=900, statements=("RETURN 1",))


def test_figures_are_medians_over_rounds_each_for_itself() -> None:
    rounds = [ROUND, replace(ROUND, p99=1.0, api_cpu=7.0), replace(ROUND, p99=5.0)]
    found = medians(rounds)
    assert (found["p99"], found["api_cpu"], found["requests_per_second"]) == (5.0, 0.5, 1200.0)


def test_a_row_for_each_server_and_for_one_that_has_no_such_field() -> None:
    by_name = {operation.name: operation for operation in OPERATIONS}
    operations = [
        report.row(by_name["by-id"], 600.0, dict.fromkeys(report.TITLES, [ROUND]), dict.fromkeys(report.TITLES, WORK)),
        report.row(by_name["paths"], 50.0, {"cinegraph": [replace(ROUND, failed=0.25)]}, {"cinegraph": WORK}),
    ]
    figures = ("1.2", "9.0", "0.50", "0.25", "1", "1,234", "5,678")
    none = ("has none", *[""] * 7)
    assert list(report.rows({"operations": operations})) == [
        ("a movie by id (at 600/s)", "Cinegraph", "1,200", *figures),
        ("", "Apollo", "1,200", *figures),
        ("", "DataLoaders", "1,200", *figures),
        ("10 paths between two movies (at 50/s)", "Cinegraph", "1,200 (25% failed)", *figures),
        ("", "Apollo", *none),
        ("", "DataLoaders", *none),
    ]
    assert all(len(row) == len(report.HEAD) for row in report.rows({"operations": operations}))


def test_every_server_has_a_row_and_every_operation_is_cinegraphs_too() -> None:
    assert [peer.name for peer in peers(Path(), Path())] == list(report.TITLES)
    assert {operation.name for operation in OPERATIONS if "cinegraph" not in operation.texts} == set()
    assert [operation.name for operation in OPERATIONS if len(operation.texts) == 1] == ["paths", "recommendations"]


def test_versions_are_those_that_are_locked() -> None:
    found = versions()
    assert {"cinegraph", "strawberry-graphql", "@apollo/server (npm)", "@neo4j/graphql (npm)", "node"} <= found.keys()
    assert "resolved" not in (APOLLO / "package-lock.json").read_text()
