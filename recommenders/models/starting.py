"""What a training in epochs learnt of all but users, and another one that goes on from it.

Tensors of the network whose rows are of movies or entities are matched by ids (`Training.ids`); others, the weights of
layers, are taken as they are. One that is new begins as `Training.begin` has it, one that is gone is dropped.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cinegraph.errors import ModelError
from recommenders.arrays import AnyArray, IdArray
from recommenders.start import IDS, Start

MOVIE = "Movie"

if TYPE_CHECKING:
    from recommenders.models.propagation import Training


def learnt(training: "Training[Any]", movies: IdArray) -> dict[str, AnyArray]:
    """All tensors by name, without the rows of users, and the ids of rows by kind."""
    ids, kinds = training.ids(movies), training.rows
    found: dict[str, AnyArray] = {f"{IDS}{kind}": of for kind, of in ids.items()}
    for name, value in training.state().items():
        kept = value if name not in kinds else value[len(value) - len(ids[kinds[name]]) :]
        found[name] = kept.cpu().numpy()
    return found


def go_on(training: "Training[Any]", start: Start, movies: IdArray) -> None:
    """Bring a training that has not begun to what a version had learnt; raises `ModelError` where it does not fit."""
    ids, state = training.ids(movies), training.state()
    missing = sorted(set(start.learnt) ^ {*state, *(f"{IDS}{kind}" for kind in ids)})
    if missing:
        raise ModelError(f"{start.version} was another network: only one of the two has {', '.join(missing)}")
    for name, value in state.items():
        kind, old = training.rows.get(name), torch.from_numpy(start.learnt[name]).to(value.device)
        if old.shape[1:] != value.shape[1:] or (kind is None and old.shape != value.shape):
            shapes = f"{tuple(old.shape)}, and now it is {tuple(value.shape)}"
            raise ModelError(f"{start.version} was another network: its {name} is {shapes}")
        if kind is None:
            value.copy_(old)
        else:
            new, there = matched(ids[kind], start.learnt[f"{IDS}{kind}"])
            value[len(value) - len(ids[kind]) + new] = old[there]
    training.restore(state)
    training.begin(matched(ids[MOVIE], start.learnt[f"{IDS}{MOVIE}"])[0].to(training.graph.device))


def matched(ids: IdArray, others: IdArray) -> tuple[Tensor, Tensor]:
    """The positions in both of the ids that both have (n,), (n,)."""
    _, new, there = np.intersect1d(ids, others, assume_unique=True, return_indices=True)
    return torch.from_numpy(new), torch.from_numpy(there)
