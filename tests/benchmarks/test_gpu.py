"""The benchmark of what needs a GPU, on little data and any device."""

import json
from pathlib import Path

import pytest

from benchmarks import gpu


def test_every_network_runs_on_generated_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "gpu.json"
    gpu.main(None, gpu.SMALL_SHAPE, True, out)
    found = json.loads(out.read_text())
    assert [run["model"] for run in found["runs"]] == ["lightgcn", "lightgcn", "xsimgcl", "kgnn"]
    for run in found["runs"]:
        assert run["data"] == "generated"
        assert [one["epoch"] for one in run["curve"]] == [1, 2]
        assert 0 < run["curve"][-1]["recall@20"] <= 1
        assert 0 <= run["secondsToQuality"] <= run["curve"][-1]["seconds"]
    assert len(capsys.readouterr().out.splitlines()) == 4
