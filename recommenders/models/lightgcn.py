"""LightGCN: embeddings of users and movies, propagated over the graph of likes (He et al. 2020), on PyTorch Geometric.

Each layer is e_u' = sum over the movies i that u likes of e_i / sqrt(|N_u| |N_i|), and the same for movies (equation
3); the final embedding is the mean of all layers 0..K (equation 4, with weights 1/(K+1)); the loss is BPR with one
movie drawn uniformly that the user does not like, and L2 on the layer-0 embeddings of the batch (equation 15).

What is published has no vector for any user. Layers 1..K of a user are sums over the user's movies, so a history of
anybody is folded in as e_u = 1/sqrt(|N_u|) * sum over i of q_i, with q_i = (sum of the layers 0..K-1 of i) /
((K+1) sqrt(|N_i|)). Left out is only layer 0, the user's own trained vector, and that is what evaluation measures: on
ml-latest-small it costs some 2 % of NDCG@10, from 6 % less to 2 % more by seed and epoch. A linear estimate of it from
the folded vector (ridge regression over the trained users, R^2 of .7) was tried for three seeds, and gains nothing.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from pydantic import Field
from scipy import sparse
from torch import Tensor

from cinegraph.errors import InvalidInput
from recommenders.arrays import Csr, FloatArray
from recommenders.evaluation import ask
from recommenders.interactions import Interactions
from recommenders.model import Embeddings, FitOptions, Model, ModelConfig, Progress
from recommenders.scorers import FactorScorer


@contextmanager
def _without_triton() -> Iterator[None]:
    """Triton is of use on a GPU alone; loaded on the CPU it ends the process with a page of notices about leaks."""
    if torch.cuda.is_available() or "triton" in sys.modules:
        yield
        return
    sys.modules["triton"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["triton"]


with _without_triton(), warnings.catch_warnings():  # torch_geometric asks for torch.jit, which torch calls deprecated
    warnings.simplefilter("ignore")
    from torch_geometric.nn import LGConv
    from torch_geometric.nn import LightGCN as Network

REDRAWS = 5
"""Times that a drawn movie is drawn anew where the user likes it."""


class Config(ModelConfig):
    """Hyper-parameters of LightGCN."""

    embedding_dim: int = Field(64, ge=1, le=4096, description="length of a vector")
    layers: int = Field(3, ge=1, le=8, description="K: how many times embeddings are propagated")
    learning_rate: float = Field(0.01, gt=0, description="step of Adam")
    l2: float = Field(1e-4, ge=0, description="weight of the squared layer-0 embeddings of a batch, a pair")
    batch_size: int = Field(4096, ge=1, description="pairs of a user and a liked movie in a step")
    epochs: int = Field(100, ge=1, description="passes over all pairs, at most; early stopping sets it to the best one")
    evaluate_every: int = Field(10, ge=1, description="epochs between two looks at the validation part")
    patience: int = Field(3, ge=1, description="looks without a better NDCG@10 after which training stops")
    init_std: float = Field(0.1, gt=0, description="standard deviation of the embeddings at the start")
    threads: int = Field(1, ge=1, le=256, description="threads on the CPU: more help only where cores are idle")


class LightGCN(Model[Config]):
    """Light graph convolution with BPR; `losses` holds the mean loss of each epoch."""

    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.losses: tuple[float, ...] = ()
        self._users: FloatArray | None = None
        self._trained: FloatArray | None = None

    def embeddings(self) -> Embeddings | None:
        """Final embeddings of movies, and those of users as they are folded in from their likes."""
        scorer = self.scorer()
        assert isinstance(scorer, FactorScorer)
        assert self._users is not None
        return Embeddings(scorer.item_factors, self._users)

    def trained_users(self) -> FloatArray:
        """Final embeddings of the users with their own layer 0 (users, d): to compare with, never published."""
        self.scorer()
        assert self._trained is not None
        return self._trained

    @classmethod
    def check_device(cls, device: str) -> None:
        _device(device)

    def _learn(self, interactions: Interactions, options: FitOptions) -> FactorScorer:
        with _reproducible(self.config.threads):
            training = _Training(interactions, self.config, _device(options.device), options.seed)
            epochs = self._run(training, interactions, options)
            scorer = training.scorer()
            self._trained = training.trained_users()
        self.config = self.config.model_copy(update={"epochs": epochs})
        self.losses = tuple(training.losses)
        self._users = np.stack([scorer.user_vector(interactions.history(u)) for u in range(interactions.n_users)])
        return scorer

    def _run(self, training: "_Training", interactions: Interactions, options: FitOptions) -> int:
        """Train, and give the number of epochs that the network is left with: the best one, where there is a choice."""
        best, best_state, best_epoch, waited = -1.0, training.state(), self.config.epochs, 0
        for epoch in range(1, self.config.epochs + 1):
            loss, note = training.epoch(), ""
            if options.validation is not None and epoch % self.config.evaluate_every == 0:
                reached = ask(training.scorer(), options.validation).ndcg_at_10.mean()
                note, waited = f", NDCG@10 {reached:.4f}", waited + 1
                self.learning = (*self.learning, (epoch, float(reached)))
                if reached > best:
                    best, best_state, best_epoch, waited = reached, training.state(), epoch, 0
            options.progress(Progress("epochs", epoch, self.config.epochs, f"loss {loss:.4f}{note}"))
            if waited >= self.config.patience:
                break
        if best >= 0:
            training.restore(best_state)
        return best_epoch


class _Symmetric(torch.autograd.Function):
    """A symmetric sparse matrix times a dense one; its gradient is the same product, where torch would transpose."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, x: Tensor) -> Tensor:
        ctx.matrix = matrix
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, Tensor]:
        return None, ctx.matrix @ grads[0]


