"""A training in epochs as it stands at one of them: kept in a file, and taken up again to the same bytes.

What is kept is the network, the optimiser, the dice, the losses, and the best network so far: all that the next epoch
depends on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from recommenders.arrays import AnyArray
from recommenders.checkpoints import Checkpoints, key_of
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Learning, Model
from recommenders.runs.environment import code_fingerprint

if TYPE_CHECKING:
    from recommenders.models.propagation import Training

NETWORK, BEST, ADAM = "network.", "best.", "adam."


@dataclass(slots=True)
class Sofar:
    """The best epoch so far and its state, its NDCG@10 on validation, and looks since without a better one."""

    epoch: int
    state: dict[str, Tensor]
    best: float = -1.0
    waited: int = 0
    learning: Learning = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """The file of one training; none, where nothing is to be kept."""

    checkpoints: Checkpoints | None
    model: str
    key: str

    @classmethod
    def of(cls, model: Model[Any], interactions: Interactions, device: torch.device, options: FitOptions) -> "Kept":
        """The file of a model's training: another one for other ratings, hyper-parameters, seeds or versions."""
        name = type(model).__name__.lower()
        if options.checkpoints is None:
            return cls(None, name, "")
        validation = options.validation
        parts = {
            "config": model.config.model_dump(),
            "seed": options.seed,
            "start": options.start.version if options.start else "",
            "device": device.type,
            "ratings": interactions.fingerprint(),
            "validation": [validation.known.fingerprint(), validation.target.fingerprint()] if validation else [],
            "code": [code_fingerprint(), torch.__version__],
        }
        return cls(options.checkpoints, name, key_of(parts, options.knowledge))

    def keep(self, training: "Training[Any]", sofar: Sofar) -> None:
        """Keep all that the next epoch depends on."""
        if self.checkpoints is None:
            return
        numbers = {"epoch": sofar.epoch, "best": sofar.best, "waited": sofar.waited}
        arrays: dict[str, AnyArray] = {name: np.array(value) for name, value in numbers.items()}
        arrays["losses"] = np.array(training.losses, np.float64)
        arrays["learning"] = np.array(sofar.learning, np.float64).reshape(-1, 2)
        arrays["dice"] = training.graph.dice.get_state().cpu().numpy()
        arrays |= _arrays(NETWORK, training.state()) | _arrays(BEST, sofar.state)
        for place, state in training.optimiser.state_dict()["state"].items():
            arrays |= _arrays(f"{ADAM}{place}.", state)
        self.checkpoints.save(self.model, self.key, arrays)

    def found(self, training: "Training[Any]") -> Sofar | None:
        """Bring a training to where it was kept; None, and nothing is changed, where no such is kept."""
        arrays = self.checkpoints.load(self.model, self.key) if self.checkpoints else None
        if arrays is None:
            return None
        training.restore(_tensors(NETWORK, arrays))
        optimiser = training.optimiser.state_dict()
        places = sorted({int(name.split(".")[1]) for name in arrays if name.startswith(ADAM)})
        optimiser["state"] = {place: _tensors(f"{ADAM}{place}.", arrays) for place in places}
        training.optimiser.load_state_dict(optimiser)
        training.graph.dice.set_state(torch.from_numpy(arrays["dice"]))
        training.losses[:] = arrays["losses"].tolist()
        learning = tuple((int(epoch), reached) for epoch, reached in arrays["learning"].tolist())
        state = {name: value.to(training.graph.device) for name, value in _tensors(BEST, arrays).items()}
        return Sofar(int(arrays["epoch"]), state, float(arrays["best"]), int(arrays["waited"]), learning)

    def drop(self) -> None:
        """Keep nothing any more."""
        if self.checkpoints:
            self.checkpoints.drop(self.model, self.key)


def _arrays(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, AnyArray]:
    return {f"{prefix}{name}": tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _tensors(prefix: str, arrays: Mapping[str, AnyArray]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(array) for name, array in arrays.items() if name.startswith(prefix)
    }
