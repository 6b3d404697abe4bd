"""A model that trains in epochs over the graph of likes: from a start, as far as it gets better, on a device."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic

import numpy as np
import torch

from cinegraph.errors import InvalidInput
from recommenders.arrays import AnyArray, FloatArray
from recommenders.cosine_scorer import CosineScorer
from recommenders.evaluation import ask
from recommenders.interactions import Interactions
from recommenders.model import Embeddings, FitOptions, Model, Progress
from recommenders.models.propagation import C, Training
from recommenders.models.resuming import Kept, Sofar
from recommenders.models.starting import go_on, learnt
from recommenders.scorers import FactorScorer, Scorer


class GraphModel(Model[C], Generic[C]):
    """A model that trains in epochs over the graph of likes; `losses` holds the mean loss of each epoch."""

    def __init__(self, config: C) -> None:
        super().__init__(config)
        self.losses: tuple[float, ...] = ()
        self._users: FloatArray | None = None
        self._learnt: dict[str, AnyArray] = {}

    def learnt(self) -> dict[str, AnyArray]:
        return self._learnt

    def check_start(self, interactions: Interactions, options: FitOptions) -> None:
        self._begun(interactions, device_of("cpu"), options)

    def embeddings(self) -> Embeddings | None:
        """Final embeddings of movies, and those of users as they are folded in from their likes."""
        scorer = self.scorer()
        assert isinstance(scorer, FactorScorer | CosineScorer)
        assert self._users is not None
        return Embeddings(scorer.item_factors, self._users)

    @classmethod
    def check_device(cls, device: str) -> str:
        return device_of(device).type

    @abstractmethod
    def _training(self, interactions: Interactions, device: torch.device, options: FitOptions) -> Training[C]: ...

    def _keep(self, training: Training[C]) -> None:
        """Remember what a model gives beside its scorer."""

    def _learn(self, interactions: Interactions, options: FitOptions) -> Scorer:
        device = device_of(options.device)
        with reproducible(self.config.threads, device):
            training = self._begun(interactions, device, options)
            epochs = self._run(training, Kept.of(self, interactions, device, options), options)
            scorer = training.scorer()
            self._keep(training)
            self._learnt = learnt(training, interactions.movies)
        self.config = self.config.model_copy(update={"epochs": epochs})
        self.losses = tuple(training.losses)
        self._users = np.stack([scorer.user_vector(interactions.history(u)) for u in range(interactions.n_users)])
        return scorer

    def _begun(self, interactions: Interactions, device: torch.device, options: FitOptions) -> Training[C]:
        training = self._training(interactions, device, options)
        if options.start is not None:
            go_on(training, options.start, interactions.movies)
        return training

    def _run(self, training: Training[C], kept: Kept, options: FitOptions) -> int:
        """Train, and give the number of epochs that a training in full is left with: the best, where there is a choice.

        One that goes on from a version looks at nothing, and says nothing of the epochs of one in full."""
        last, look = self.config.epochs, options.validation is not None
        if options.start is not None:
            last, look = self.config.night_epochs, False
        sofar = kept.found(training) or Sofar(self.config.epochs, training.state())
        self.learning = sofar.learning
        for epoch in range(len(training.losses) + 1, last + 1):
            if sofar.waited >= self.config.patience:
                break
            loss, note = training.epoch(), ""
            if epoch % self.config.evaluate_every == 0:
                if look:
                    note = self._look(training, sofar, epoch, options)
                kept.keep(training, sofar)
            options.progress(Progress("epochs", epoch, last, f"loss {loss:.4f}{note}"))
        if sofar.best >= 0:
            training.restore(sofar.state)
        kept.drop()
        return sofar.epoch

    def _look(self, training: Training[C], sofar: Sofar, epoch: int, options: FitOptions) -> str:
        """Measure the network on validation, and remember it where it is the best so far; what is said of it."""
        assert options.validation is not None
        reached = float(ask(training.scorer(), options.validation).ndcg_at_10.mean())
        sofar.waited, sofar.learning = sofar.waited + 1, (*sofar.learning, (epoch, reached))
        if reached > sofar.best:
            sofar.best, sofar.state, sofar.epoch, sofar.waited = reached, training.state(), epoch, 0
        self.learning = sofar.learning
        options.looked(epoch, reached)
        return f", NDCG@10 {reached:.4f}"


def device_of(wanted: str) -> torch.device:
    """The device that is meant; raises `InvalidInput` where it is not there."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("--device cuda: PyTorch sees no GPU here; --device cpu trains without one, and so does auto")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted)


@contextmanager
def reproducible(threads: int, device: torch.device) -> Iterator[None]:
    """Deterministic algorithms on so many threads while training on the CPU; what was set before is set again."""
    before, threads_before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(device.type == "cpu", warn_only=True)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(threads_before)
