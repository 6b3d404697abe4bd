"""What every model has: a documented configuration, `fit`, `score`, a scorer to serve with, and some embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from cinegraph.errors import ModelError, NotEnoughData
from recommenders.arrays import AnyArray, FloatArray, IntArray
from recommenders.checkpoints import Checkpoints
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.scorers import History, Scorer
from recommenders.search_space import SearchSpace
from recommenders.splits import Question
from recommenders.start import Start


class ModelConfig(BaseModel):
    """Hyper-parameters: immutable, and a name that is not one of them is refused.

    `search_space` says what is worth trying of them; empty for a model that has nothing to tune.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    search_space: ClassVar[SearchSpace] = {}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is: `done` of `total` steps, and what can be said about the last one."""

    task: str
    done: int
    total: int
    note: str = ""


def silent(progress: Progress) -> None:
    """Tell nobody."""


def unseen(epoch: int, ndcg_at_10: float) -> None:
    """Note nothing."""


Learning: TypeAlias = tuple[tuple[int, float], ...]
"""The NDCG@10 on validation by epoch."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to fit.

    With `validation` a model that trains in epochs stops early; `device` "auto" takes a GPU where one is, and "cpu"
    gives the same bytes for the same seed. `knowledge` is what the catalogue says of the movies, for models that learn
    from it. With `checkpoints` a model that trains in epochs keeps how far it is, and goes on from there where the same
    training was ended before its time, to the same bytes. With a `start` such a model goes on from there, for a few
    epochs and to their end. `looked` is told the epoch and the NDCG@10 after each look at
    the validation part; an error that it raises ends the training.
    """

    seed: int = 0
    validation: Question | None = None
    device: str = "auto"
    knowledge: Knowledge | None = None
    checkpoints: Checkpoints | None = None
    start: Start | None = None
    progress: Callable[[Progress], None] = field(default=silent)
    looked: Callable[[int, float], None] = field(default=unseen)


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Vectors in one space: `movies` (movies, d), `users` (users, d), by position; zeros where nothing was learnt."""

    movies: FloatArray
    users: FloatArray


C = TypeVar("C", bound=ModelConfig)


class Model(ABC, Generic[C]):
    """A model: unfitted with its configuration, fitted once it has a scorer.

    After `fit`, `config` holds what early stopping chose, so that a refit with it trains as long, and `learning` the
    NDCG@10 on validation by epoch. `search` lists other values of hyper-parameters that are tried on the validation
    part where none are given.
    """

    config_class: ClassVar[type[ModelConfig]]
    search: ClassVar[tuple[dict[str, Any], ...]] = ()

    def __init__(self, config: C) -> None:
        self.config = config
        self.learning: Learning = ()
        self._scorer: Scorer | None = None

    @classmethod
    def check_device(cls, device: str) -> str:
        """The device that it trains on where this one is asked for; raises `InvalidInput` where that is not there."""
        return "cpu"

    def beside(self) -> tuple[str, ...]:
        """The models, by name, that it must be surely better than."""
        return ()

    def check_start(self, interactions: Interactions, options: FitOptions) -> None:
        """Raise `ModelError` where it cannot go on from the start of the options."""
        raise ModelError(f"{type(self).__name__} learns in closed form, and has nothing to go on from")

    def learnt(self) -> dict[str, AnyArray]:
        """What it learnt of all but users, for a training that goes on from it; {} for a model that cannot."""
        return {}

    def fit(self, interactions: Interactions, options: FitOptions | None = None) -> Self:
        """Learn from the interactions; raises `NotEnoughData` where nobody likes anything."""
        if not interactions.liked.nnz:
            raise NotEnoughData(f"none of {len(interactions)} ratings is 4 stars or more, so there is nothing to learn")
        self.learning = ()
        self._scorer = self._learn(interactions, options or FitOptions())
        return self

    @abstractmethod
    def _learn(self, interactions: Interactions, options: FitOptions) -> Scorer: ...

    def scorer(self) -> Scorer:
        """What serves the model."""
        if self._scorer is None:
            raise ModelError(f"{type(self).__name__} has not been fitted; call fit first")
        return self._scorer

    def score(self, history: History, candidates: IntArray | None = None) -> FloatArray:
        """The score of every movie (movies,), or of the candidates (c,), for a history."""
        return self.scorer().score(history, candidates)

    def embeddings(self) -> Embeddings | None:
        """Vectors of movies and users; None for a model without them."""
        return None
