"""The table of promises names tests that are there, and none of its rows stands without one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUDITS = [
    line
    for line in (ROOT / "docs" / "audits.md").read_text(encoding="utf-8").splitlines()
    if line.endswith("` |") and "::" in line
]
ROWS = [
    line
    for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [TN]\d\d ", line)
]


def test_the_promises_of_this_version_are_in_the_table() -> None:
    numbers = [row.split("|")[1].strip() for row in ROWS]
    assert numbers == sorted(set(numbers), key=lambda one: (one[0] != "T", one))
    wanted = "T06 T08 T09 T14 T15 T16 T17 T18 T21 T22 T23 T24 T25 T26 T27 T28 T29 T30 T31 T32 T33 T34 T35 T36 T37 T38 "
    wanted += "T39 T40 T41 T42 T43 T59 T62 T63 T64 T65 N01 N03 N05 N06 N07 N09 N10 N13 N14 N15 N16"
    assert set(numbers) >= set(wanted.split())


def test_graphql_cop_has_twelve_findings_and_each_stands_in_the_report() -> None:
    assert len(AUDITS) == 12


@pytest.mark.parametrize("row", [*ROWS, *AUDITS], ids=lambda row: row.split("|")[1].strip())
def test_every_row_names_tests_that_are_there(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
    assert named
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.M), name
