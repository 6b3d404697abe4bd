"""Training: baselines always beside, nothing chosen on the test part, the final model on all ratings."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks import generated
from cinegraph.errors import InvalidInput, ModelRefused, ModelTooLarge, NotEnoughData, NotFound
from cinegraph.settings import GateSettings
from recommenders import registry, training
from recommenders.gate import check
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Progress
from recommenders.protocol import Protocol, divide, load_protocol
from recommenders.results import Recipe, TrainingRun
from recommenders.splits import Split
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import PAPER, SMALL, planted

BY_USER = load_protocol("user_time")
OPTIONS = TrainingOptions(configs=SMALL, device="cpu", protocol=BY_USER)


@cache
def run() -> TrainingRun:
    """The usual ones."""
    return train(planted(), options=OPTIONS)


def test_without_a_name_the_usual_ones_are_trained() -> None:
    assert tuple(one.name for one in run().results) == registry.usual()
    assert (run().protocol.name, run().test_users) == ("user_time", 155)


def test_the_baselines_are_beside_a_model() -> None:
    found = train(planted(), ["itemknn"], OPTIONS)
    assert [one.name for one in found.results] == ["popular", "itemknn", "ease"]
    assert found.best == found.fitted().name == "itemknn"
    assert [one.baseline for one in found.result("itemknn").against] == ["popular", "ease"]


def test_a_baseline_that_is_too_large_has_a_stand_in() -> None:
    """As long as nobody named it: one that was asked for is refused."""
    many = generated.interactions(300, 400, 9_000)
    options = replace(OPTIONS, configs={"ease": {"memory_mb": 1}}, final=False)
    found = train(many, ["itemknn"], options)
    assert [one.name for one in found.results] == ["popular", "itemknn", "sparse_ease"]
    assert [one.baseline for one in found.result("itemknn").against] == ["popular", "sparse_ease"]
    with pytest.raises(ModelTooLarge, match="more than memory_mb = 1; train sparse_ease"):
        train(many, ["ease"], options)


def test_the_best_is_the_best_on_validation() -> None:
    on_validation = {one.name: one.validation.ndcg_at_10.mean for one in run().results}
    assert run().best == max(on_validation, key=lambda name: on_validation[name])
    assert on_validation[run().best] > on_validation["popular"]


def test_the_final_model_is_fitted_on_all_ratings() -> None:
    final = run().fitted()
    again = registry.create(final.name, final.config).fit(planted(), FitOptions(device="cpu"))
    for name, array in again.scorer().arrays().items():
        assert array.tobytes() == final.scorer.arrays()[name].tobytes()
    assert final.scorer.popularity.sum() == len(planted().positives())


def test_what_is_chosen_passes_the_gate() -> None:
    assert check(run(), GateSettings()).model == run().chosen == run().fitted().name


def test_where_the_best_is_not_surely_better_than_ease_a_simpler_one_is_fitted_and_that_is_said() -> None:
    shuffled = planted(shuffled=True)
    found = train(shuffled, ["popular", "itemknn", "ease", "graphfilter"], OPTIONS)
    assert found.chosen == found.fitted().name == "popular"
    assert found.best != "popular"
    assert found.passed_over.startswith(f"{found.best} is not surely better than popular: NDCG@10")
    because = train(shuffled, ["itemknn", "ease"], replace(OPTIONS, because="we want it"))
    assert (because.chosen, because.passed_over) == (because.best, "")


def test_the_live_model_is_fitted_by_its_recipe_on_the_same_ratings() -> None:
    """With the hyper-parameters of a row it is that row; with others it is trained anew, and measured on the same."""
    same = Recipe("ease-1", "ease", {"l2": run().result("ease").config["l2"]})
    found = train(planted(), ["ease"], replace(OPTIONS, configs={"ease": same.config}, live=same)).live
    assert found is not None
    assert found.measured is not None
    again = train(planted(), ["itemknn"], replace(OPTIONS, live=replace(same, config={"l2": 3.0}), final=False))
    other = train(planted(), ["ease"], replace(OPTIONS, configs={"ease": {"l2": 3.0}}, final=False)).result("ease")
    assert again.live is not None
    assert again.live.measured is not None
    assert np.array_equal(again.live.measured.lists, other.measured.lists)
    assert np.array_equal(again.live.measured.users, again.result("itemknn").measured.users)
    assert not np.array_equal(again.live.measured.lists, found.measured.lists)


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (Recipe("svd-1", "svd", {}), "there is no model 'svd'"),
        (Recipe("ease-1", "ease", {"depth": 3}), "depth = 3"),
        (Recipe("ensemble-1", "ensemble", {"members": ["content"]}), "no member of the ensemble can be fitted"),
    ],
)
def test_a_live_model_that_cannot_be_fitted_again_is_said_so(recipe: Recipe, why: str) -> None:
    found = train(planted(), ["popular"], replace(OPTIONS, live=recipe, final=False)).live
    assert found is not None
    assert found.measured is None
    assert found.unmeasured.startswith("which could not be fitted again: ")
    assert why in found.unmeasured


def test_a_model_that_learns_nothing_is_refused() -> None:
    lazy = {"lightgcn": {**SMALL["lightgcn"], **PAPER, "epochs": 1, "learning_rate": 1e-9}}
    found = train(planted(), ["lightgcn"], TrainingOptions(configs=lazy, device="cpu", protocol=BY_USER))
    with pytest.raises(ModelRefused, match="lightgcn is not surely better than popular"):
        check(found, GateSettings())


def test_a_model_made_of_others_that_is_no_better_than_they_are_is_not_the_best() -> None:
    """A ranker over EASE alone lists what EASE lists, and Popular, which is worse, is made of nothing."""
    options = replace(OPTIONS, configs={"ensemble": {"members": ("ease",), "least": 20}})
    found = train(planted(), ["popular", "ensemble"], options)
    on_validation = {one.name: one.validation.ndcg_at_10.mean for one in found.results}
    assert on_validation["ensemble"] > on_validation["popular"]
    assert found.best == "popular"


def test_asked_for_alone_it_is_refused() -> None:
    options = replace(OPTIONS, configs={"ensemble": {"members": ("ease",), "least": 20}})
    with pytest.raises(ModelRefused, match=r"ensemble is not surely better .* best of its members \(ease\)"):
        check(train(planted(), ["ensemble"], options), GateSettings())


def test_its_members_stand_beside_it() -> None:
    found = train(planted(), ["ensemble"], OPTIONS)
    assert [one.name for one in found.results] == ["popular", "itemknn", "ease", "graphfilter", "ensemble"]
    assert found.result("ensemble").beside == ("itemknn", "ease", "graphfilter")  # content needs a catalogue


def test_what_cannot_be_fitted_is_left_out_where_it_is_not_named() -> None:
    told: list[Progress] = []
    options = replace(OPTIONS, configs=SMALL | {"ensemble": {"members": ("content",)}}, progress=told.append)
    found = train(planted(), options=options)
    assert "ensemble" not in {one.name for one in found.results}
    (left_out,) = (one.note for one in told if one.task == "ensemble: left out")
    assert left_out.startswith("no member of the ensemble can be fitted; content:")
    with pytest.raises(NotEnoughData, match="no member of the ensemble can be fitted"):
        train(planted(), ["ensemble"], options)


def test_hyper_parameters_are_chosen_without_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another test part, everything up to it is the same."""

    def other_test(interactions: Interactions, protocol: Protocol) -> tuple[Split, Protocol]:
        split, used = divide(interactions, protocol)
        flipped = np.where(split.test.rating >= 4, np.float32(1), np.float32(5))
        return replace(split, test=replace(split.test, rating=flipped)), used

    names = ["itemknn", "ease"]
    before = train(planted(), names, OPTIONS)
    monkeypatch.setattr(training, "divide", other_test)
    after = train(planted(), names, OPTIONS)
    assert [one.config for one in after.results] == [one.config for one in before.results]
    assert [one.validation for one in after.results] == [one.validation for one in before.results]
    assert after.best == before.best
    assert [one.test for one in after.results] != [one.test for one in before.results]


