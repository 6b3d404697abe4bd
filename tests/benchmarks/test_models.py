"""The rows of the table of models say how sure they are, and what they are of."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import models
from benchmarks.tables import cells
from benchmarks.tables import models as tables
from recommenders import registry
from recommenders.protocol import load_protocol
from recommenders.results import TrainingRun
from recommenders.runs.environment import code_fingerprint
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import planted


@pytest.fixture(scope="module")
def run() -> TrainingRun:
    return train(planted(), ["ease"], TrainingOptions(protocol=load_protocol("user_time"), final=False))


def written(run: TrainingRun, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What stands in the file after the run; tables are made from it as well."""
    monkeypatch.setattr(models, "RESULT", folder / "models.json")
    monkeypatch.setattr(cells, "RESULTS", folder)
    models.write("planted", run)
    found: dict[str, Any] = json.loads((folder / "models.json").read_text())
    return found["protocols"]["user_time"]["models"]


def test_a_row_has_the_corrected_p_against_ease(
    run: TrainingRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = written(run, tmp_path, monkeypatch)
    assert list(rows) == ["popular", "itemknn", "ease"]
    ps = {(one.first, one.second): one.p for one in run.verdicts}
    assert rows["popular"]["against_ease"] == {"model": "ease", "holm_p": ps["ease", "popular"], "pairs": 3}
    assert rows["itemknn"]["against_ease"] == {"model": "ease", "holm_p": ps["ease", "itemknn"], "pairs": 3}
    assert rows["ease"]["against_ease"] is None


def test_a_row_says_of_what_data_and_code_it_is(
    run: TrainingRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(replace(run, fingerprint="f" * 64, results=run.results[:1]), tmp_path, monkeypatch)
    assert before["popular"]["fingerprint"] == "f" * 12
    after = written(replace(run, results=run.results[1:]), tmp_path, monkeypatch)
    assert {name: row["fingerprint"] for name, row in after.items()} == {
        "popular": "f" * 12,
        "itemknn": planted().fingerprint()[:12],
        "ease": planted().fingerprint()[:12],
    }
    assert {row["code"] for row in after.values()} == {code_fingerprint()}


def test_the_table_shows_p_and_for_how_many_pairs(
    run: TrainingRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = written(run, tmp_path, monkeypatch)["itemknn"]["against_ease"]["holm_p"]
    head, _, *rows = [line.strip("| ").split(" | ") for line in tables.by_protocol("user_time")().splitlines()]
    shown = {row[0]: row[head.index("p over EASE (Holm)")] for row in rows}
    assert shown == {"`ease`": "", "`itemknn`": f"{cells.short(p)} (3 pairs)", "`popular`": ".0003 (3 pairs)"}


@pytest.mark.parametrize("tested", [None, {"model": "sparse_ease", "holm_p": 0.01, "pairs": 3}])
def test_what_was_not_tested_against_ease_has_no_p(tested: dict[str, Any] | None) -> None:
    assert tables.holm(tested) == ""


def test_what_is_measured_are_models() -> None:
    assert {*models.MODELS, *models.SEQUENCES} <= set(registry.names())
