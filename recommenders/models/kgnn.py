"""KGNN: a network over the knowledge graph that embeds a movie by its neighbours, and a person by their movies.

Two layers of mean-aggregating convolution (GraphSAGE, Hamilton et al. 2017) run over the heterogeneous graph of movies
and entities, each relationship with weights of its own, in both directions: a movie's encoding tells of its people,
genres and keywords, and of their other movies. To it comes a vector of the movie's own, where anybody likes the movie.

Encodings x are spread over the graph of likes: with R = D_u^-1/2 X D_i^-1/2, z = sum over h = 0..hops of (R'R)^h x is a
movie's embedding, and R z that of a user. Users have no vector of their own, so that a history is folded in exactly.

At each step a part of the movies is taken for new (`forget`): they have no vector of their own, and no likes; what is
learnt so can embed a movie that nobody has rated (DropoutNet, Volkovs et al. 2017). The loss is that of
`likelihood.py`; a movie's bias is read off its encoding, beside one of its own that a new movie does not have.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from scipy import sparse
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.nn import HeteroConv, SAGEConv

from recommenders.arrays import Csr, FloatArray, IdArray
from recommenders.cosine_scorer import CosineScorer
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions
from recommenders.models.likelihood import Likelihood
from recommenders.models.propagation import GraphConfig, GraphModel, Likes, Product, Training, normalised
from recommenders.models.starting import MOVIE
from recommenders.search_space import Range, SearchSpace


class Config(GraphConfig):
    """Hyper-parameters of KGNN; `layers` are those over the knowledge graph."""

    layers: int = Field(2, ge=1, le=4, description="convolutions over the knowledge graph")
    hops: int = Field(1, ge=0, le=4, description="how often encodings are spread over likes, to users and back")
    temperature: float = Field(0.1, gt=0, description="what cosines are divided by")
    negatives: int = Field(1024, ge=1, description="movies drawn in a step, to stand for all")
    forget: float = Field(0.2, ge=0, lt=1, description="part of the movies that are taken for new at each step")
    learning_rate: float = Field(0.003, gt=0, description="step of Adam")

    search_space: ClassVar[SearchSpace] = {
        **GraphConfig.search_space,
        "layers": Range(1, 3),
        "hops": Range(0, 2),
        "temperature": Range(0.05, 0.5, log=True),
        "forget": Range(0.0, 0.5),
    }


class Mean(SAGEConv):  # type: ignore[misc]
    """GraphSAGE over a matrix whose rows sum to 1, with its transpose at hand for the gradient."""

    def forward(self, x: tuple[Tensor, Tensor], edge_index: tuple[Tensor, Tensor]) -> Tensor:
        found: Tensor = self.lin_l(Product.apply(*edge_index, x[0]))
        return found


class Encoder(nn.Module):
    """From the movies' own vectors to encodings (movies, d) that tell of their neighbours as well."""

    def __init__(self, data: HeteroData, config: Config, dice: torch.Generator) -> None:
        super().__init__()
        dim, std = config.embedding_dim, config.init_std
        vectors = {kind: _drawn((data[kind].num_nodes, dim), std, dice) for kind in sorted(data.node_types)}
        self.vectors = nn.ParameterDict({kind: nn.Parameter(value) for kind, value in vectors.items()})
        self.convs = nn.ModuleList(self._conv(data, dim) for _ in range(config.layers if data.edge_types else 0))
        for weight in self.convs.parameters():
            weight.data = _drawn(weight.shape, dim**-0.5, dice)
        self.popular = nn.Linear(dim, 1)
        nn.init.zeros_(self.popular.weight)
        self.shares = nn.Parameter(torch.zeros(data[MOVIE].num_nodes))

    def forward(self, data: HeteroData, has: Tensor) -> Tensor:
        """Encodings of the movies, of which those that `has` (movies, 1) says have a vector of their own."""
        x = {kind: vectors * has if kind == MOVIE else vectors for kind, vectors in self.vectors.items()}
        for place, conv in enumerate(self.convs):
            last = place + 1 == len(self.convs)
            told = conv(x, data.link_dict)
            x = {kind: value + (told[kind] if last else torch.relu(told[kind])) for kind, value in x.items()}
        encodings: Tensor = x[MOVIE]
        return encodings

    def biases(self, encodings: Tensor, has: Tensor) -> Tensor:
        """How popular movies are, in bits of the natural log (movies,)."""
        found: Tensor = self.popular(encodings).squeeze(1) + self.shares * has.squeeze(1)
        return found

    @staticmethod
    def _conv(data: HeteroData, dim: int) -> HeteroConv:
        made = {edge: Mean((dim, dim), dim, root_weight=False, bias=False) for edge in sorted(data.edge_types)}
        return HeteroConv(made, aggr="sum")


