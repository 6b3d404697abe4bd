"""The model card: computed from the run, whole without a network, the same bytes for the same run."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recommenders.card import card
from recommenders.facts import MovieFacts
from recommenders.plots import plane
from recommenders.protocol import load_protocol
from recommenders.results import TrainingRun
from recommenders.significance import Verdict
from recommenders.training import TrainingOptions, train
from recommenders.verdict import verdict
from tests.recommenders.planted import SMALL, planted

GENRES = ("drama", "comedy", "horror", "western")
FACTS = MovieFacts.from_genres(
    [(GENRES[int(movie[1:]) % 4],) for movie in planted().movies.tolist()], [1970 + n % 40 for n in range(118)]
)


@cache
def run(protocol: str = "user_time") -> TrainingRun:
    options = TrainingOptions(
        configs=SMALL, device="cpu", protocol=load_protocol(protocol), facts=FACTS, final=protocol == "user_time"
    )
    return train(planted(), ["lightgcn"], options)


def _with(found: TrainingRun, vectors: np.ndarray) -> TrainingRun:
    """With other vectors of the best model."""
    rows = (replace(one, vectors=vectors) if one.name == found.best else one for one in found.results)
    return replace(found, results=tuple(rows))


def test_every_model_and_figure_stands_in_the_card() -> None:
    page = card(run(), planted(), FACTS)
    for one in run().results:
        assert f'<th scope="row">{one.name}</th>' in page
        assert str(one.test.ndcg_at_10) in page
        assert str(one.test.calibration_error_at_10) in page
    assert page.count("<svg") == page.count("<figcaption>") == 6
    assert run().fingerprint[:12] in page
    assert run().protocol.about in page.replace("&#39;", "'")


def test_the_map_is_of_the_best_models_embeddings_and_says_whose_they_are() -> None:
    evaluated = replace(run(), final=None)
    assert run().best == "lightgcn"
    assert "movies by the embeddings of lightgcn, in two" in card(run(), planted(), FACTS)
    assert "movies by the embeddings of lightgcn, without the ratings of the test, in two" in card(
        evaluated, planted(), FACTS
    )
    vectors = evaluated.result("lightgcn").vectors
    assert vectors is not None
    assert vectors.shape == (118, 16)
    assert card(evaluated, planted(), FACTS) != card(_with(evaluated, vectors[::-1]), planted(), FACTS)


def test_the_map_of_a_model_without_embeddings_is_of_the_likes() -> None:
    page = card(replace(run(), final=None, best="ease"), planted(), FACTS)
    assert "movies by singular vectors of the likes, which are no model&#39;s, in two" in page
    assert [one.vectors is None for one in run().results] == [True, True, True, False]


def test_nothing_in_the_card_is_fetched() -> None:
    page = card(run(), planted(), FACTS)
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page)
    assert "<script" not in page
    assert "@import" not in page


def test_the_same_run_has_the_same_bytes() -> None:
    assert card(run(), planted(), FACTS) == card(run(), planted(), FACTS)


def test_without_facts_the_figures_that_need_them_are_left_out() -> None:
    options = TrainingOptions(device="cpu", protocol=load_protocol("user_time"))
    page = card(train(planted(), ["ease"], options), planted(), None)
    assert "ILD genres" not in page
    assert "Gini@10" in page


def test_where_users_are_hidden_there_is_a_curve_of_what_is_known() -> None:
    page = card(run("cold_users"), planted(), FACTS)
    assert "Newcomers: quality by the liked movies known." in page
    ease = run("cold_users").result("ease")
    assert list(ease.curve) == [0, 1, 3, 5, 10]
    assert ease.curve[10].mean > ease.curve[0].mean


@pytest.mark.parametrize(
    ("difference", "p", "words", "good"),
    [
        (-0.02, 0.01, "lightgcn is significantly better than EASE: +0.0200 NDCG@10, p = 0.0100", True),
        (0.02, 0.01, "lightgcn is significantly worse than EASE: -0.0200", False),
        (-0.02, 0.2, "The advantage of lightgcn over EASE is not significant: +0.0200", False),
    ],
)
def test_an_advantage_over_ease_that_is_not_significant_is_said(
    difference: float, p: float, words: str, good: bool
) -> None:
    found = verdict(replace(run(), best="lightgcn", verdicts=(Verdict("ease", "lightgcn", difference, p),)))
    assert found.words.startswith(words)
    assert found.good is good


def test_a_plane_keeps_the_two_directions_of_most_spread() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 5)) * np.array([9, 5, 0.1, 0.1, 0.1])
    found = plane(vectors)
    assert found.shape == (50, 2)
    assert found.var(axis=0).sum() > 0.99 * vectors.var(axis=0).sum()
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
