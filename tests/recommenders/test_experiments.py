"""Arms are exact and sticky; what is said of them is right however often one looks; broken experiments stop."""

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2, chi2_contingency, chisquare

from benchmarks.experiments import BROKEN_SHARE, World, experiments, figures, mismatches, t_test_misses
from cinegraph.errors import InvalidInput
from recommenders.experiments import (
    Decision,
    Experiment,
    Guardrail,
    arm_of,
    judge,
    point_of,
)
from recommenders.sequential import LEVEL, Sums, difference, errors_wide, mismatch_p, slope

HALVES = {"control": 0.5, "new": 0.5}
THIRDS = {"control": 0.5, "one": 0.3, "other": 0.2}
PARTS = np.array(list(THIRDS.values()))
USERS = [str(n) for n in range(100_000)]
RUNS = 200
LONGER = Experiment("longer-slates", HALVES, "liked", (Guardrail("dismissed", at_most=0.1),))


def counts(salt: str) -> dict[str, float]:
    arms = [arm_of(salt, user, THIRDS) for user in USERS]
    return {arm: float(arms.count(arm)) for arm in THIRDS}


def constant(users: int, mean: float, deviation: float) -> Sums:
    """Half of the users a deviation above the mean, half below."""
    return Sums.of(np.repeat([mean - deviation, mean + deviation], users // 2))


# -- arms ------------------------------------------------------------------------------------------------------------


def test_a_user_stays_in_the_arm() -> None:
    assert [arm_of("longer-slates", user, HALVES) for user in ("1", "2", "3", "ann", "日本")] == [
        LONGER.arm_of(user) for user in ("1", "2", "3", "ann", "日本")
    ]
    assert point_of("longer-slates", "ann") == 0.5371697179959641


def test_a_hundred_thousand_users_have_the_shares() -> None:
    users = counts("longer-slates")
    assert sum(users.values()) == 100_000
    expected = [share * 100_000 for share in THIRDS.values()]
    assert chisquare(list(users.values()), expected).statistic < chi2.ppf(0.999, 2)


def test_arms_of_two_salts_are_independent() -> None:
    table = np.zeros((3, 3))
    places = {arm: n for n, arm in enumerate(THIRDS)}
    for user in USERS:
        table[places[arm_of("one", user, THIRDS)], places[arm_of("two", user, THIRDS)]] += 1
    assert chi2_contingency(table).statistic < chi2.ppf(0.999, 4)


def test_salt_and_user_do_not_run_together() -> None:
    assert point_of("ab", "c") != point_of("a", "bc")
    assert point_of("a", "\0b") != point_of("a\0", "b")


def test_every_point_has_an_arm_though_shares_are_not_exact_in_binary() -> None:
    tenths = {str(n): 0.1 for n in range(10)}
    assert {arm_of("tenths", user, tenths) for user in USERS[:1000]} == set(tenths)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"control": 0.5, "new": 0.4}, "the shares of control, new sum to 0.9: they must sum to 1"),
        ({"control": 1.0, "new": 0.0}, "shares of arms are above 0, not {'new': 0.0}"),
        ({"control": 1.0, "new": math.nan}, "shares of arms are above 0, not {'new': nan}"),
        ({}, "the shares of no arms sum to 0"),
    ],
)
def test_shares_that_are_none_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        arm_of("salt", "ann", shares)
    assert message in str(refused.value)


# -- differences -----------------------------------------------------------------------------------------------------


def test_the_sequence_by_hand() -> None:
    found = difference(constant(5000, 2, 1), constant(5000, 2.1, 1), planned_users=10_000)
    error = math.sqrt(2 / 4999)
    u = 8.211968
    wide = math.sqrt((1 + 1 / u) * (math.log(1 + u) - 2 * math.log(0.05)))
    assert float(found.estimate) == pytest.approx(0.1)
    assert float(found.error) == pytest.approx(error)
    assert float(found.high - found.low) == pytest.approx(2 * wide * error, rel=1e-6)


def test_it_is_narrowest_at_the_planned_users() -> None:
    widths = {planned: float(errors_wide(np.array(3000.0), LEVEL, planned)) for planned in (1500, 3000, 6000)}
    assert min(widths, key=widths.__getitem__) == 3000


