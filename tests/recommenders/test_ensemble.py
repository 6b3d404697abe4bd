"""Ensemble: an additive ranker that is better than its members, exact to explain, and says where it cannot learn."""

from dataclasses import replace
from functools import cache
from typing import Any

import lightgbm
import numpy as np
import pytest

from cinegraph.errors import InvalidInput, NotEnoughData
from recommenders import registry
from recommenders.additive_scorer import MANY, AdditiveScorer
from recommenders.arrays import FloatArray
from recommenders.curves import Curves
from recommenders.interactions import Interactions
from recommenders.lessons import Lesson
from recommenders.model import FitOptions, Progress
from recommenders.models.ensemble import OPENING_SLOPE, SLOPE, Ensemble, Steps, line
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import History, PopularityScorer
from tests.recommenders.planted import SMALL, catalogue, planted, planted_frame

SEED = 3


def floats(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


def ensemble(interactions: Interactions, options: FitOptions | None = None, **config: Any) -> AdditiveScorer:
    scorer = registry.create("ensemble", SMALL["ensemble"] | config).fit(interactions, options).scorer()
    assert isinstance(scorer, AdditiveScorer)
    return scorer


@cache
def fitted() -> AdditiveScorer:
    return ensemble(planted(), FitOptions(knowledge=catalogue()))


def by_hand(*, own: FloatArray | None = None, **parts: Any) -> AdditiveScorer:
    """EASE under a curve of two steps: .5 more from half of the best score on, 1 more near the best."""
    ease = registry.create("ease").fit(planted()).scorer()
    given = {"thresholds": floats(0.5, 0.9), "values": floats(0.5, 1.0), "starts": np.array([0, 2], np.int32)} | parts
    curves = Curves(own=floats(*[0.25] * planted().n_movies) if own is None else own, **given)
    return AdditiveScorer((ease,), curves, replace(curves, values=curves.values * 2))


def liking(count: int) -> History:
    """The first likes of the user who likes most."""
    user = int(np.argmax(np.diff(planted().liked.indptr)))
    history = planted().history(user)
    assert len(history) >= count
    return History(history.items[:count], history.weights[:count])


def test_its_members_are_those_that_can_be_fitted() -> None:
    kinds = [member.kind for member in fitted().members]
    assert kinds == ["item_item", "item_item", "graph_filter", "item_item"]
    assert [member.kind for member in ensemble(planted()).members] == kinds[:3], "content needs a catalogue"


def test_a_curve_never_falls() -> None:
    for curves in (fitted().curves, fitted().opening):
        assert len(curves.values) > 0
        assert (curves.values >= 0).all()


def test_scores_are_sums_of_curves() -> None:
    scorer, history = by_hand(), liking(MANY)
    scores = scorer.members[0].score(history)
    free = np.setdiff1d(np.arange(len(scores)), history.items)
    relative = scores / scores[free].max()
    wanted = 0.25 + 0.5 * (relative > np.float32(0.5)) + 1.0 * (relative > np.float32(0.9))
    assert scorer.score(history).tolist() == wanted.tolist()
    assert set(wanted.tolist()) == {0.25, 0.75, 1.75}


def test_a_movie_that_is_known_takes_nothing_from_the_others() -> None:
    """The best score is that of a movie outside the history: what a user has seen sets no measure."""
    scorer, history = by_hand(), liking(MANY)
    free = np.setdiff1d(np.arange(planted().n_movies), history.items)
    assert scorer.score(history)[free].max() == 1.75


def test_it_is_the_same_again_from_its_arrays() -> None:
    arrays = fitted().arrays()
    assert {"thresholds", "own", "opening.starts", "0.item_item.items", "2.graph_filter.vectors"} <= set(arrays)
    again, history = scorer_from("additive", arrays), planted().history(9)
    assert again.score(history).tobytes() == fitted().score(history).tobytes()
    assert again.arrays().keys() == arrays.keys()


def test_many_histories_at_once_are_scored_as_each() -> None:
    many = fitted().score_many(planted().liked[:5])
    for user in range(5):
        assert many[user].tobytes() == fitted().score(planted().history(user)).tobytes()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"starts": np.array([0, 1], np.int32)}, "thresholds"),
        ({"starts": np.array([1, 2], np.int32)}, "do not rise from 0"),
        ({"thresholds": floats(0.9, 0.5)}, "thresholds of a curve do not rise"),
        ({"values": floats(0.5)}, "values"),
        ({"own": floats(1, 2, 3)}, "own"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        by_hand(**parts).check()


def test_arrays_of_a_foreign_member_are_refused() -> None:
    arrays = {name.replace("item_item", "nosuch"): array for name, array in by_hand().arrays().items()}
    with pytest.raises(InvalidInput, match="there is no kind of scorer 'nosuch'"):
        scorer_from("additive", arrays)


def test_without_members_it_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there are no members"):
        scorer_from(
            "additive", Curves.flat(0, 1).arrays() | {f"opening.{k}": v for k, v in Curves.flat(0, 1).arrays().items()}
        )


def test_an_ensemble_of_an_earlier_cinegraph_has_the_same_curves_for_openings() -> None:
    arrays = {name: array for name, array in by_hand().arrays().items() if not name.startswith("opening.")}
    again = scorer_from("additive", arrays)
    assert isinstance(again, AdditiveScorer)
    assert again.opening is again.curves
    assert again.score(liking(MANY)).tolist() == by_hand().score(liking(MANY)).tolist()


def test_an_ensemble_is_no_member_of_itself() -> None:
    with pytest.raises(InvalidInput, match="members = .*'ensemble'.*name other models"):
        ensemble(planted(), members=("ease", "ensemble"))


def test_an_unknown_member_is_named() -> None:
    with pytest.raises(InvalidInput, match="members"):
        registry.create("ensemble", {"members": ()})


def test_only_a_member_that_cannot_be_fitted_is_said_with_its_reason() -> None:
    with pytest.raises(NotEnoughData, match="no member of the ensemble can be fitted; content: the catalogue connects"):
        ensemble(planted(), members=("content",))


def test_members_that_say_nothing_of_a_user_cannot_be_ranked() -> None:
    with pytest.raises(NotEnoughData, match="ensemble: no last rating is for a movie that a member finds"):
        ensemble(planted(), members=("popular",))


def steps_of(lesson: Lesson, members: int, slope: float = SLOPE, **config: Any) -> Steps:
    found = registry.create("ensemble", config)
    assert isinstance(found, Ensemble)
    return found._curves(lesson, members, slope, FitOptions(seed=SEED))


def test_a_lesson_of_which_nothing_can_be_learnt_is_told() -> None:
    lesson = Lesson(np.ones((60, 6), np.float32), np.tile(np.array([1, 0, 0], np.int32), 20), np.full(20, 3, np.int32))
    with pytest.raises(NotEnoughData, match="ensemble: 20 likes are too few to weigh its members by; train one of"):
        steps_of(lesson, 1)


def best_ten(slope: float) -> tuple[float, float]:
    """Of the ten movies that stand first: how often they are liked beside all, and the mean score of the member.

    Each case likes a few of hundreds of candidates: the better the member's score, the more. What each movie has of its
    own says nothing, in four ways that rise together."""
    rng, shape = np.random.default_rng(SEED), (1000, 250)
    member, own = rng.random(shape), rng.random(shape[1])
    liked = rng.random(shape) < 0.05 * member
    features = np.stack([member, *(np.broadcast_to(own**power, shape) for power in (0.5, 1, 2, 3))], axis=2)
    rows = features.reshape(-1, 5).astype(np.float32)
    lesson = Lesson(rows, liked.ravel().astype(np.int32), np.full(shape[0], shape[1], np.int32))
    curves = steps_of(lesson, 1, slope).over(rows)
    scores = (curves.height(0, rows[:, 0]) + curves.own).reshape(shape)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    shown = np.take_along_axis(liked, first, axis=1).mean()
    return float(shown / liked.mean()), float(np.take_along_axis(member, first, axis=1).mean())


def test_of_many_candidates_those_come_first_that_the_members_favour() -> None:
    often, score = best_ten(SLOPE)
    assert often > 1.6
    assert score > 0.9


def test_a_ranker_that_begins_with_nothing_learns_much_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant, of first places as few as are shown: the test above fails."""
    monkeypatch.setattr("recommenders.models.ensemble.TRUNCATION", 10)
    often, score = best_ten(0.0)
    assert often < 1.5
    assert score < 0.8


@pytest.mark.parametrize("slope", [SLOPE, OPENING_SLOPE])
def test_trees_are_learnt_beside_the_line_that_the_curves_begin_as(
    monkeypatch: pytest.MonkeyPatch, slope: float
) -> None:
    """What the ranker takes as given of each candidate is what the curves give without a tree."""
    given = list[FloatArray]()

    def trained(parameters: Any, data: lightgbm.Dataset, **_: Any) -> lightgbm.Booster:
        given.append(np.asarray(data.init_score))
        return train(parameters, data, num_boost_round=1)

    train = lightgbm.train
    monkeypatch.setattr(lightgbm, "train", trained)
    rng = np.random.default_rng(SEED)
    features = np.round(rng.random((400, 7)), 2).astype(np.float32)
    liked = (rng.random(400) < features[:, 0]).astype(np.int32)
    steps_of(Lesson(features, liked, np.full(4, 100, np.int32)), 2, slope, bags=1)
    thresholds, heights = np.array(list(line(slope)), np.float32), np.array(list(line(slope).values()), np.float32)
    curves = Curves(
        np.tile(thresholds, 2), np.tile(heights, 2), np.array([0, 20, 40], np.int32), np.zeros(1, np.float32)
    )
    wanted = sum(curves.height(member, features[:, member]) for member in (0, 1))
    assert given[0] == pytest.approx(wanted, abs=1e-6)
    assert curves.height(0, floats(0, 1)).tolist() == pytest.approx([0, slope])


def test_nobody_with_last_ratings_cannot_be_learnt_from() -> None:
    few = Interactions.from_frame(planted_frame().group_by("user_id", maintain_order=True).head(3))
    with pytest.raises(NotEnoughData, match="ensemble: no last rating is for a movie that a member finds"):
        ensemble(few)


@pytest.mark.parametrize(("count", "share"), [(1, 1.0), (5, 1.0), (6, 0.8), (9, 0.2), (10, 0.0)])
def test_the_curves_of_openings_fade_from_five_likes_to_ten(count: int, share: float) -> None:
    """Those of `by_hand` are twice as high, above what a movie has of its own."""
    scorer, history = by_hand(), liking(count)
    relative = scorer.relative(history)[0]
    heights = scorer.curves.height(0, relative)
    assert scorer.score(history) == pytest.approx(0.25 + heights * (1 + share), abs=1e-6)
    best = int(np.argmax(scorer.score(history)))
    assert scorer.contributions(history, best).sum() == pytest.approx(scorer.score(history)[best], abs=1e-5)


def test_with_no_newcomers_to_learn_from_there_is_one_set_of_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommenders.models.ensemble.NEWCOMERS", 0.0)
    scorer = ensemble(planted())
    assert scorer.opening.arrays().keys() == scorer.curves.arrays().keys()
    for name, array in scorer.opening.arrays().items():
        assert array.tobytes() == scorer.curves.arrays()[name].tobytes(), name


def test_progress_tells_of_both_fits_and_of_the_ranker() -> None:
    told: list[Progress] = []
    ensemble(planted(), FitOptions(progress=told.append), members=("itemknn", "ease"), bags=2)
    mine = [(one.task, one.done, one.total) for one in told if one.task.startswith(("members", "ranker"))]
    assert mine == [
        *(("members, on the first ratings", done, 2) for done in (1, 2)),
        *(("ranker", done, 2) for done in (1, 2)),
        *(("members, without newcomers", done, 2) for done in (1, 2)),
        *(("ranker", done, 2) for done in (1, 2)),
        *(("members, on all ratings", done, 2) for done in (1, 2)),
    ]


def test_popularity_is_the_first_members() -> None:
    popular = PopularityScorer(floats(3, 0, 1))
    scorer = AdditiveScorer((popular,), Curves.flat(1, 3), Curves.flat(1, 3))
    assert scorer.score(History.from_ratings([], [])).tolist() == [3, 0, 1]
