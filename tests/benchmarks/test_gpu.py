"""The benchmark of what needs a GPU, on little data and any device."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import generated, gowalla, gpu
from recommenders import registry
from recommenders.model import FitOptions
from tests.recommenders.planted import SMALL, catalogue, planted

CPU = torch.device("cpu")


def test_every_network_runs_on_generated_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "gpu.json"
    gpu.main(None, gpu.SMALL_SHAPE, True, out)
    found = json.loads(out.read_text())
    assert [run["model"] for run in found["runs"]] == ["lightgcn", "lightgcn", "xsimgcl", "kgnn"]
    for run in found["runs"]:
        assert run["data"] == "generated"
        assert [one["epoch"] for one in run["curve"]] == [1, 2]
        assert run["secondsToQuality"] in [one["seconds"] for one in run["curve"]]
    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.parametrize(("name", "kind"), [("lightgcn", "cosine"), ("xsimgcl", "cosine"), ("kgnn", "cosine")])
def test_what_is_measured_on_the_device_is_what_gowalla_measures(name: str, kind: str) -> None:
    """Of users as well who like nothing that is known, and get popularity."""
    users, movies, ratings = gpu.SMALL_SHAPE
    data = gpu.Data.of("generated", generated.interactions(users, movies, ratings), generated.knowledge(movies))
    options = FitOptions(device="cpu", knowledge=data.knowledge)
    scorer = registry.create(name, SMALL[name] | {"epochs": 3}).fit(data.known, options).scorer()
    found = gpu.measure(scorer, data.known, data.target, CPU)
    assert scorer.kind == kind
    assert found == pytest.approx(gowalla.measure(scorer, data.known, data.target), abs=1e-4)
    assert 0.1 < found["ndcg@20"] < found["recall@20"] < 0.6
    assert (np.diff(data.known.liked.indptr)[np.diff(data.target.liked.indptr) > 0] == 0).any()


@pytest.mark.parametrize("case", gpu.ON_GENERATED, ids=lambda case: f"{case.model}-{case.config.get('precision')}")
def test_each_network_learns_more_than_popularity(case: gpu.Case) -> None:
    """In groups of their own, users find all in twenty places, and by popularity a third of it."""
    data = gpu.Data.of("planted", planted(), catalogue())
    popular = gowalla.measure(registry.create("popular").fit(data.known).scorer(), data.known, data.target)
    row = gpu.run(gpu.Case(case.model, gpu.small(case).config, (20,)), data, CPU)
    assert popular["recall@20"] < 0.4
    assert row["curve"][0]["recall@20"] > 0.9