def test_cuped_equals_the_regression_within_the_arms() -> None:
    rng = np.random.default_rng(3)
    before, treated = rng.poisson(4, 1000).astype(float), np.arange(1000) % 2
    outcome = 0.5 * before + 0.3 * treated + rng.normal(0, 1, 1000)
    control, arm = (Sums.of(outcome[treated == n], before[treated == n]) for n in (0, 1))
    design = np.column_stack([np.ones(1000), treated, before])
    _, effect, theta = np.linalg.lstsq(design, outcome)[0]
    assert float(slope(control, arm)) == pytest.approx(theta)
    assert float(difference(control, arm).estimate) == pytest.approx(effect)
    assert float(difference(control, arm).narrowed) == pytest.approx(1 - 1 / math.sqrt(2), abs=0.02)


def test_a_covariate_that_says_nothing_changes_nothing() -> None:
    control, arm = (Sums.of(np.arange(n) % 7.0, np.full(n, 3.0)) for n in (200, 300))
    found, plain = difference(control, arm), difference(control, arm, cuped=False)
    assert (float(found.low), float(found.high), float(found.narrowed)) == (float(plain.low), float(plain.high), 0)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 users have no finite number"):
        Sums.of(np.array([1.0, math.nan]))
    with pytest.raises(ValueError, match="one number of each a user"):
        Sums.of(np.ones(3), np.ones(2))


def test_sums_of_a_simulation_are_those_of_its_users() -> None:
    control, arm = next(experiments(World(0.1), 1, seed=1))
    assert control.users[0, -1] + arm.users[0, -1] == 20_000
    assert (np.diff(control.users, axis=1) > 0).all()


# -- looking at every batch --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rare", [False, True])
def test_looking_all_the_time_is_wrong_in_no_more_than_one_of_twenty(rare: bool) -> None:
    found = figures(World(rare=rare), RUNS, seed=7)
    assert found["misses"] <= LEVEL
    assert found["misses_without_cuped"] <= LEVEL


def test_a_t_test_looked_at_all_the_time_would_be_noticed() -> None:
    assert figures(World(), RUNS, seed=7)["peeked_misses"] > 5 * LEVEL


def test_a_t_test_at_one_look_is_right_so_that_looking_is_what_breaks_it() -> None:
    last = [t_test_misses(difference(*sums, cuped=False), 0)[:, -1] for sums in experiments(World(), RUNS, seed=7)]
    assert np.concatenate(last).mean() == pytest.approx(LEVEL, abs=0.03)


def test_an_effect_is_found_and_cuped_needs_fewer_users() -> None:
    found = figures(World(0.2), 50, seed=7)
    assert (found["decided"], found["wrong_way"]) == (1, 0)
    assert found["users"] < found["users_without_cuped"]
    assert found["narrowed"] == pytest.approx(1 - math.sqrt(1 - 1 / 3), abs=0.02)


# -- numbers of users that are looked at after every one ---------------------------------------------------------------


def test_the_evidence_against_shares_is_the_product_of_how_much_likelier_each_user_was() -> None:
    """Users come one by one: the next one's arm is foreseen from those before, or from the shares."""
    arms, k = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], [150, 150, 100])), 599.2178723991008
    seen, odds = k * PARTS, 1.0
    for arm in arms:
        odds *= seen[arm] / seen.sum() / PARTS[arm]
        seen[arm] += 1
    p = float(mismatch_p(np.array([150.0, 150.0, 100.0]), PARTS))
    assert p == pytest.approx(1 / odds, rel=1e-9)
    assert 0.01 < p < 0.02


def test_users_that_fit_or_are_none_say_nothing() -> None:
    assert mismatch_p(np.array([[0.0, 0.0, 0.0], [500.0, 300.0, 200.0]]), PARTS).tolist() == [1, 1]


def test_more_planned_users_find_smaller_deviations_later() -> None:
    early, late = (mismatch_p(np.array([[80, 20], [50_500, 49_500]]), np.full(2, 0.5), n) for n in (100, 100_000))
    assert (early[0] < late[0], early[1] > late[1]) == (True, True)


def test_shares_looked_at_after_every_user_are_called_wrong_in_no_more_than_the_level() -> None:
    """The chance is .04 by 8,000 simulated experiments: so many of these few are as good as never surely more."""
    rng, runs, users = np.random.default_rng(7), 1_000, 2_000
    arms = rng.choice(3, (runs, users), p=PARTS)
    found = np.stack([(arms == arm).cumsum(axis=1) for arm in range(3)], axis=-1).astype(float)
    assert (mismatch_p(found, PARTS, 1_000) <= LEVEL).any(axis=1).sum() <= binom.ppf(0.999, runs, LEVEL)
    expected = PARTS * np.arange(1, users + 1)[:, None]
    statistic = ((found - expected) ** 2 / expected).sum(axis=-1)
    assert (statistic[:, 250:] > chi2.ppf(1 - LEVEL, 2)).any(axis=1).mean() > 4 * LEVEL, "so a fixed test is seen"


