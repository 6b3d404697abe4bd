"""Pictures are what the results say, and stand in the document."""

import sys
from pathlib import Path

import pytest

from benchmarks import pictures
from benchmarks.tables import DOCUMENTS


@pytest.mark.parametrize("name", sorted(pictures.PICTURES))
def test_each_picture_is_drawn_from_the_results_and_stands_in_the_document(name: str) -> None:
    drawn = pictures.PICTURES[name]()
    assert (pictures.IMAGES / name).read_text(encoding="utf-8") == drawn, "run python -m benchmarks.pictures"
    assert any(f"(images/{name})" in one.read_text(encoding="utf-8") for one in DOCUMENTS)


def test_a_check_names_what_differs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    monkeypatch.setattr(sys, "argv", ["pictures", "--check"])
    assert pictures.main() == 1
    assert not list(tmp_path.iterdir())
    assert f"{tmp_path / 'dials.svg'} is not what the results say" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["pictures"])
    assert pictures.main() == 0
    assert {one.name for one in tmp_path.iterdir()} == set(pictures.PICTURES)
    monkeypatch.setattr(sys, "argv", ["pictures", "--check"])
    assert pictures.main() == 0
