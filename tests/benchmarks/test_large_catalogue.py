"""The benchmark of a large catalogue, on a small one."""

import json
from pathlib import Path

import pytest

from benchmarks import large_catalogue
from recommenders.models.ease import Ease


def test_each_model_has_a_row_and_what_was_measured_before_stays(tmp_path: Path) -> None:
    out = tmp_path / "large.json"
    large_catalogue.main(["sparse_ease"], large_catalogue.SMALL_SHAPE, out)
    large_catalogue.main(["ials"], large_catalogue.SMALL_SHAPE, out)
    found = {one["model"]: one for one in json.loads(out.read_text())["models"]}
    assert list(found) == ["data", "sparse_ease", "ials"]
    assert all(one["peakMegabytes"] > 50 for one in found.values())
    for name in ("sparse_ease", "ials"):
        assert found[name]["scoreMilliseconds"] > 0
        assert 0 < found[name]["heldOut"]["recall@20"] <= 1


def test_a_model_that_is_too_large_has_its_refusal_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(large_catalogue.CONFIGS, "ease", {"memory_mb": 1})  # type: ignore[index]
    found = large_catalogue.row("ease", large_catalogue.SMALL_SHAPE)
    assert "more than memory_mb = 1; train sparse_ease" in found["refused"]
    assert Ease.config_class.model_validate(found["config"]).model_dump()["memory_mb"] == 1