class _Conv(LGConv):  # type: ignore[misc]
    """PyG's light graph convolution on a symmetric adjacency that is normalised already."""

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        product: Tensor = _Symmetric.apply(edge_index, x)
        return product


class _Training:
    """One training: the network over the users and the movies that anybody likes, its optimiser and its dice."""

    def __init__(self, interactions: Interactions, config: Config, device: torch.device, seed: int) -> None:
        self._config, self._device = config, device
        self._likes = interactions.likes()
        self._items = np.flatnonzero(self._likes).astype(np.int32)
        liked = interactions.liked[:, self._items]
        self._n_users, self._n_items = liked.shape
        self._adjacency = _adjacency(liked).to(device)
        self._dice = torch.Generator().manual_seed(seed)
        self._pairs, self._keys = _pairs(liked)
        self._network = self._made().to(device)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=config.learning_rate)
        self.losses: list[float] = []

    def _made(self) -> Network:
        config = self._config
        network = Network(self._n_users + self._n_items, config.embedding_dim, config.layers, normalize=False)
        network.convs = torch.nn.ModuleList([_Conv(normalize=False) for _ in range(config.layers)])
        with torch.no_grad():
            network.embedding.weight.normal_(std=config.init_std, generator=self._dice)
        return network

    def epoch(self) -> float:
        """One pass over all pairs in a new order; the mean loss."""
        order = torch.randperm(len(self._pairs), generator=self._dice)
        total = 0.0
        for batch in torch.split(order, self._config.batch_size):
            total += self._step(self._pairs[batch]) * len(batch)
        self.losses.append(total / len(order))
        return self.losses[-1]

    def _step(self, pairs: Tensor) -> float:
        users, liked = pairs.unbind(1)
        nodes = torch.stack([users, liked + self._n_users, self._others(users) + self._n_users]).to(self._device)
        final = self._network.get_embedding(self._adjacency)
        user, good, bad = final[nodes[0]], final[nodes[1]], final[nodes[2]]
        loss = self._network.recommendation_loss(
            (user * good).sum(1), (user * bad).sum(1), node_id=nodes.flatten(), lambda_reg=self._config.l2
        )
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        return float(loss.item())

    def _others(self, users: Tensor) -> Tensor:
        """For each user a movie, drawn uniformly, that the user does not like (but after some draws in vain)."""
        drawn = self._draw(len(users))
        for _ in range(REDRAWS):
            keys = users * self._n_items + drawn
            places = torch.searchsorted(self._keys, keys).clamp_(max=len(self._keys) - 1)
            liked = self._keys[places] == keys
            if not liked.any():
                break
            drawn = torch.where(liked, self._draw(len(users)), drawn)
        return drawn

    def _draw(self, count: int) -> Tensor:
        return torch.randint(self._n_items, (count,), generator=self._dice)

    def state(self) -> Tensor:
        """The layer-0 embeddings: all that is learnt."""
        weight: Tensor = self._network.embedding.weight.detach().clone()
        return weight

    def restore(self, state: Tensor) -> None:
        """Go back to a state."""
        with torch.no_grad():
            self._network.embedding.weight.copy_(state)

    def _layers(self) -> list[Tensor]:
        layers = [self.state()]
        for _ in range(self._config.layers):
            layers.append(self._adjacency @ layers[-1])
        return layers

    def scorer(self) -> FactorScorer:
        """What is published, over all movies; those that nobody likes have zeros."""
        layers = torch.stack([layer[self._n_users :] for layer in self._layers()]).cpu().numpy()
        n = len(layers)
        degree = np.sqrt(self._likes[self._items])[:, None]
        return FactorScorer(
            history_factors=self._spread(layers[:-1].sum(axis=0) / (n * degree)),
            item_factors=self._spread(layers.sum(axis=0) / n),
            popularity=self._likes,
        )

    def trained_users(self) -> FloatArray:
        """The mean of all layers of each user (users, d)."""
        final: FloatArray = torch.stack(self._layers()).mean(dim=0)[: self._n_users].cpu().numpy()
        return final

    def _spread(self, rows: FloatArray) -> FloatArray:
        """Rows of the movies that anybody likes, among zeros for the others."""
        spread = np.zeros((len(self._likes), rows.shape[1]), dtype=np.float32)
        spread[self._items] = rows
        return spread