class KGNN(GraphModel[Config]):
    """A graph neural network over the catalogue and the likes."""

    config_class = Config

    def _training(self, interactions: Interactions, device: torch.device, options: FitOptions) -> Training[Config]:
        return KnowledgeTraining(interactions, self.config, device, options.seed, options.knowledge)


class KnowledgeTraining(Training[Config]):
    """The encoder, the spreading over likes, and the likelihood."""

    def __init__(
        self, interactions: Interactions, config: Config, device: torch.device, seed: int, knowledge: Knowledge | None
    ) -> None:
        self._knowledge = knowledge or Knowledge({})
        super().__init__(interactions, config, device, seed)
        self._likelihood = Likelihood(self.graph, config.temperature, config.negatives)
        self._known = torch.from_numpy(self.graph.likes > 0).to(device)[:, None]
        self._links = _linked(normalised(self.graph.liked), self.graph)
        with torch.no_grad():
            shares = self._likelihood.shares()
            self.network.popular.bias.fill_(shares.mean())
            self.network.shares.copy_(shares - shares.mean())

    def _graph(self, interactions: Interactions, device: torch.device, seed: int) -> Likes:
        every = np.arange(interactions.n_movies, dtype=np.int32)
        return Likes(interactions, device, seed, self.config.precision, every)

    def _made(self) -> Encoder:
        self._data = hetero(self._knowledge, self.graph)
        return Encoder(self._data, self.config, self.graph.dice)

    @property
    def rows(self) -> Mapping[str, str]:
        return {"shares": MOVIE, **{f"vectors.{kind}": kind for kind in self._data.node_types}}

    def ids(self, movies: IdArray) -> dict[str, IdArray]:
        known = self._knowledge
        return super().ids(movies) | {label.value: known.ids[label] for label in known.entities}

    def loss(self, pairs: Tensor) -> Tensor:
        """How unlikely the liked movies are, a part of them as if they were new; and L2 of the movies' own vectors."""
        users, liked = pairs.unbind(1)
        drawn = torch.rand(self._known.shape, generator=self.graph.dice, device=self.graph.device)
        has = (self._known & (drawn >= self.config.forget)).float()
        encodings = self.network(self._data, has)
        movies = self._spread(encodings, has)
        final = torch.cat([Product.apply(*self._links, movies * has), movies])
        likelihood = self._likelihood.loss(final, self.network.biases(encodings, has), users, liked)
        penalty = self.network.vectors[MOVIE][liked].square().sum() / (2 * len(pairs))
        loss: Tensor = likelihood + self.config.l2 * penalty
        return loss

    @torch.no_grad()
    def scorer(self) -> CosineScorer:
        """Movies by their encodings, spread over likes; of a history each movie by its own, over the root of likes."""
        has = self._known.float()
        encodings = self.network(self._data, has)
        movies: FloatArray = self._spread(encodings, has).cpu().numpy()
        history = np.asarray(movies / self.graph.roots(), dtype=np.float32)
        return self._likelihood.scorer(history, movies, self.network.biases(encodings, has))

    def _spread(self, encodings: Tensor, has: Tensor) -> Tensor:
        """Encodings, and what comes back of them from the users who like a movie (movies, d)."""
        to_users, to_movies = self._links
        found, step = encodings, encodings
        for _ in range(self.config.hops):
            users = Product.apply(to_users, to_movies, step * has)
            step = Product.apply(to_movies, to_users, users) * has
            found = found + step
        return found


def hetero(knowledge: Knowledge, graph: Likes) -> HeteroData:
    """The graph of movies and entities: of each relationship, in both directions, the matrix of means as a `link`."""
    data = HeteroData()
    data[MOVIE].num_nodes = graph.n_items
    for label, count in knowledge.entities.items():
        data[label.value].num_nodes = count
    for relation, (label, matrix) in knowledge.links.items():
        data[label.value, relation.value, MOVIE].link = _linked(_means(matrix), graph)
        data[MOVIE, f"of_{relation.value}", label.value].link = _linked(_means(Csr(matrix.T.tocsr())), graph)
    return data


def _linked(matrix: Csr, graph: Likes) -> tuple[Tensor, Tensor]:
    """A matrix and its transpose, for `Product`."""
    return graph.sparse(matrix), graph.sparse(Csr(matrix.T.tocsr()))


def _means(matrix: Csr) -> Csr:
    """Rows that sum to 1."""
    counts = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-12)
    return Csr(sparse.diags_array(1 / counts) @ matrix)


def _drawn(shape: tuple[int, ...], std: float, dice: torch.Generator) -> Tensor:
    """Normally distributed numbers, from these dice."""
    return torch.empty(shape, device=dice.device).normal_(std=std, generator=dice)
