"""Tables are written where they differ, and never by a check."""

from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.tables.models import context

STALE = "<!-- table: context -->\nold\n<!-- end -->\n"


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "models.md"
    path.write_text(STALE, encoding="utf-8")
    monkeypatch.setattr(tables, "DOCUMENTS", (path,))
    return path


def test_a_check_names_what_differs_and_writes_nothing(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(check=True) == 1
    assert document.read_text(encoding="utf-8") == STALE
    assert capsys.readouterr().out == f"{document} is not what the results say; run python -m benchmarks.tables\n"


@pytest.mark.parametrize("check", [True, False])
def test_what_is_as_it_should_be_is_not_written_again(document: Path, check: bool) -> None:
    assert tables.main(check=False) == 0
    written = document.read_text(encoding="utf-8")
    assert written == f"<!-- table: context -->\n{context()}\n<!-- end -->\n"
    before = document.stat().st_mtime_ns
    assert tables.main(check=check) == 0
    assert document.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", sorted(tables.TABLES))
def test_every_table_can_be_made_of_the_results_and_stands_in_a_document(name: str) -> None:
    assert tables.TABLES[name]().count("\n") >= 2
    documents = [one.read_text(encoding="utf-8") for one in tables.DOCUMENTS]
    assert sum(f"<!-- table: {name} -->" in one for one in documents) == 1
