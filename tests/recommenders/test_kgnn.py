"""KGNN: it embeds a movie that nobody likes by its neighbours in the catalogue, and a person by three movies."""

from functools import cache

import numpy as np
import pytest
from scipy import sparse

from recommenders import registry
from recommenders.arrays import Csr
from recommenders.cosine_scorer import CosineScorer
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.newcomers import with_newcomers
from recommenders.scorers import History
from tests.recommenders.planted import SMALL, catalogue, groups, planted

COLD = np.arange(10, 42)
"""Movies, eight of each group, that nobody has rated."""


def warm() -> Interactions:
    """All ratings but those of the cold movies, which keep their places."""
    return planted().subset(~np.isin(planted().movie_index, COLD))


@cache
def fitted(*, shuffled: bool = False) -> CosineScorer:
    options = FitOptions(device="cpu", knowledge=catalogue(shuffled=shuffled))
    scorer = registry.create("kgnn", SMALL["kgnn"]).fit(warm(), options).scorer()
    assert isinstance(scorer, CosineScorer)
    return scorer


def own_first(scorer: CosineScorer, history: History, group: int) -> float:
    """The chance that a cold movie of the own group stands before one of another."""
    scores = scorer.score(history)[COLD]
    own = groups()[COLD] % 4 == group
    return float((scores[own][:, None] > scores[~own][None, :]).mean())


def mean_own_first(scorer: CosineScorer) -> float:
    return float(np.mean([own_first(scorer, warm().history(user), user % 4) for user in range(warm().n_users)]))


def test_movies_that_nobody_rated_are_found_by_what_the_catalogue_says() -> None:
    assert mean_own_first(fitted()) > 0.9


def test_a_catalogue_dealt_out_at_random_finds_none() -> None:
    """The mutant of the test above."""
    assert mean_own_first(fitted(shuffled=True)) < 0.65


@pytest.mark.parametrize("group", range(4))
def test_three_reactions_say_which_group_a_new_person_is_of(group: int) -> None:
    rated = np.setdiff1d(np.flatnonzero((groups() % 4 == group) & (groups() >= 0)), COLD)[:3]
    assert own_first(fitted(), History.from_ratings(rated.tolist(), [5.0] * 3), group) > 0.9


def test_a_movie_it_has_embedded_is_no_newcomer() -> None:
    content = Csr(sparse.csr_array(np.eye(4)[np.maximum(groups(), 0) % 4]))
    assert with_newcomers(fitted(), content) is fitted()


def test_without_a_catalogue_it_learns_from_likes_alone() -> None:
    scorer = registry.create("kgnn", SMALL["kgnn"]).fit(warm(), FitOptions(device="cpu")).scorer()
    assert isinstance(scorer, CosineScorer)
    assert not scorer.item_factors[COLD].any()
    assert scorer.score(warm().history(0))[COLD].max() == 0
