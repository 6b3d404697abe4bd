"""The gate: each rule with its figure and its limit, what a reason stands in for, and which simpler model is taken."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from cinegraph.errors import ModelRefused
from cinegraph.settings import GateSettings
from recommenders import gate
from recommenders.arrays import DoubleArray
from recommenders.bootstrap import Estimate
from recommenders.evaluation import UserMetrics
from recommenders.gate import Rule, check, choose, outcome_of
from recommenders.protocol import load_protocol
from recommenders.results import Live, ModelResult, Recipe, TrainingRun
from recommenders.segments import Cold
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import SMALL, planted

USERS = 155
LIMITS = GateSettings()
OPTIONS = TrainingOptions(configs=SMALL, protocol=load_protocol("user_time"))
RECIPE = Recipe("ease-0123456789ab", "ease", {})
HALF = np.tile([1.0, 0.0], 78)[:USERS]
"""Alternating, so that an interval has a width."""


@cache
def trained() -> TrainingRun:
    """A real training, whose figures the tests replace."""
    return train(planted(), ["itemknn"], OPTIONS)


def measured(values: float | DoubleArray, **change: Any) -> UserMetrics:
    """An NDCG@10 by user; the rest is as it was measured."""
    return replace(trained().result("ease").measured, ndcg_at_10=np.broadcast_to(values, USERS).astype(float), **change)


def run(candidate: float | DoubleArray, ease: float, popular: float, **change: Any) -> TrainingRun:
    """ItemKNN is the candidate; the three have these figures."""
    figures = {"itemknn": candidate, "ease": ease, "popular": popular}
    rows = tuple(replace(row, measured=measured(figures[row.name]), against=()) for row in trained().results)
    return replace(trained(), results=rows, chosen="itemknn", **change)


def live(values: float | DoubleArray, **change: Any) -> Live:
    """A model that is served, with these figures."""
    return Live(RECIPE, measured(values, **change))


def rule(found: TrainingRun, name: str, limits: GateSettings = LIMITS) -> Rule:
    (one,) = (one for one in outcome_of(found, limits).rules if one.name == name)
    return one


# -- over Popular and EASE -------------------------------------------------------------------------------------------


def test_a_model_that_is_surely_better_than_ease_passes() -> None:
    outcome = check(run(0.5, 0.4, 0.2), LIMITS)
    assert [one.name for one in outcome.rules] == ["over popular", "over ease", "score ms"]
    assert all(one.held for one in outcome.rules)
    assert str(rule(run(0.5, 0.4, 0.2), "over ease").figure) == "0.1000 [0.1000, 0.1000]"


def test_n10_a_worse_model_is_refused_with_both_figures() -> None:
    figures = "NDCG@10 0.1000 against 0.2000 over 155 users, a difference of -0.1000"
    with pytest.raises(ModelRefused, match=rf"itemknn is not surely better than popular: {figures}"):
        check(run(0.1, 0.4, 0.2), LIMITS)


@pytest.mark.parametrize("candidate", [0.4, 0.2 + 0.4 * HALF])
def test_a_model_that_is_not_surely_better_than_ease_is_refused_without_a_reason(candidate: Any) -> None:
    with pytest.raises(ModelRefused, match='itemknn is not surely better than ease: .* or say why .* --because "…"'):
        check(run(candidate, 0.4, 0.1), LIMITS)
    outcome = check(run(candidate, 0.4, 0.1, because="it embeds movies"), LIMITS)
    assert (outcome.because, outcome.as_json()["because"]) == ("it embeds movies", "it embeds movies")
    assert [(one.name, one.held, one.waived) for one in outcome.rules[:2]] == [
        ("over popular", True, False),
        ("over ease", False, True),
    ]


def test_a_reason_does_not_stand_in_for_an_advantage_over_popular() -> None:
    with pytest.raises(ModelRefused, match="not surely better than popular"):
        check(run(0.2, 0.4, 0.2, because="it is ours"), LIMITS)


def test_n10_a_gate_without_the_interval_would_let_a_worse_model_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: with the check off, the worse model passes, so the test above would fail."""
    monkeypatch.setattr(Estimate, "above_zero", True)
    assert check(run(0.1, 0.4, 0.2), LIMITS).passed


def test_ease_itself_has_popular_to_beat_and_nothing_else() -> None:
    assert [one.name for one in outcome_of(replace(run(0.5, 0.4, 0.2), chosen="ease"), LIMITS).rules] == [
        "over popular",
        "score ms",
    ]
    with pytest.raises(ModelRefused, match="ease is not surely better than popular"):
        check(replace(run(0.5, 0.2, 0.2), chosen="ease"), LIMITS)