def test_given_hyper_parameters_are_not_searched() -> None:
    options = TrainingOptions(configs={"ease": {"l2": 7.0}}, protocol=BY_USER)
    assert train(planted(), ["popular"], options).result("ease").config["l2"] == 7.0


def test_the_same_seed_gives_the_same_run() -> None:
    again = train(planted(), options=OPTIONS)
    assert again.as_json() == run().as_json()


def test_the_run_is_json_without_anything_of_a_user() -> None:
    text = json.dumps(run().as_json())
    assert json.loads(text)["fingerprint"] == planted().fingerprint()
    assert json.loads(text)["protocolFingerprint"] == BY_USER.fingerprint
    assert "u001" not in text
    for row in json.loads(text)["models"]:
        for part, users in (("validation", 155), ("test", 155)):
            assert row[part]["context"]["protocol"] == "user_time"
            assert row[part]["context"]["part"] == part
            assert row[part]["users"] == users


def test_progress_names_the_model() -> None:
    told: list[Progress] = []
    options = replace(OPTIONS, progress=told.append)
    train(planted(), ["lightgcn"], options)
    assert {one.task.split(":")[0] for one in told} == {"popular", "itemknn", "ease", "lightgcn"}
    epochs = [one for one in told if one.task == "lightgcn: epochs"]
    assert all(1 <= one.done <= one.total for one in epochs)


def test_a_mistake_is_said_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "divide", None)
    with pytest.raises(NotFound, match="no model 'svd'"):
        train(planted(), ["ease", "svd"])
    with pytest.raises(NotFound, match="no model 'svd'"):
        train(planted(), ["ease"], TrainingOptions(configs={"svd": {}}))
    with pytest.raises(InvalidInput, match="l2 = 0"):
        train(planted(), ["ease"], TrainingOptions(configs={"ease": {"l2": 0}}))


def test_a_row_that_is_not_there_is_named() -> None:
    names = "popular, itemknn, ease, graphfilter, lightgcn, ensemble"
    with pytest.raises(NotFound, match=f"'svd' was not trained; there are: {names}"):
        run().result("svd")


def test_a_device_that_is_not_there_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Progress] = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InvalidInput, match="PyTorch sees no GPU here; --device cpu trains without one"):
        train(planted(), ["lightgcn"], replace(OPTIONS, device="cuda", progress=told.append))
    assert told == []
