"""What a training tells of itself while it goes on, for whoever keeps it; nobody does, unless one is given."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from recommenders.model import Learning


@dataclass(frozen=True, slots=True)
class Subject:
    """What is trained: a model, on which data, under which protocol and how; fingerprints are SHA-256.

    `given` are the hyper-parameters that were asked for; those that it ends with come with what is measured.
    """

    model: str
    fingerprint: str
    protocol: str
    protocol_fingerprint: str
    seed: int
    device: str
    max_users: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


class Record(Protocol):
    """One training of one model."""

    def looked(self, epoch: int, ndcg_at_10: float) -> None:
        """After an epoch, the validation part was looked at."""

    def measured(self, config: Mapping[str, Any], figures: Mapping[str, float], learning: Learning = ()) -> None:
        """It was trained with these hyper-parameters in the end, and did so; the names of figures begin with the part
        that they are about."""

    def noted(self, tags: Mapping[str, Any]) -> None:
        """Something to know it by."""


class Recorder(Protocol):
    """Who keeps trainings."""

    def training(self, subject: Subject) -> AbstractContextManager[Record]:
        """A context, with a `Record`, in which the model is trained; an error that leaves it ends the record."""


class _Nothing:
    def looked(self, epoch: int, ndcg_at_10: float) -> None: ...

    def measured(self, config: Mapping[str, Any], figures: Mapping[str, float], learning: Learning = ()) -> None: ...

    def noted(self, tags: Mapping[str, Any]) -> None: ...


class Unrecorded:
    """Nobody keeps anything."""

    @contextmanager
    def training(self, subject: Subject) -> Iterator[Record]:
        """A record that is thrown away."""
        yield _Nothing()


UNRECORDED = Unrecorded()