def test_popular_is_served_where_ease_is_not_surely_better_or_for_a_reason() -> None:
    assert check(replace(run(0.5, 0.2, 0.2), chosen="popular"), LIMITS).passed
    worse = replace(run(0.5, 0.4, 0.2), chosen="popular")
    with pytest.raises(ModelRefused, match="popular is not to be served where ease is surely better than it"):
        check(worse, LIMITS)
    assert check(replace(worse, because="an experiment"), LIMITS).passed


def test_figures_for_other_users_are_refused() -> None:
    found = run(0.5, 0.4, 0.2)
    some = replace(found.result("popular").measured, users=np.arange(20), ndcg_at_10=np.ones(20))
    rows = tuple(replace(row, measured=some) if row.name == "popular" else row for row in found.results)
    with pytest.raises(ModelRefused, match="itemknn was measured on 155 users and popular on 20"):
        check(replace(found, results=rows), LIMITS)


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(ModelRefused, match="itemknn has an NDCG@10 that is no number"):
        check(run(np.full(USERS, np.nan), 0.4, 0.2), LIMITS)


def test_what_a_training_drew_is_not_drawn_again_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = replace(trained(), chosen="itemknn")
    anew = replace(found, results=tuple(replace(row, against=()) for row in found.results))
    drawn = [(one.name, one.figure, one.words) for one in outcome_of(anew, LIMITS).rules]
    monkeypatch.setattr(gate, "difference_of", None)
    assert [(one.name, one.figure, one.words) for one in outcome_of(found, LIMITS).rules] == drawn
    told = outcome_of(found, LIMITS).as_json()["rules"]
    assert all(bool(rule["words"]) != rule["held"] for rule in told), "words are of what does not hold"
    with pytest.raises(TypeError):
        outcome_of(anew, LIMITS)


# -- which model is taken --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "asked", "taken"),
    [
        ((0.5, 0.4, 0.2), ("itemknn", "ease", "popular"), "itemknn"),
        ((0.4, 0.4, 0.2), ("itemknn", "ease", "popular"), "ease"),
        ((0.2, 0.2, 0.2), ("itemknn", "ease", "popular"), "popular"),
        ((0.4, 0.4, 0.2), ("itemknn", "popular"), "itemknn"),
        ((0.4, 0.4, 0.2), ("itemknn",), "itemknn"),
    ],
)
def test_the_simpler_model_stands_where_the_best_is_not_surely_better(
    figures: tuple[float, float, float], asked: tuple[str, ...], taken: str
) -> None:
    found = run(*figures)
    bars = [found.result("ease"), found.result("popular")]
    chosen, why = choose(found.result("itemknn"), [found.result(name) for name in asked], bars, 0)
    assert chosen == taken
    assert (why == "") == (taken == "itemknn")
    if why:
        assert why.startswith("itemknn is not surely better than")
        assert why.endswith(f"{taken}, which is simpler, stands")


# -- beside the live model -------------------------------------------------------------------------------------------


def test_a_model_that_is_as_good_as_the_live_one_passes() -> None:
    outcome = check(run(0.5, 0.4, 0.2, live=live(0.5)), LIMITS)
    assert outcome.live == RECIPE.version
    assert rule(run(0.5, 0.4, 0.2, live=live(0.5)), "beside live").limit == pytest.approx(-0.025)


@pytest.mark.parametrize("served", [0.53, 0.3 + 0.4 * HALF])
def test_a_model_that_may_be_worse_than_the_live_one_by_more_than_the_margin_is_refused(served: Any) -> None:
    """Surely worse, or not known well enough: the lower end of the interval decides."""
    figures = "may be worse than the live model ease-0123456789ab: NDCG@10 0.5000 against 0.5"
    with pytest.raises(ModelRefused, match=rf"itemknn {figures}.* which must not reach below -0.02.*GATE__MARGIN"):
        check(run(0.5, 0.4, 0.2, live=live(served), because="no reason stands in for this"), LIMITS)
    assert check(run(0.5, 0.4, 0.2, live=live(served)), GateSettings(margin=0.5)).passed


