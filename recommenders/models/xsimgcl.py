"""XSimGCL: LightGCN that learns by contrast as well (Yu et al. 2023), in one pass.

In training each propagation adds noise: a random direction of length `noise`, in the orthant of the embedding. The
final embedding is the mean of the layers 1..K; that of layer `contrast_layer` must be nearest to the final one of the
same user or movie, among all of the batch (InfoNCE by cosine over `contrast_temperature`). What is published is without
noise, and as layer 0 is in no mean, a history's folded vector is the user's whole embedding.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.models.lightgcn import Config as LightConfig
from recommenders.models.lightgcn import LightGCN, SoftmaxTraining
from recommenders.models.neighbours import take
from recommenders.models.propagation import GraphConfig, Training
from recommenders.search_space import Range, SearchSpace

CONTRASTED = 4096
"""Users, and movies, of a batch that are compared with each other: of more some are drawn."""


class Config(LightConfig):
    """Hyper-parameters of XSimGCL."""

    loss: Literal["softmax"] = Field("softmax", description="the likelihood of each liked movie among all")
    first_layer: Literal[1] = Field(1, description="layer 0 is in no mean")
    layers: int = Field(2, ge=1, le=8, description="K: how many times embeddings are propagated")
    noise: float = Field(0.2, ge=0, description="length of what is added to each embedding at each propagation")
    contrast: float = Field(0.2, ge=0, description="weight of the contrast beside the likelihood")
    contrast_temperature: float = Field(0.2, gt=0, description="what the contrast's cosines are divided by")
    contrast_layer: int = Field(1, ge=1, description="the layer that is compared with the final embedding")

    search_space: ClassVar[SearchSpace] = {
        **GraphConfig.search_space,
        "temperature": Range(0.05, 0.5, log=True),
        "noise": Range(0.0, 0.3),
        "contrast": Range(0.01, 1.0, log=True),
        "contrast_temperature": Range(0.05, 0.5, log=True),
    }

    @model_validator(mode="after")
    def _layer_is_there(self) -> "Config":
        if self.contrast_layer > self.layers:
            raise ValueError(f"contrast_layer = {self.contrast_layer} is beyond the last of {self.layers} layers")
        return self


class XSimGCL(LightGCN):
    """Light graph convolution with contrastive learning."""

    config_class = Config

    def _training(self, interactions: Interactions, device: torch.device, options: FitOptions) -> Training[LightConfig]:
        assert isinstance(self.config, Config)
        return ContrastTraining(interactions, self.config, device, options.seed)


class ContrastTraining(SoftmaxTraining):
    """With noise at each layer, and the contrast."""

    config: Config

    def loss(self, pairs: Tensor) -> Tensor:
        """The likelihood with noisy embeddings, the contrast of two layers, and L2."""
        nodes, movies = self._batch(pairs)
        layers, places = self._layers_of(nodes)
        final, early = torch.stack(layers[1:]).mean(dim=0), layers[self.config.contrast_layer]
        users, liked, _ = places.tensor_split([len(pairs), 2 * len(pairs)])
        apart = sum(self._contrast(final, early, torch.unique(one)) for one in (users, liked))
        of_users, of_movies = take(final, places).tensor_split([len(pairs)])
        likelihood = self._likelihood.loss(of_users, of_movies, self.network.biases[movies])
        penalty = self._penalty(nodes[: 2 * len(pairs)])
        loss: Tensor = likelihood + self.config.contrast * apart + self.config.l2 * penalty
        return loss

    def _after(self, x: Tensor) -> Tensor:
        """With noise."""
        drawn = torch.rand(x.shape, generator=self.graph.dice, device=x.device)
        return x + torch.sign(x.detach()) * normalize(drawn, dim=1) * self.config.noise

    def _contrast(self, final: Tensor, early: Tensor, nodes: Tensor) -> Tensor:
        """How far the two embeddings of each node are from being each other's nearest (InfoNCE)."""
        if len(nodes) > CONTRASTED:
            nodes = nodes[torch.randperm(len(nodes), generator=self.graph.dice, device=nodes.device)[:CONTRASTED]]
        one, other = normalize(final[nodes], dim=1), normalize(early[nodes], dim=1)
        found: Tensor = cross_entropy(
            one @ other.T / self.config.contrast_temperature, torch.arange(len(nodes), device=nodes.device)
        )
        return found
