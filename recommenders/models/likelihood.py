"""The loss of the fast graph networks: how unlikely each liked movie is among all, by cosines and a bias of each movie.

log p(i | u) = cos(u, i) / temperature + b_i - log sum over all movies j of exp(cos(u, j) / temperature + b_j)

The sum is estimated by movies drawn uniformly, each standing for as many as there are for one drawn. Cosines alone are
too narrow to say how popular a movie is; that is the bias's part, which begins at the log of the movie's share of likes
(Wu et al. 2022 on sampled softmax; the bias is what it costs to rank without a correction at the end).
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from recommenders.arrays import FloatArray
from recommenders.cosine_scorer import CosineScorer
from recommenders.models.propagation import Likes


class Likelihood:
    """Over the movies of a graph."""

    def __init__(self, graph: Likes, temperature: float, negatives: int) -> None:
        self._graph, self._temperature, self._negatives = graph, temperature, negatives

    def shares(self) -> Tensor:
        """The log of each movie's share of all likes, that of one like where it has none (n,)."""
        likes = torch.from_numpy(np.maximum(self._graph.likes[self._graph.items], 1).astype(np.float32))
        return torch.log(likes / likes.sum()).to(self._graph.device)

    def draw(self) -> Tensor:
        """The movies that stand for all in a step (n,)."""
        return self._graph.draw(self._negatives)

    def loss(self, users: Tensor, movies: Tensor, biases: Tensor) -> Tensor:
        """Minus the mean log-likelihood of pairs, by the final embeddings of their users (m, d), and those (m + n, d)
        and the biases (m + n,) of their movies, after which stand those that were drawn."""
        pairs = [len(users)]
        user = normalize(users, dim=1) / self._temperature
        good, other = normalize(movies, dim=1).tensor_split(pairs)
        liked, drawn = biases.tensor_split(pairs)
        right = (user * good).sum(1) + liked
        stand_for = math.log(max(self._graph.n_items - 1, 1) / self._negatives)
        wrong = user @ other.T + (drawn + stand_for)
        every = torch.logsumexp(torch.cat([right[:, None], wrong], dim=1), dim=1)
        return (every - right).mean()

    def scorer(self, history: FloatArray, items: FloatArray, biases: Tensor) -> CosineScorer:
        """By what each movie adds to a history, its own vector (movies, d), and the biases of the graph's movies (n,).
        A movie of which nothing is known is last."""
        known = np.asarray(items.any(axis=1))[self._graph.items]
        given = biases.detach().cpu().numpy()
        lowest = given.min() - 1 / self._temperature
        above = np.where(known, given - lowest, 0.0).astype(np.float32)
        lengths = np.linalg.norm(items, axis=1, keepdims=True) * np.float32(self._temperature)
        directions = np.divide(items, lengths, out=np.zeros_like(items), where=lengths > 0)
        return CosineScorer(history, directions, self._graph.spread(above), self._graph.likes)
