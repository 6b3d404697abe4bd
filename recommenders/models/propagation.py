"""What graph neural networks over likes share: the normalised graph, its product with embeddings, draws, and training.

Nodes are the users, then the movies that anybody likes. Everything that is learnt lies in tensors by name, so that a
training can be kept and gone on with; on the CPU the same seed gives the same bytes.
"""

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from propcache.api import cached_property
from pydantic import Field
from scipy import sparse
from torch import Tensor
from torch.nn.functional import embedding_bag

from recommenders.arrays import Csr, FloatArray, IdArray, IntArray
from recommenders.cosine_scorer import CosineScorer
from recommenders.interactions import Interactions
from recommenders.model import ModelConfig
from recommenders.models.starting import MOVIE
from recommenders.scorers import FactorScorer
from recommenders.search_space import Choice, Range, SearchSpace


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


class GraphConfig(ModelConfig):
    """Hyper-parameters of every network over likes."""

    embedding_dim: int = Field(64, ge=1, le=4096, description="length of a vector")
    layers: int = Field(3, ge=1, le=8, description="K: how many times embeddings are propagated")
    learning_rate: float = Field(0.01, gt=0, description="step of Adam")
    l2: float = Field(1e-4, ge=0, description="weight of the squared layer-0 embeddings of a batch, a pair")
    batch_size: int = Field(4096, ge=1, description="pairs of a user and a liked movie in a step")
    epochs: int = Field(100, ge=1, description="passes over all pairs, at most; early stopping sets it to the best one")
    evaluate_every: int = Field(10, ge=1, description="epochs between two looks at the validation part")
    patience: int = Field(3, ge=1, description="looks without a better NDCG@10 after which training stops")
    init_std: float = Field(0.1, gt=0, description="standard deviation of the embeddings at the start")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of sparse products, on a GPU alone")
    night_epochs: int = Field(3, ge=1, description="passes over all pairs where a training goes on from a version")
    threads: int = Field(1, ge=1, le=256, description="threads on the CPU: more help only where cores are idle")

    search_space: ClassVar[SearchSpace] = {
        "embedding_dim": Choice((32, 64, 128)),
        "layers": Range(1, 4),
        "learning_rate": Range(0.001, 0.05, log=True),
        "l2": Range(1e-6, 1e-2, log=True),
    }


C = TypeVar("C", bound=GraphConfig)


def product(matrix: Tensor, x: Tensor) -> Tensor:
    """A sparse matrix times a dense one, in the precision of the sparse one; the result in that of the dense one.

    On the CPU as weighted sums of rows, which is faster than a product of torch's sparse matrices.
    """
    if x.device.type != "cpu":
        return (matrix @ x.to(matrix.dtype)).to(x.dtype)
    starts, columns, weights = matrix.crow_indices(), matrix.col_indices(), matrix.values()
    return embedding_bag(columns, x, starts, mode="sum", per_sample_weights=weights, include_last_offset=True)


class Product(torch.autograd.Function):
    """A sparse matrix times a dense one, given its transpose too, which torch would make anew for each gradient."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, x: Tensor) -> Tensor:
        ctx.transposed = transposed
        return product(matrix, x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, None, Tensor]:
        return None, None, product(ctx.transposed, grads[0])


class Links(NamedTuple):
    """A sparse matrix and its transpose, on a device: what spreads embeddings, and brings gradients back."""

    matrix: Tensor
    transposed: Tensor

    def times(self, x: Tensor) -> Tensor:
        """The matrix (rows, columns) times x (columns, d)."""
        spread: Tensor = Product.apply(*self, x)
        return spread


class Conv(LGConv):  # type: ignore[misc]
    """PyG's light graph convolution on links whose weights are normalised already."""

    def forward(self, x: Tensor, edge_index: Links, edge_weight: Tensor | None = None) -> Tensor:
        return edge_index.times(x)


class Likes:
    """The graph of likes on a device, and the dice that a training draws from it with.

    `items` (n,) are the positions of its movies in the data, those that anybody likes where they are not given;
    `likes` (movies,) is how many each movie has there.
    """

    def __init__(
        self,
        interactions: Interactions,
        device: torch.device,
        seed: int,
        precision: str = "float32",
        items: IntArray | None = None,
    ) -> None:
        self.device = device
        self.dtype = getattr(torch, precision) if device.type == "cuda" else torch.float32
        self.likes = interactions.likes()
        self.items = np.flatnonzero(self.likes).astype(np.int32) if items is None else items
        liked = interactions.liked[:, self.items]
        self.n_users, self.n_items = liked.shape
        self.liked = liked
        self.dice = torch.Generator(device).manual_seed(seed)
        pairs, keys = pairs_of(liked)
        self.pairs, self._keys = pairs.to(device), keys.to(device)

    @cached_property
    def adjacency(self) -> Tensor:
        """The normalised graph of likes (nodes, nodes), for those who need it."""
        return self.sparse(normalised(symmetric(self.liked)))

    def sparse(self, matrix: Csr) -> Tensor:
        """A matrix of SciPy on the device, in the precision of products."""
        return torch_csr(matrix).to(self.device, self.dtype)

    def batches(self, size: int) -> Iterator[Tensor]:
        """All pairs (user, movie) once, in a new order, so many at a time."""
        order = torch.randperm(len(self.pairs), generator=self.dice, device=self.device)
        for batch in torch.split(order, size):
            yield self.pairs[batch]

    def draw(self, count: int) -> Tensor:
        """So many movies, each drawn uniformly from all."""
        return torch.randint(self.n_items, (count,), generator=self.dice, device=self.device)

    def others(self, users: Tensor) -> Tensor:
        """For each user a movie, drawn uniformly, that the user does not like (but after some draws in vain)."""
        drawn = self.draw(len(users))
        for _ in range(REDRAWS):
            keys = users * self.n_items + drawn
            places = torch.searchsorted(self._keys, keys).clamp_(max=len(self._keys) - 1)
            liked = self._keys[places] == keys
            if self.device.type == "cpu" and not liked.any():
                break
            drawn = torch.where(liked, self.draw(len(users)), drawn)
        return drawn

    def spread(self, rows: FloatArray) -> FloatArray:
        """Rows of the graph's movies (n, ...) among zeros for the others (movies, ...)."""
        spread = np.zeros((len(self.likes), *rows.shape[1:]), dtype=np.float32)
        spread[self.items] = rows
        return spread

    def roots(self) -> FloatArray:
        """The root of each movie's likes, at least 1 (n, 1)."""
        return np.sqrt(np.maximum(self.likes[self.items], 1))[:, None]


