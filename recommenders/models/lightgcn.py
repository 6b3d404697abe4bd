"""LightGCN: embeddings of users and movies, propagated over the graph of likes (He et al. 2020), on PyTorch Geometric.

Each layer is e_u' = sum over the movies i that u likes of e_i / sqrt(|N_u| |N_i|), and the same for movies (equation
3); the final embedding is the mean of the layers from `first_layer` to K.

The default (`loss: softmax`, `first_layer: 1`) learns in far fewer steps than the paper's loss: `likelihood.py`. As in
the paper (`loss: bpr`, `first_layer: 0`, `layers: 3`) the loss is BPR with one movie drawn uniformly that the user does
not like, and L2 on the layer-0 embeddings of the batch (equation 15).

What is published has no vector for any user. Layers 1..K of a user are sums over the user's movies, so a history of
anybody is folded in as e_u = 1/sqrt(|N_u|) * sum over i of q_i, with q_i = (sum of the layers before K of i) /
(layers sqrt(|N_i|)). With `first_layer: 1` that is the user's whole embedding: nothing is lost by folding in. With 0
the user's own trained vector, layer 0, is left out, and that is what evaluation measures: on ml-latest-small it costs
some 2 % of NDCG@10, less than seeds and epochs differ by. A linear estimate of it from the folded vector, by ridge
regression over the trained users, gains nothing.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from recommenders.arrays import FloatArray
from recommenders.cosine_scorer import CosineScorer
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.models.graph_model import GraphModel
from recommenders.models.likelihood import Likelihood
from recommenders.models.neighbours import NEIGHBOURS, Reach, Some, sampled, take, whole
from recommenders.models.propagation import GraphConfig, Links, Training, product
from recommenders.scorers import FactorScorer
from recommenders.search_space import Choice, Range, SearchSpace

NODE = "Node"
LIKES = (NODE, "likes", NODE)


class Config(GraphConfig):
    """Hyper-parameters of LightGCN."""

    loss: Literal["bpr", "softmax"] = Field("softmax", description="softmax: fast, by cosine; bpr: as in the paper")
    first_layer: Literal[0, 1] = Field(1, description="first layer of the mean; from 1 on all of it can be folded in")
    layers: int = Field(2, ge=1, le=8, description="K: how many times embeddings are propagated; in the paper 3")
    evaluate_every: int = Field(2, ge=1, description="epochs between two looks at the validation part")
    temperature: float = Field(0.2, gt=0, description="of softmax: what cosines are divided by")
    negatives: int = Field(1024, ge=1, description="of softmax: movies drawn in a step, to stand for all")
    neighbours: int | None = Field(None, ge=1, description=NEIGHBOURS)

    search_space: ClassVar[SearchSpace] = {
        **GraphConfig.search_space,
        "loss": Choice(("bpr", "softmax")),
        "first_layer": Choice((0, 1)),
        "temperature": Range(0.05, 0.5, log=True),
    }


class LightGCN(GraphModel[Config]):
    """Light graph convolution."""

    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._trained: FloatArray | None = None

    def trained_users(self) -> FloatArray:
        """Final embeddings of the users with their own layer 0 (users, d): to compare with, never published."""
        self.scorer()
        assert self._trained is not None
        return self._trained

    def _training(self, interactions: Interactions, device: torch.device, options: FitOptions) -> Training[Config]:
        made = LightTraining if self.config.loss == "bpr" else SoftmaxTraining
        return made(interactions, self.config, device, options.seed)

    def _keep(self, training: Training[Config]) -> None:
        assert isinstance(training, LightTraining)
        self._trained = training.trained_users()


class LightTraining(Training[Config]):
    """With the loss of the paper."""

    def loss(self, pairs: Tensor) -> Tensor:
        """BPR, and L2 on layer 0."""
        users, liked = pairs.unbind(1)
        first = self.graph.n_users
        nodes = torch.stack([users, liked + first, self.graph.others(users) + first])
        user, good, bad = self.final(nodes.flatten()).view(3, len(pairs), -1)
        loss: Tensor = self.network.recommendation_loss(
            (user * good).sum(1), (user * bad).sum(1), node_id=nodes.flatten(), lambda_reg=self.config.l2
        )
        return loss

    @torch.no_grad()
    def begin(self, known: Tensor) -> None:
        """Users by one propagation of the movies' own vectors, new movies in the direction of their users and as long
        as others are; those of whom that tells nothing as ever."""
        n, weight = self.graph.n_users, self.network.embedding.weight
        new = torch.ones(self.graph.n_items, dtype=torch.bool, device=weight.device)
        new[known] = False
        drawn, movies = weight.clone(), weight[n:]
        length = movies[~new].norm(dim=1).mean()
        movies[new], weight[:n] = 0, 0
        weight[:n] = product(self.graph.adjacency, weight)[:n]
        movies[new] = normalize(product(self.graph.adjacency, weight)[n:][new], dim=1) * length
        weight.copy_(torch.where(weight.any(dim=1, keepdim=True), weight, drawn))

    def final(self, nodes: Tensor) -> Tensor:
        """The mean of the layers, of these nodes (n, d)."""
        layers, places = self._layers_of(nodes)
        first = self.config.first_layer
        total: Tensor = sum(layers[first + 1 :], layers[first])
        return take(total, places) / self._count

    def _layers_of(self, nodes: Tensor) -> tuple[list[Tensor], Tensor]:
        """Layers 0 to K of these nodes, and perhaps of others; and where each of them stands there."""
        reach, places = self._reach(nodes)
        x = take(self.network.embedding.weight, reach.first[NODE])
        layers = [x]
        for conv, step in zip(self.network.convs, reach.steps, strict=True):
            x = self._after(conv(x, step.links[LIKES]))
            layers = [*(take(layer, step.kept[NODE]) for layer in layers), x]
        return layers, places

    def _after(self, x: Tensor) -> Tensor:
        """What is done to a layer in training."""
        return x

    def _reach(self, nodes: Tensor) -> tuple[Reach, Tensor]:
        """What these nodes depend on, and where each of them stands among those that come out."""
        likes, layers = {LIKES: Links(self.graph.adjacency, self.graph.adjacency)}, self.config.layers
        if self.config.neighbours is None:
            return whole(likes, NODE, layers), nodes
        some = Some.of(self.graph.n_users + self.graph.n_items, nodes)
        return sampled(likes, {NODE: some}, layers, self.config.neighbours, self.graph.dice), some.places[nodes]

    def scorer(self) -> FactorScorer | CosineScorer:
        """The movies' vectors, and what each adds to a history's."""
        history, items = self.factors()
        return FactorScorer(history, items, self.graph.likes)

    def factors(self) -> tuple[FloatArray, FloatArray]:
        """What each movie adds to the vector of a history, and its own (movies, d)."""
        layers = torch.stack([layer[self.graph.n_users :] for layer in self.layers()]).cpu().numpy()
        first = self.config.first_layer
        history = layers[:-1].sum(axis=0) / (self._count * self.graph.roots())
        return self.graph.spread(history), self.graph.spread(layers[first:].sum(axis=0) / self._count)

    def trained_users(self) -> FloatArray:
        """The mean of the layers of each user (users, d)."""
        layers = torch.stack(self.layers()[self.config.first_layer :])
        final: FloatArray = layers.mean(dim=0)[: self.graph.n_users].cpu().numpy()
        return final

    @property
    def _count(self) -> int:
        """Layers in the mean."""
        return self.config.layers + 1 - self.config.first_layer


class SoftmaxTraining(LightTraining):
    """With the likelihood of each liked movie among all."""

    def __init__(self, interactions: Interactions, config: Config, device: torch.device, seed: int) -> None:
        super().__init__(interactions, config, device, seed)
        self._likelihood = Likelihood(self.graph, config.temperature, config.negatives)
        self.network.register_parameter("biases", torch.nn.Parameter(self._likelihood.shares()))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)

    def loss(self, pairs: Tensor) -> Tensor:
        """How unlikely the liked movies are, and L2 on layer 0 of the batch."""
        nodes, movies = self._batch(pairs)
        users, others = self.final(nodes).tensor_split([len(pairs)])
        likelihood = self._likelihood.loss(users, others, self.network.biases[movies])
        loss: Tensor = likelihood + self.config.l2 * self._penalty(nodes[: 2 * len(pairs)])
        return loss

    def _batch(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """The nodes of a batch: users, the movies they like, and those drawn (2 m + n,); and these movies (m + n,)."""
        users, liked = pairs.unbind(1)
        movies = torch.cat([liked, self._likelihood.draw()])
        return torch.cat([users, movies + self.graph.n_users]), movies

    def _penalty(self, nodes: Tensor) -> Tensor:
        """The squared layer 0 of the users and movies of pairs (2 m,), a pair."""
        penalty: Tensor = self.network.embedding.weight[nodes].square().sum() / len(nodes)
        return penalty

    def scorer(self) -> CosineScorer:
        """By the cosine of the vectors, and the movie's bias."""
        return self._likelihood.scorer(*self.factors(), self.network.biases)
