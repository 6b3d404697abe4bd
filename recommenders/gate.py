"""What stands between a trained model and its users: nothing broken, and nothing worse than popularity, gets past."""

from dataclasses import dataclass

import numpy as np

from cinegraph.errors import ModelRefused
from recommenders.arrays import AnyArray
from recommenders.bootstrap import Estimate, difference_of
from recommenders.evaluation import UserMetrics
from recommenders.model import Embeddings
from recommenders.scorers import Scorer


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model that wants to be served: over `n_movies` movies and `n_users` users."""

    name: str
    scorer: Scorer
    embeddings: Embeddings | None
    n_movies: int
    n_users: int


def check(candidate: Candidate, measured: UserMetrics, popular: UserMetrics, seed: int = 0) -> Estimate:
    """How much better than Popular the candidate is in NDCG@10, in pairs over the same users.

    Raises `ModelRefused` for arrays that are empty, of a wrong size or not finite, and for a model other than Popular
    whose advantage is not surely above 0.
    """
    check_arrays(candidate)
    if len(measured.users) == 0 or not np.array_equal(measured.users, popular.users):
        raise ModelRefused(
            f"{candidate.name} was measured on {len(measured.users)} users and popular on {len(popular.users)}: only "
            "figures for the same users can be compared; evaluate both anew"
        )
    figures = measured.ndcg_at_10
    if not np.isfinite(figures).all():
        raise ModelRefused(f"{candidate.name} has an NDCG@10 that is no number; evaluate it anew")
    advantage = difference_of(figures, popular.ndcg_at_10, seed)
    if candidate.name != "popular" and not advantage.above_zero:
        raise ModelRefused(
            f"{candidate.name} is not surely better than popular: NDCG@10 {figures.mean():.4f} against "
            f"{popular.ndcg_at_10.mean():.4f} over {len(measured.users)} users, a difference of {advantage}, which "
            "must lie above 0; train with more ratings or another model, or publish popular"
        )
    return advantage


def check_arrays(candidate: Candidate) -> None:
    """Refuse arrays that are empty, of a wrong size, or hold NaN or infinity."""
    for name, array in candidate.scorer.arrays().items():
        _check_array(candidate.name, name, array)
    n = len(candidate.scorer.popularity)
    if n != candidate.n_movies:
        raise ModelRefused(
            f"{candidate.name} scores {n} movies, but was trained on {candidate.n_movies}; train it anew"
        )
    _check_sizes(candidate)
    if candidate.embeddings is not None:
        _check_embeddings(candidate, candidate.embeddings)


def _check_array(model: str, name: str, array: AnyArray) -> None:
    if array.size == 0:
        raise ModelRefused(f"{model}: {name} is empty (shape {array.shape}); train it anew")
    if wrong := int(np.count_nonzero(~np.isfinite(array))):
        raise ModelRefused(f"{model}: {wrong} of {array.size} numbers in {name} are NaN or infinite; train it anew")


def _check_sizes(candidate: Candidate) -> None:
    try:
        candidate.scorer.check()
    except ValueError as error:
        raise ModelRefused(f"{candidate.name}: {error}; train it anew") from error


def _check_embeddings(candidate: Candidate, embeddings: Embeddings) -> None:
    width = embeddings.movies.shape[1:2]
    wanted = {"movies": (candidate.n_movies, *width), "users": (candidate.n_users, *width)}
    for name, shape in wanted.items():
        array = getattr(embeddings, name)
        _check_array(candidate.name, f"the embeddings of {name}", array)
        if array.shape != shape:
            raise ModelRefused(
                f"{candidate.name}: the embeddings of {name} have shape {array.shape}, not {shape}; train it anew"
            )
