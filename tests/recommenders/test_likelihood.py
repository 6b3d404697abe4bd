"""The sampled likelihood is that of all movies, and what is published ranks by it."""

import numpy as np
import pytest
import torch

from recommenders.cosine_scorer import CosineScorer
from recommenders.model import FitOptions
from recommenders.models.lightgcn import Config, LightGCN, SoftmaxTraining
from recommenders.models.likelihood import Likelihood
from recommenders.models.propagation import Likes
from tests.recommenders.planted import SMALL, planted

CPU = torch.device("cpu")
FOLDED = SMALL["lightgcn"]


def test_the_loss_is_the_likelihood_among_all_movies() -> None:
    """Drawn movies stand for all: over many of them the estimate is the sum itself."""
    graph, dice = Likes(planted(), CPU, 0), torch.Generator().manual_seed(1)
    final = torch.randn(graph.n_users + graph.n_items, 8, generator=dice)
    biases = torch.randn(graph.n_items, generator=dice)
    users, liked = torch.arange(50), torch.arange(50) % graph.n_items
    unit = torch.nn.functional.normalize(final, dim=1)
    scores = unit[users] @ unit[graph.n_users :].T / 0.5 + biases
    exact = torch.nn.functional.cross_entropy(scores, liked)
    likelihood = Likelihood(graph, 0.5, 200_000)
    movies = torch.cat([liked, likelihood.draw()])
    drawn = likelihood.loss(final[users], final[graph.n_users + movies], biases[movies])
    assert float(drawn) == pytest.approx(float(exact), abs=0.02)


def test_popularity_is_where_training_begins() -> None:
    graph = Likes(planted(), CPU, 0)
    shares = Likelihood(graph, 0.1, 16).shares().exp()
    assert shares.numpy() == pytest.approx(graph.likes[graph.items] / graph.likes.sum(), rel=1e-5)


def test_what_is_published_ranks_as_the_likelihood_does() -> None:
    data = planted()
    training = SoftmaxTraining(data, Config(**FOLDED), CPU, 0)
    for _ in range(3):
        training.epoch()
    scorer = training.scorer()
    nodes = torch.arange(data.n_users + training.graph.n_items)
    unit = torch.nn.functional.normalize(training.final(nodes).detach(), dim=1)
    users, movies = unit[: data.n_users], unit[data.n_users :]
    logits = (users @ movies.T / 0.2 + training.network.biases.detach()).numpy()
    served = np.stack([scorer.score(data.history(user))[training.graph.items] for user in range(data.n_users)])
    apart = served - logits
    assert apart == pytest.approx(apart[0, 0] * np.ones_like(apart), abs=1e-3), "all that differs is one constant"


def test_folding_in_gives_the_vector_a_user_was_trained_with() -> None:
    """Layer 0 is in no mean, so that nothing of a user is left out."""
    data = planted()
    model = LightGCN(Config(**FOLDED)).fit(data, FitOptions(device="cpu"))
    scorer, trained = model.scorer(), model.trained_users()
    assert isinstance(scorer, CosineScorer)
    folded = np.stack([scorer.user_vector(data.history(user)) for user in range(data.n_users)])
    assert folded == pytest.approx(trained / np.linalg.norm(trained, axis=1, keepdims=True), abs=1e-5)
