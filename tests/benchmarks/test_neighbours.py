"""The benchmark of drawn neighbours, on little data."""

from pathlib import Path

import pytest

from benchmarks import neighbours

DATA = neighbours.LITTLE["small"]


@pytest.mark.parametrize("model", ["kgnn", "lightgcn"])
@pytest.mark.parametrize("drawn", [None, 5])
def test_each_row_has_its_time_and_its_quality(model: str, drawn: int | None, tmp_path: Path) -> None:
    neighbours.made(DATA.shape, tmp_path)
    found = neighbours.row(model, drawn, DATA, tmp_path)
    assert found["config"]["neighbours"] == drawn
    assert found["stepMilliseconds"] > 0
    assert 0 < found["recall@20"] <= 1
    line = neighbours.line({"data": "small", **found})
    assert line.startswith(f"| small | {model} | {drawn or 'all'} | ")


def test_of_large_data_an_epoch_is_reckoned_from_steps(tmp_path: Path) -> None:
    neighbours.made(neighbours.LITTLE["large"].shape, tmp_path)
    found = neighbours.row("kgnn", 5, neighbours.LITTLE["large"], tmp_path)
    assert found["secondsAnEpoch"] > 0
    assert "recall@20" not in found
