"""KGNN: a network over the knowledge graph that embeds a movie by its neighbours, and a person by their movies.

Two layers of mean-aggregating convolution (GraphSAGE, Hamilton et al. 2017) run over the heterogeneous graph of movies
and entities, each relationship with weights of its own, in both directions: a movie's encoding tells of its people,
genres and keywords, and of their other movies. To it comes a vector of the movie's own, where anybody likes the movie.

Encodings x are spread over the graph of likes: with R = D_u^-1/2 X D_i^-1/2, z = sum over h = 0..hops of (R'R)^h x is a
movie's embedding, and R z that of a user (`spreading.py`). Users have no vector of their own, so that a history is
folded in exactly. With `neighbours` a step multiplies what its batch needs, of each node some neighbours alone
(`neighbours.py`); what is published is always of all of them.

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
from recommenders.models import spreading
from recommenders.models.graph_model import GraphModel
from recommenders.models.likelihood import Likelihood
from recommenders.models.neighbours import NEIGHBOURS, Reach, Rows, Some, sampled, take, whole
from recommenders.models.propagation import GraphConfig, Likes, Links, Training, normalised
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
    neighbours: int | None = Field(None, ge=1, description=NEIGHBOURS)

    search_space: ClassVar[SearchSpace] = {
        **GraphConfig.search_space,
        "layers": Range(1, 3),
        "hops": Range(0, 2),
        "temperature": Range(0.05, 0.5, log=True),
        "forget": Range(0.0, 0.5),
    }


class Mean(SAGEConv):  # type: ignore[misc]
    """GraphSAGE over links whose weights sum to 1 at each node."""

    def forward(self, x: tuple[Tensor, Tensor], edge_index: Links) -> Tensor:
        found: Tensor = self.lin_l(edge_index.times(x[0]))
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

    def forward(self, reach: Reach, has: Tensor) -> Tensor:
        """Encodings of the movies within reach, of which those that `has` (movies, 1) says have a vector of their
        own."""
        x = {kind: take(self.vectors[kind], rows) for kind, rows in reach.first.items()}
        x[MOVIE] = x[MOVIE] * take(has, reach.first[MOVIE])
        for place, (conv, step) in enumerate(zip(self.convs, reach.steps, strict=True)):
            last = place + 1 == len(self.convs)
            told = conv(x, step.links)
            after = {kind: told[kind] if last else torch.relu(told[kind]) for kind in step.kept}
            x = {kind: take(x[kind], rows) + after[kind] for kind, rows in step.kept.items()}
        encodings: Tensor = x[MOVIE]
        return encodings

    def biases(self, encodings: Tensor, has: Tensor, movies: Rows = None) -> Tensor:
        """How popular these movies (n,) are, in bits of the natural log (n,), by their encodings (n, d)."""
        shares = take(self.shares * has.squeeze(1), movies)
        found: Tensor = self.popular(encodings).squeeze(1) + shares
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
        self._likes = _linked(normalised(self.graph.liked), self.graph)
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
        forgotten = torch.rand(self._known.shape, generator=self.graph.dice, device=self.graph.device)
        has = (self._known & (forgotten >= self.config.forget)).float()
        movies = torch.cat([liked, self._likelihood.draw()])
        likelihood = self._likelihood.loss(*self._embedded(users, movies, has))
        penalty = self.network.vectors[MOVIE][liked].square().sum() / (2 * len(pairs))
        loss: Tensor = likelihood + self.config.l2 * penalty
        return loss

    @torch.no_grad()
    def scorer(self) -> CosineScorer:
        """Movies by their encodings, spread over likes; of a history each movie by its own, over the root of likes."""
        has = self._known.float()
        encodings = self.network(self._reach(None), has)
        movies: FloatArray = spreading.whole(self._likes, self.config.hops).movies(encodings, has).cpu().numpy()
        history = np.asarray(movies / self.graph.roots(), dtype=np.float32)
        return self._likelihood.scorer(history, movies, self.network.biases(encodings, has))

    def _embedded(self, users: Tensor, movies: Tensor, has: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of users (m, d), and of movies (n, d) with their biases (n,), in training."""
        at_most, hops = self.config.neighbours, self.config.hops
        if at_most is None:
            encodings, own = self.network(self._reach(None), has), has
            spread, (user, movie, encoded) = spreading.whole(self._likes, hops), (users, movies, movies)
        else:
            needed = spreading.sampled(self._likes, hops, users, movies, at_most, self.graph.dice)
            encodings, own = self.network(self._reach(needed.encoded), has), take(has, needed.encoded.ids)
            user, movie, encoded = needed.places(users, movies)
            spread = needed.spreading
        found = spread.movies(encodings, own)
        biases = self.network.biases(take(encodings, encoded), has, movies)
        return take(spread.users(found, own), user), take(found, movie), biases

    def _reach(self, movies: Some | None) -> Reach:
        """What these movies', or all movies', encodings depend on."""
        links, layers = self._data.link_dict if self._data.edge_types else {}, len(self.network.convs)
        if movies is None:
            return whole(links, MOVIE, layers)
        assert self.config.neighbours is not None
        return sampled(links, {MOVIE: movies}, layers, self.config.neighbours, self.graph.dice)


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


def _linked(matrix: Csr, graph: Likes) -> Links:
    return Links(graph.sparse(matrix), graph.sparse(Csr(matrix.T.tocsr())))


def _means(matrix: Csr) -> Csr:
    """Rows that sum to 1."""
    counts = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1e-12)
    return Csr(sparse.diags_array(1 / counts) @ matrix)


def _drawn(shape: tuple[int, ...], std: float, dice: torch.Generator) -> Tensor:
    """Normally distributed numbers, from these dice."""
    return torch.empty(shape, device=dice.device).normal_(std=std, generator=dice)