def test_shares_of_long_experiments_are_called_wrong_in_no_more_than_the_level_and_wrong_ones_are_found() -> None:
    right = mismatches(0.5, 1_000, LEVEL, seed=7)
    assert right["at_any_look"] <= LEVEL < 5 * LEVEL < right["peeked_at_any_look"]
    broken = mismatches(BROKEN_SHARE, RUNS, seed=7)
    assert (broken["at_any_look"], broken["users"]) == (1, pytest.approx(4_800, rel=0.1))


# -- verdicts --------------------------------------------------------------------------------------------------------


def said(liked: tuple[Sums, Sums], dismissed: tuple[Sums, Sums] | None = None) -> tuple[Decision, str]:
    even = constant(2000, 1, 0.5), constant(2000, 1, 0.5)
    measured = {"liked": liked, "dismissed": dismissed or even}
    (verdict,) = judge(LONGER, {name: dict(zip(HALVES, sums, strict=True)) for name, sums in measured.items()})
    assert verdict.arm == "new"
    return verdict.decision, verdict.reason


def test_better_worse_and_undecided() -> None:
    base = constant(2000, 2, 1)
    assert said((base, constant(2000, 2.5, 1))) == (
        Decision.BETTER,
        "liked: the difference 0.5000 [0.4014, 0.5986] is surely above 0",
    )
    assert said((base, constant(2000, 1.5, 1)))[0] == Decision.WORSE
    assert said((base, constant(2000, 2.05, 1)))[0] == Decision.UNDECIDED


def test_a_hundred_users_are_needed_in_each_arm() -> None:
    assert said((constant(98, 0, 0), constant(98, 9, 0))) == (
        Decision.UNDECIDED,
        "fewer than 100 users of new or of control are counted so far",
    )
    assert said((constant(100, 0, 0), constant(100, 9, 0)))[0] == Decision.BETTER


def test_a_broken_guardrail_stops_an_arm_that_is_better() -> None:
    liked, calm = (constant(2000, 2, 1), constant(2000, 2.5, 1)), constant(2000, 1, 0.5)
    assert said(liked, (calm, constant(2000, 1.3, 0.5))) == (
        Decision.STOPPED,
        "dismissed: the difference 0.3000 [0.2507, 0.3493] is surely above 0.1",
    )
    assert said(liked, (calm, constant(2000, 1.12, 0.5)))[0] == Decision.BETTER


def test_numbers_of_users_that_do_not_fit_stop_everything() -> None:
    decision, reason = said((constant(2000, 2, 1), constant(2300, 2.5, 1)))
    assert (decision, reason.split(";")[0]) == (
        Decision.STOPPED,
        "users do not fit the shares (p = 0.0003: control 2000, new 2300)",
    )


def test_the_level_is_divided_among_the_arms() -> None:
    two = Experiment("two", THIRDS, "liked")
    sums = {"control": constant(1000, 2, 1), "one": constant(600, 2.1, 1), "other": constant(400, 2.1, 1)}
    found = {verdict.arm: verdict.difference for verdict in judge(two, {"liked": sums})}
    alone = difference(sums["control"], sums["one"], 0.025)
    assert list(found) == ["one", "other"]
    assert float(found["one"].low) == float(alone.low)


def test_what_is_missing_or_cannot_be_is_named() -> None:
    with pytest.raises(InvalidInput, match="experiment longer-slates has no dismissed of control, new"):
        judge(LONGER, {"liked": dict.fromkeys(HALVES, constant(200, 1, 1))})
    with pytest.raises(InvalidInput, match="give one limit"):
        Guardrail("dismissed")
    with pytest.raises(InvalidInput, match="at least 1 and at most 0"):
        Guardrail("dismissed", at_least=1, at_most=0)
    with pytest.raises(InvalidInput, match="has one arm, control"):
        Experiment("alone", {"control": 1.0}, "liked")
    with pytest.raises(InvalidInput, match="level 5"):
        Experiment("loud", HALVES, "liked", level=5)
