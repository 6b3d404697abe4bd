"""Whether a fitted model's arrays can be served: none empty, none of a wrong size, none with NaN or infinity."""

import numpy as np

from cinegraph.errors import ModelRefused
from recommenders.arrays import AnyArray
from recommenders.model import Embeddings
from recommenders.results import Fitted


def check_arrays(candidate: Fitted) -> None:
    """Refuse arrays that are empty, of a wrong size, or hold NaN or infinity."""
    for name, array in candidate.scorer.arrays().items():
        _check_array(candidate.name, name, array)
    n = len(candidate.scorer.popularity)
    if n != len(candidate.movies):
        raise ModelRefused(
            f"{candidate.name} scores {n} movies, but was trained on {len(candidate.movies)}; train it anew"
        )
    _check_sizes(candidate)
    if candidate.embeddings is not None:
        _check_embeddings(candidate, candidate.embeddings)


def _check_array(model: str, name: str, array: AnyArray) -> None:
    if array.size == 0:
        raise ModelRefused(f"{model}: {name} is empty (shape {array.shape}); train it anew")
    if wrong := int(np.count_nonzero(~np.isfinite(array))):
        raise ModelRefused(f"{model}: {wrong} of {array.size} numbers in {name} are NaN or infinite; train it anew")


def _check_sizes(candidate: Fitted) -> None:
    try:
        candidate.scorer.check()
    except ValueError as error:
        raise ModelRefused(f"{candidate.name}: {error}; train it anew") from error


def _check_embeddings(candidate: Fitted, embeddings: Embeddings) -> None:
    width = embeddings.movies.shape[1:2]
    wanted = {"movies": (len(candidate.movies), *width), "users": (len(candidate.users), *width)}
    for name, shape in wanted.items():
        array = getattr(embeddings, name)
        _check_array(candidate.name, f"the embeddings of {name}", array)
        if array.shape != shape:
            raise ModelRefused(
                f"{candidate.name}: the embeddings of {name} have shape {array.shape}, not {shape}; train it anew"
            )
