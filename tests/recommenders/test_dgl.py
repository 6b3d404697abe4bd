"""DGL's propagation is PyG's, from a process and an environment of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cinegraph.errors import InvalidInput, MissingExtra
from recommenders.dgl import propagated
from recommenders.models import propagation
from tests.recommenders.planted import planted

PYTHON = Path(__file__).parents[2] / ".venv" / "dgl" / "bin" / "python"
LAYERS, DIM = 3, 16
needs_dgl = pytest.mark.skipif(
    not PYTHON.exists(), reason="DGL's environment is not there; make dgl makes it, with a Python 3.11"
)


def layer_0(nodes: int) -> torch.Tensor:
    return torch.randn(nodes, DIM, generator=torch.Generator().manual_seed(4))


@needs_dgl
def test_dgl_propagates_as_pyg_does() -> None:
    liked = planted().liked
    nodes = sum(liked.shape)
    users, movies = (torch.from_numpy(part.astype(np.int64)) for part in liked.tocoo().coords)
    edges = torch.stack([torch.cat([users, movies + liked.shape[0]]), torch.cat([movies + liked.shape[0], users])])
    reference = propagation.Network(nodes, DIM, LAYERS)
    with torch.no_grad():
        reference.embedding.weight.copy_(layer_0(nodes))
        wanted = reference.get_embedding(edges).numpy()
    found = propagated(PYTHON, liked, layer_0(nodes).numpy(), LAYERS)
    assert np.abs(found - wanted).max() < 1e-4
    assert np.abs(propagated(PYTHON, liked, layer_0(nodes).numpy(), LAYERS - 1) - wanted).max() > 1e-2, "the mutant"


@needs_dgl
def test_dgl_propagates_as_our_own_product_does() -> None:
    liked = planted().liked
    adjacency = propagation.torch_csr(propagation.normalised(propagation.symmetric(liked)))
    layers = [layer_0(sum(liked.shape))]
    for _ in range(LAYERS):
        layers.append(propagation.product(adjacency, layers[-1]))
    found = propagated(PYTHON, liked, layers[0].numpy(), LAYERS)
    assert np.abs(found - torch.stack(layers).mean(dim=0).numpy()).max() < 1e-4


def test_without_its_environment_the_error_says_how_to_make_it() -> None:
    nothing = layer_0(sum(planted().liked.shape)).numpy()
    with pytest.raises(MissingExtra, match="/nowhere/python is not there.*make dgl"):
        propagated(Path("/nowhere/python"), planted().liked, nothing, LAYERS)


def test_embeddings_of_another_size_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"embeddings have shape \(3, 16\), not \(278, d\)"):
        propagated(PYTHON, planted().liked, layer_0(3).numpy(), LAYERS)


@needs_dgl
def test_what_goes_wrong_there_is_said_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("raise RuntimeError('no graph today')")
    monkeypatch.setattr("recommenders.dgl.WORKER", worker)
    nothing = layer_0(sum(planted().liked.shape)).numpy()
    with pytest.raises(MissingExtra, match="DGL cannot run in .*: RuntimeError: no graph today; make it anew"):
        propagated(PYTHON, planted().liked, nothing, LAYERS)
