"""LightGCN: it is the paper's, it learns, it stops, and folding in loses next to nothing."""

import numpy as np
import pytest
import torch

from recommenders import registry
from recommenders.evaluation import measure
from recommenders.model import FitOptions, Progress
from recommenders.models import propagation
from recommenders.models.lightgcn import Config, LightGCN, LightTraining
from recommenders.splits import user_time
from tests.recommenders.folding import folded_and_trained
from tests.recommenders.planted import PAPER, SMALL, planted

CPU = FitOptions(device="cpu")


def small(**config: object) -> LightGCN:
    """An unfitted one, as in the paper, that trains in a second."""
    return LightGCN(Config(**{**SMALL["lightgcn"], **PAPER, "evaluate_every": 10, **config}))


def test_the_loss_falls() -> None:
    losses = small().fit(planted(), CPU).losses
    assert len(losses) == 40
    assert losses[-1] < 0.5 * losses[0]
    thirds = [np.mean(losses[start : start + 13]) for start in (0, 13, 26)]
    assert thirds[0] > thirds[1] > thirds[2]


def test_without_zeroed_gradients_the_tests_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: gradients that pile up. The loss does not fall as it should, so that the test above fails."""
    monkeypatch.setattr(torch.optim.Adam, "zero_grad", lambda self: None)
    losses = small().fit(planted(), CPU).losses
    thirds = [np.mean(losses[start : start + 13]) for start in (0, 13, 26)]
    assert not (losses[-1] < 0.5 * losses[0] and thirds[0] > thirds[1] > thirds[2])


def test_propagation_is_that_of_pyg() -> None:
    """Our product with the normalised adjacency equals LGConv over an edge list, forwards and backwards."""
    from torch_geometric.nn import LGConv

    liked = planted().liked
    n_users, n_movies = liked.shape
    users, movies = (torch.from_numpy(part.astype(np.int64)) for part in liked.tocoo().coords)
    edges = torch.stack([torch.cat([users, movies + n_users]), torch.cat([movies + n_users, users])])
    ours, theirs = (torch.randn(n_users + n_movies, 8, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    weight = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2))
    ours.requires_grad_()
    theirs.requires_grad_()
    adjacency = propagation.torch_csr(propagation.normalised(propagation.symmetric(liked)))
    one = propagation.Conv(normalize=False)(ours, propagation.Links(adjacency, adjacency))
    other = LGConv()(theirs, edges)
    (one * weight).sum().backward()
    (other * weight).sum().backward()
    assert torch.allclose(one, other, atol=1e-5)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)


def test_a_drawn_movie_is_one_that_the_user_does_not_like() -> None:
    training = LightTraining(planted(), small().config, torch.device("cpu"), 0)
    users = torch.arange(160).repeat(200)
    drawn = training.graph.others(users)
    liked = planted().liked.toarray()[users.numpy(), training.graph.items[drawn.numpy()]]
    assert liked.mean() < 1e-3
    assert len(np.unique(drawn.numpy())) == len(training.graph.items)


def test_folding_in_leaves_out_the_users_own_vector_and_nothing_else() -> None:
    """With layer 0 of the users at zero the folded vectors equal the propagated ones."""
    data = planted()
    training = LightTraining(data, small().config, torch.device("cpu"), 0)
    state = training.state()
    state["embedding.weight"][: data.n_users] = 0
    training.restore(state)
    scorer = training.scorer()
    folded = np.stack([scorer.user_vector(data.history(user)) for user in range(data.n_users)])
    assert folded == pytest.approx(training.trained_users(), abs=1e-6)


def test_folding_in_loses_at_most_one_percent_of_ndcg() -> None:
    split = user_time(planted())
    model = small().fit(split.train, CPU)
    folded, trained = folded_and_trained(model, split.train, split.validation)
    assert folded.ndcg_at_10.mean() >= 0.99 * trained.ndcg_at_10.mean()


def test_training_stops_early_and_keeps_the_best_epoch() -> None:
    split = user_time(planted())
    told: list[Progress] = []
    options = FitOptions(device="cpu", validation=split.question("validation"), progress=told.append)
    model = small(epochs=200, evaluate_every=5, patience=2).fit(split.train, options)
    looks = {one.done: float(one.note.rsplit(" ", 1)[1]) for one in told if "NDCG" in one.note}
    assert len(model.losses) < 200
    assert model.config.epochs == max(looks, key=lambda epoch: (looks[epoch], -epoch))
    assert len(model.losses) == model.config.epochs + 10
    kept = measure(model.scorer(), split.train, split.validation).ndcg_at_10.mean()
    assert kept == pytest.approx(looks[model.config.epochs], abs=1e-4)
    again = LightGCN(model.config).fit(split.train, CPU)
    assert again.score(split.train.history(0)).tobytes() == model.score(split.train.history(0)).tobytes()


def test_settings_of_torch_are_as_before() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.random.get_rng_state()
    registry.create("lightgcn", {**SMALL["lightgcn"], "epochs": 1, "threads": 1}).fit(planted(), CPU)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2]