def test_a_gate_that_looked_at_the_mean_alone_would_let_it_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: an interval of no width."""
    narrow = lambda values, others, seed: Estimate(*3 * [float((values - others).mean())])  # noqa: E731
    monkeypatch.setattr(gate, "difference_of", narrow)
    assert check(run(0.5, 0.4, 0.2, live=live(0.3 + 0.4 * HALF)), LIMITS).passed


def test_a_live_model_that_could_not_be_measured_is_named_and_needs_a_reason() -> None:
    unknown = Live(RECIPE, None, unmeasured="which could not be fitted again: there is no model 'ease'")
    words = "itemknn cannot be compared with the live model ease-0123456789ab, which could not be fitted again: there"
    with pytest.raises(ModelRefused, match=words):
        check(run(0.5, 0.4, 0.2, live=unknown), LIMITS)
    assert check(run(0.5, 0.4, 0.2, live=unknown, because="the old one is gone"), LIMITS).passed


def cold(row: ModelResult, users: int, found: float | DoubleArray) -> ModelResult:
    """So many of the users are cold ones, and of the cold movies so much is found."""
    return replace(row, cold=Cold(np.arange(USERS) < users, np.broadcast_to(found, USERS).astype(float)))


def beside(users: int, own: float | DoubleArray, live_found: float, candidate: DoubleArray) -> TrainingRun:
    found = run(candidate, 0.2, 0.1)
    rows = tuple(cold(row, users, own) if row.name == "itemknn" else row for row in found.results)
    before = replace(live(0.4), cold=Cold(np.arange(USERS) < users, np.full(USERS, live_found)))
    return replace(found, results=rows, live=before)


def test_a_model_that_fails_newcomers_is_refused_though_it_is_better_for_all_others() -> None:
    candidate = np.where(np.arange(USERS) < 40, 0.3, 0.6)
    words = r"surely worse than the live model .* NDCG@10 of users with few likes, by 0.1000 .* 40 users, where 0.0400"
    with pytest.raises(ModelRefused, match=words):
        check(beside(40, 0.5, 0.5, candidate), LIMITS)
    assert check(beside(40, 0.5, 0.5, candidate), GateSettings(cold_margin=0.5)).passed
    assert check(beside(29, 0.5, 0.5, candidate), LIMITS).passed, "of 29 users nothing is said"


def test_a_model_that_loses_cold_movies_is_refused() -> None:
    with pytest.raises(ModelRefused, match=r"recall@20 of movies with few likes, by 0.2000 .* 155 users, where 0.0500"):
        check(beside(0, 0.3, 0.5, np.full(USERS, 0.6)), LIMITS)
    unsure = 0.9 * HALF
    assert unsure.mean() < 0.46
    assert check(beside(0, unsure, 0.5, np.full(USERS, 0.6)), LIMITS).passed, "not surely worse"
    few = np.where(np.arange(USERS) < 20, 0.3, np.nan)
    assert check(beside(0, few, 0.5, np.full(USERS, 0.6)), LIMITS).passed, "20 users want a cold movie"


def test_a_model_that_shows_much_less_of_the_catalogue_is_refused() -> None:
    coverage = measured(0.5).coverage_at_10
    wide = live(0.5, coverage_at_10=coverage * 1.4)
    with pytest.raises(ModelRefused, match=r"has a coverage@10 of \d.\d{4}, where the live model has .* is the least"):
        check(run(0.5, 0.4, 0.2, live=wide), LIMITS)
    assert check(run(0.5, 0.4, 0.2, live=wide), GateSettings(diversity_fall=0.3)).passed
    assert check(run(0.5, 0.4, 0.2, live=live(0.5, coverage_at_10=coverage * 1.3)), LIMITS).passed


def test_a_model_whose_lists_are_much_more_alike_is_refused() -> None:
    found = run(0.5, 0.4, 0.2, live=live(0.5, genre_distance_at_10=np.full(USERS, 0.8)))
    alike = measured(0.5, genre_distance_at_10=np.full(USERS, 0.55))
    rows = tuple(replace(row, measured=alike) if row.name == "itemknn" else row for row in found.results)
    with pytest.raises(ModelRefused, match=r"genres in a list of 0.5500, .* has 0.8000: 0.6000 is the least"):
        check(replace(found, results=rows), LIMITS)


def test_a_model_that_is_too_slow_is_refused() -> None:
    slow = replace(trained().fitted(), score_ms=150.0)
    with pytest.raises(ModelRefused, match="itemknn takes 150.0 ms of CPU time to score a user, and 50 is the most"):
        check(run(0.5, 0.4, 0.2, final=slow), LIMITS)
    assert check(run(0.5, 0.4, 0.2, final=slow), GateSettings(score_ms=150)).passed
    assert trained().fitted().score_ms > 0


def test_all_that_is_wrong_is_said_at_once() -> None:
    slow = replace(trained().fitted(), score_ms=150.0)
    with pytest.raises(ModelRefused, match="not surely better than ease: .*; itemknn may be worse .*; itemknn takes"):
        check(run(0.4, 0.4, 0.2, final=slow, live=live(0.6)), LIMITS)