def _adjacency(liked: Csr) -> Tensor:
    """D^-1/2 A D^-1/2 of the graph of likes, users before movies, as a sparse matrix of torch."""
    (n_users, n_items), (users, movies) = liked.shape, liked.tocoo().coords
    ends = np.concatenate([users, movies + n_users]), np.concatenate([movies + n_users, users])
    likes = np.ones(len(ends[0]), dtype=np.float32)
    adjacency = sparse.coo_array((likes, ends), shape=(n_users + n_items, n_users + n_items)).tocsr()
    degree = np.maximum(np.asarray(adjacency.sum(axis=1)).ravel(), 1)
    scale = sparse.diags_array(1 / np.sqrt(degree))
    adjacency = Csr(scale @ adjacency @ scale)
    rows, columns = torch.from_numpy(adjacency.indptr.astype(np.int32)), adjacency.indices.astype(np.int32)
    values = torch.from_numpy(adjacency.data.astype(np.float32))
    with warnings.catch_warnings():  # torch calls its CSR matrices a beta; what is used of them is tested here
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(rows, torch.from_numpy(columns), values, size=adjacency.shape)


def _pairs(liked: Csr) -> tuple[Tensor, Tensor]:
    """All (user, movie) that are liked (n, 2), and the same as rising numbers user * movies + movie (n,)."""
    users = np.repeat(np.arange(liked.shape[0], dtype=np.int64), np.diff(liked.indptr))
    movies = liked.indices.astype(np.int64)
    keys = np.sort(users * liked.shape[1] + movies)
    return torch.from_numpy(np.stack([users, movies], axis=1)), torch.from_numpy(keys)


def _device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("--device cuda: PyTorch sees no GPU here; --device cpu trains without one, and so does auto")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted)


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    """Deterministic algorithms on so many threads while training; what was set before is set again."""
    before, threads_before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(threads_before)
