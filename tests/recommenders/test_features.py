"""What a score is made of by name: the features add up to it, for every model, for anybody, for every movie."""

from dataclasses import replace

import numpy as np
import pytest

from cinegraph.types import Label, NodeRef
from recommenders import registry
from recommenders.additive_scorer import OWN_FEATURES, AdditiveScorer
from recommenders.arrays import Csr
from recommenders.features import features_of
from recommenders.histories import Preference, UserHistory
from recommenders.learnt import Learnt
from recommenders.model import FitOptions
from recommenders.newcomers import with_newcomers
from recommenders.scorer_kinds import scorer_from
from recommenders.scorers import History, Scorer
from recommenders.state import Scored, State
from recommenders.told import told_of
from tests.published import FACTORS, ITEM_ITEM, POPULAR
from tests.recommenders.planted import catalogue, planted
from tests.recommenders.test_ensemble import by_hand, fitted
from tests.recommenders.test_reasons import catalogue as small_catalogue

MEMBERS = ("itemknn", "ease", "graphfilter", "content")


def scored_by(scorer: Scorer, history: History, members: tuple[str, ...] = ()) -> Scored:
    """Scores of a model over no catalogue at all."""
    n, snapshot = len(scorer.popularity), small_catalogue([])
    ids = tuple(f"m{number:03}" for number in range(n))
    columns = np.full(n, -1, np.int32)
    state = State(snapshot, "v", scorer, n, scorer, ids, columns, told_of(snapshot), learnt=Learnt(members=members))
    return Scored(state, scorer, UserHistory("u", 1), history)


NOBODY = History(np.zeros(0, np.int32), np.zeros(0, np.float32))


@pytest.mark.parametrize("scorer", [ITEM_ITEM, FACTORS, POPULAR, fitted(), by_hand()], ids=lambda one: one.kind)
def test_features_add_up_to_the_score(scorer: Scorer) -> None:
    histories = [NOBODY, History(np.array([0, 3], np.int32), np.ones(2, np.float32))]
    for scored in (scored_by(scorer, history) for history in histories):
        for place, movie_id in enumerate(scored.state.movie_ids):
            found = features_of(scored, movie_id)
            assert abs(sum(one.contribution for one in found) - scored.scores[place]) < 1e-5
            assert len({one.name for one in found}) == len(found)


def test_an_ensemble_tells_its_members_and_the_movies_own_features_apart() -> None:
    ratings, history = planted(), planted().history(0)
    scored = scored_by(fitted(), history, MEMBERS)
    movie = int(np.argmax(ratings.likes()))
    found = features_of(scored, f"m{movie:03}")
    assert [one.name for one in found] == [*MEMBERS, *OWN_FEATURES]
    relative = fitted().relative(history)
    assert [one.value for one in found[:4]] == [float(values[movie]) for values in relative]
    of_movie = ratings.rating[ratings.movie_index == movie]
    named = {one.name: one.value for one in found}
    assert named["likes"] == pytest.approx(ratings.likes()[movie], rel=1e-5)
    assert named["mean_rating"] == pytest.approx((of_movie.sum() + 5 * 3.5) / (len(of_movie) + 5))
    assert sum(one.contribution for one in found[4:]) == pytest.approx(float(fitted().curves.own[movie]), abs=1e-6)


def test_members_without_names_have_their_kind_and_place() -> None:
    found = features_of(scored_by(by_hand(), planted().history(0)), "m000")
    assert [one.name for one in found] == ["item_item_1", "own"]


def test_the_features_of_an_ensemble_are_published_with_it() -> None:
    again = scorer_from("additive", fitted().arrays())
    assert isinstance(again, AdditiveScorer)
    assert again.addends(planted().history(0), 5) == fitted().addends(planted().history(0), 5)
    with pytest.raises(ValueError, match="facts has shape"):
        replace(fitted(), facts=np.zeros((1, 1), np.float32)).check()
    with pytest.raises(ValueError, match="parts has shape"):
        replace(fitted(), curves=replace(fitted().curves, parts=np.zeros((1, 1), np.float32))).check()


def test_an_ensemble_names_the_members_that_could_be_fitted() -> None:
    model = registry.create("ensemble", {"least": 20})
    model.fit(planted(), FitOptions())
    assert model.config.members == MEMBERS[:3]  # content needs a catalogue
    model.fit(planted(), FitOptions(knowledge=catalogue()))
    assert model.config.members == MEMBERS[:3]


def test_a_movie_that_nobody_rated_has_the_features_of_those_it_is_like() -> None:
    n = planted().n_movies
    content = np.zeros((n + 1, n))
    np.fill_diagonal(content, 1.0)
    content[n, [2, 9]] = 0.8, 0.6
    scorer = with_newcomers(fitted(), Csr(content))
    scored = scored_by(scorer, planted().history(0), MEMBERS)
    found = {one.name: one for one in features_of(scored, f"m{n:03}")}
    assert list(found) == [*MEMBERS, *OWN_FEATURES]
    assert sum(one.contribution for one in found.values()) == pytest.approx(scored.scores[n], abs=1e-5)
    weights = np.array([0.8, 0.6]) ** 3
    relative = fitted().relative(planted().history(0))[1][[2, 9]]
    assert found["ease"].value == pytest.approx(float(weights @ relative / weights.sum()), rel=1e-5)


def test_preferences_stand_for_themselves() -> None:
    scored = scored_by(ITEM_ITEM, History(np.array([0], np.int32), np.ones(1, np.float32)))
    drama = NodeRef(Label.GENRE, "drama")
    with_one = replace(scored, history=UserHistory("u", 1, preferences=(Preference(drama, 1.0, "p"),)))
    assert [one.name for one in features_of(with_one, "m001")] == ["model", "preferences"]
    assert features_of(with_one, "unknown") == []