class Training(ABC, Generic[C]):
    """One training: the network over the users and the movies that anybody likes, and its optimiser."""

    def __init__(self, interactions: Interactions, config: C, device: torch.device, seed: int) -> None:
        self.config = config
        self.graph = self._graph(interactions, device, seed)
        self.network = self._made().to(device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self.losses: list[float] = []

    def _graph(self, interactions: Interactions, device: torch.device, seed: int) -> Likes:
        return Likes(interactions, device, seed, self.config.precision)

    def _made(self) -> Any:
        config, graph = self.config, self.graph
        network = Network(graph.n_users + graph.n_items, config.embedding_dim, config.layers, normalize=False)
        network.convs = torch.nn.ModuleList([Conv(normalize=False) for _ in range(config.layers)])
        with torch.no_grad():
            weight = network.embedding.weight.to(graph.device)
            network.embedding.weight = torch.nn.Parameter(weight.normal_(std=config.init_std, generator=graph.dice))
        return network

    @property
    def rows(self) -> Mapping[str, str]:
        """Of which kind the (last) rows of a tensor are, by its name; others have no rows of anything with an id."""
        return {"embedding.weight": MOVIE, "biases": MOVIE}

    def ids(self, movies: IdArray) -> dict[str, IdArray]:
        """The ids of rows by kind, from those of all movies of the data."""
        return {MOVIE: movies[self.graph.items]}

    def begin(self, known: Tensor) -> None:
        """Users and new movies as they begin in a training that goes on from a version, which knows the movies in these
        places (k,) of the graph's; as ever, where this says nothing else."""

    @abstractmethod
    def loss(self, pairs: Tensor) -> Tensor:
        """The loss of a batch of pairs (n, 2) of a user and a liked movie, a number."""

    @abstractmethod
    def scorer(self) -> FactorScorer | CosineScorer:
        """What is published, over all movies; those that are not in the graph have zeros."""

    def epoch(self) -> float:
        """One pass over all pairs in a new order; the mean loss. The device is waited for once, at the end."""
        total = torch.zeros((), dtype=torch.float64, device=self.graph.device)
        for pairs in self.graph.batches(self.config.batch_size):
            loss = self.loss(pairs)
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            self.optimiser.step()
            total += loss.detach().double() * len(pairs)
        self.losses.append(float(total) / len(self.graph.pairs))
        return self.losses[-1]

    def state(self) -> dict[str, Tensor]:
        """All that is learnt."""
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go back to a state."""
        self.network.load_state_dict(state)

    def layers(self) -> list[Tensor]:
        """The embeddings of all nodes after 0 to K propagations, with nothing to learn from them."""
        found: list[Tensor] = [self.network.embedding.weight.detach()]
        for _ in range(self.config.layers):
            found.append(product(self.graph.adjacency, found[-1]))
        return found


def symmetric(liked: Csr) -> Csr:
    """The adjacency of the graph of likes, users before movies (nodes, nodes)."""
    (n_users, n_items), (users, movies) = liked.shape, liked.tocoo().coords
    ends = np.concatenate([users, movies + n_users]), np.concatenate([movies + n_users, users])
    likes = np.ones(len(ends[0]), dtype=np.float32)
    return Csr(sparse.coo_array((likes, ends), shape=(n_users + n_items, n_users + n_items)).tocsr())


def normalised(matrix: Csr) -> Csr:
    """D_r^-1/2 A D_c^-1/2, by the sums of rows and of columns."""
    rows, columns = (np.maximum(np.asarray(matrix.sum(axis=axis)).ravel(), 1) for axis in (1, 0))
    return Csr(sparse.diags_array(1 / np.sqrt(rows)) @ matrix @ sparse.diags_array(1 / np.sqrt(columns)))


def torch_csr(matrix: Csr) -> Tensor:
    """A sparse matrix of SciPy as one of torch, in float32."""
    rows, columns = (torch.from_numpy(part.astype(np.int32)) for part in (matrix.indptr, matrix.indices))
    values = torch.from_numpy(matrix.data.astype(np.float32))
    with warnings.catch_warnings():  # torch calls its CSR matrices a beta; what is used of them is tested here
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(rows, columns, values, size=matrix.shape)


def pairs_of(liked: Csr) -> tuple[Tensor, Tensor]:
    """All (user, movie) that are liked (n, 2), and the same as rising numbers user * movies + movie (n,)."""
    users = np.repeat(np.arange(liked.shape[0], dtype=np.int64), np.diff(liked.indptr))
    movies = liked.indices.astype(np.int64)
    keys = np.sort(users * liked.shape[1] + movies)
    return torch.from_numpy(np.stack([users, movies], axis=1)), torch.from_numpy(keys)
