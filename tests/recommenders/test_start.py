"""Going on from a version: by ids, with nothing of a user kept, asked about later ratings alone, or not at all."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from cinegraph.errors import ModelError, NotEnoughData
from recommenders import registry
from recommenders.artifacts import START, load_artifact, load_start, save_artifact
from recommenders.bootstrap import difference_of
from recommenders.checkpoints import Checkpoints
from recommenders.facts import MovieFacts
from recommenders.interactions import Interactions
from recommenders.knowledge import Knowledge
from recommenders.model import FitOptions, Model, Progress
from recommenders.models.graph_model import GraphModel
from recommenders.models.lightgcn import LightTraining
from recommenders.models.propagation import Training
from recommenders.models.starting import go_on, learnt
from recommenders.nightly import nightly
from recommenders.protocol import divide
from recommenders.results import Recipe
from recommenders.start import Start, find_start, packed, since
from recommenders.training import TrainingOptions, train
from tests.recommenders.planted import PAPER, SMALL, catalogue, planted, planted_frame

CPU = torch.device("cpu")
NAMES = [("lightgcn", "bpr"), ("lightgcn", "softmax"), ("xsimgcl", ""), ("kgnn", "")]


def config_of(name: str, loss: str = "") -> dict[str, Any]:
    """An epoch has some four steps here; by the paper's loss so few ratings are soon fitted too well, in full too."""
    return {**SMALL[name], **(PAPER if loss == "bpr" else {}), "night_epochs": 3 if loss == "bpr" else 20}


BEGAN, SPAN = 1_000_000_000_000, 3_680_000
RELEASE = BEGAN + 6 * SPAN // 10


@cache
def frame() -> pl.DataFrame:
    """The planted ratings over some hour; three movies of ten come out when six tenths of it are over."""
    new = pl.col("movie_id").str.slice(1).cast(pl.Int32) % 10 >= 7
    later = RELEASE + (pl.col("at") - BEGAN) // 2
    return planted_frame().with_columns(pl.when(new).then(later).otherwise(pl.col("at")).alias("at"))


@cache
def whole() -> Interactions:
    return Interactions.from_frame(frame())


@cache
def base() -> Interactions:
    """The ratings up to then, as they were exported then: without the movies that nobody had rated yet."""
    return Interactions.from_frame(frame().filter(pl.col("at") < RELEASE))


def knowledge_for(interactions: Interactions) -> Knowledge:
    """What the catalogue says of these movies."""
    place = np.searchsorted(planted().movies, interactions.movies)
    links = {relation: (label, matrix[place]) for relation, (label, matrix) in catalogue().links.items()}
    return replace(catalogue(), links=links)


def facts_for(interactions: Interactions) -> MovieFacts:
    found = MovieFacts.from_genres([()] * interactions.n_movies, [None] * interactions.n_movies)
    return replace(found, knowledge=knowledge_for(interactions))


@cache
def fitted(name: str, loss: str = "") -> Model[Any]:
    options = FitOptions(device="cpu", knowledge=knowledge_for(base()))
    return registry.create(name, config_of(name, loss)).fit(base(), options)


def saved(root: Path, model: Model[Any], name: str = "lightgcn", **change: Any) -> Recipe:
    """The version of a model that was fitted on the base."""
    start = packed(model.learnt(), base()) | change
    version = save_artifact(
        root, name, model.scorer(), base().movies, config=model.config.model_dump(), metrics={}, fingerprint="f" * 64,
        created_at=1, start=start if model.learnt() else None,
    )  # fmt: skip
    return Recipe(version, name, model.config.model_dump())


def options_for(interactions: Interactions) -> TrainingOptions:
    return TrainingOptions(device="cpu", facts=facts_for(interactions), final=False, because="tests")


@pytest.mark.parametrize(("name", "loss"), NAMES)
def test_an_increment_is_surely_better_than_the_version_as_it_was_and_nearly_as_good_as_a_full_training(
    name: str, loss: str, tmp_path: Path
) -> None:
    live = saved(tmp_path, fitted(name, loss), name)
    options, why = nightly(tmp_path, live, [name], whole(), options_for(whole()))
    assert why == ""
    found = train(whole(), [name], replace(options, live=live))
    assert found.live is not None
    assert found.live.measured is not None
    own, stale = found.result(name).measured.ndcg_at_10, found.live.measured.ndcg_at_10
    assert difference_of(own, stale, 0).above_zero
    full = train(whole(), [name], replace(options, start=None)).result(name).measured.ndcg_at_10
    assert own.mean() > 0.9 * full.mean()
    assert (found.started_from, found.protocol.name) == (live.version, "since")
    assert found.result(name).config == live.config, "the epochs of a full training are kept"


def test_the_published_model_is_another_one_where_it_goes_on(tmp_path: Path) -> None:
    """And it is the same for the same seed, and may be gone on from again."""
    live = saved(tmp_path, fitted("lightgcn"))
    options, _ = nightly(tmp_path, live, ["lightgcn"], whole(), options_for(whole()))
    first, second = (train(whole(), ["lightgcn"], replace(options, final=True)).fitted() for _ in range(2))
    full = train(whole(), ["lightgcn"], replace(options, final=True, start=None)).fitted()
    scores = [{name: array.tobytes() for name, array in one.scorer.arrays().items()} for one in (first, second, full)]
    assert scores[0] == scores[1] != scores[2]
    assert int(first.start["about"][1]) == whole().at.max()


# -- nothing of a user -----------------------------------------------------------------------------------------------


def traces(root: Path, users: np.ndarray) -> int:
    """Vectors, and ids, of users in the files below a folder."""
    blobs = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    wanted = [*(row.tobytes() for row in users), *(form(id_) for id_ in base().users.tolist() for form in FORMS)]
    return sum(one in blob for one in wanted for blob in blobs)


FORMS: tuple[Callable[[str], bytes], ...] = (
    str.encode,
    lambda id_: np.array(id_).tobytes(),
    lambda id_: hashlib.sha256(id_.encode()).digest(),
    lambda id_: hashlib.sha256(id_.encode()).hexdigest().encode(),
)


def kept_users(root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Train and save; what the network had learnt of users."""
    seen: list[np.ndarray] = []

    def keep(model: GraphModel[Any], training: Training[Any]) -> None:
        seen.append(training.network.embedding.weight[: training.graph.n_users].detach().numpy().copy())

    monkeypatch.setattr(registry.model_class("lightgcn"), "_keep", keep)
    model = registry.create("lightgcn", SMALL["lightgcn"])
    checkpoints = Checkpoints(root / "checkpoints")
    saved(root, model.fit(base(), FitOptions(device="cpu", checkpoints=checkpoints)))
    return seen[0]


def test_no_file_holds_a_vector_or_an_id_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = kept_users(tmp_path, monkeypatch)
    assert users.shape == (160, 16)
    assert traces(tmp_path, users) == 0


def test_where_rows_of_users_are_kept_they_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant."""
    monkeypatch.setattr(LightTraining, "rows", property(lambda _: {}))
    assert traces(tmp_path, kept_users(tmp_path, monkeypatch)) == 160


# -- by ids ----------------------------------------------------------------------------------------------------------


def begun(interactions: Interactions, model: Model[Any]) -> Training[Any]:
    assert isinstance(model, GraphModel)
    return model._training(interactions, CPU, FitOptions(knowledge=knowledge_for(interactions)))


def start_of(model: Model[Any], interactions: Interactions) -> Start:
    return Start("v", "lightgcn", {}, 0, model.learnt(), model.scorer(), interactions.movies)


@pytest.mark.parametrize(("name", "loss"), NAMES)
def test_movies_are_matched_by_id_new_ones_begin_and_vanished_ones_are_dropped(name: str, loss: str) -> None:
    """The new data lack the first movies of the old, so that no position is the same."""
    model, gone = fitted(name, loss), base().movies[:5]
    now = Interactions.from_frame(frame().filter(~pl.col("movie_id").is_in(gone.tolist())))
    training = begun(now, model)
    before = learnt(training, now.movies)
    go_on(training, start_of(model, base()), now.movies)
    after, old, tensor = learnt(training, now.movies), model.learnt(), "embedding.weight"
    if name == "kgnn":
        tensor = "vectors.Movie"
        assert np.array_equal(after["vectors.Person"], old["vectors.Person"])
        assert np.array_equal(after["popular.weight"], old["popular.weight"])
    rows = dict(zip(old["ids.Movie"].tolist(), old[tensor], strict=True))
    new = [id_ for id_ in after["ids.Movie"].tolist() if id_ not in rows]
    assert len(new) == 34
    assert not set(gone.tolist()) & set(after["ids.Movie"].tolist())
    for number, id_ in enumerate(after["ids.Movie"].tolist()):
        if id_ in rows:
            assert np.array_equal(after[tensor][number], rows[id_])
        else:
            assert np.array_equal(after[tensor][number], before[tensor][number]) is (name == "kgnn")


def test_users_begin_from_their_movies() -> None:
    """As one propagation has it: the sum over their movies, each over the root of both degrees."""
    training = begun(base(), fitted("lightgcn"))
    go_on(training, start_of(fitted("lightgcn"), base()), base().movies)
    weight, n = training.network.embedding.weight.detach().numpy(), base().n_users
    liked = base().history(3).items
    parts = weight[n:][np.searchsorted(training.graph.items, liked)] / np.sqrt(base().likes()[liked])[:, None]
    assert weight[3] == pytest.approx(parts.sum(axis=0) / np.sqrt(len(liked)), abs=1e-6)


def test_a_version_as_it_is_scores_a_catalogue_that_changed_by_id() -> None:
    model = fitted("lightgcn")
    served = start_of(model, base()).served(whole().movies)
    place = np.searchsorted(whole().movies, base().movies)
    history = base().history(0)
    moved = replace(history, items=place[history.items].astype(np.int32))
    assert np.array_equal(served.score(moved)[place], model.score(history))
    assert not np.delete(served.score(moved), place).any()


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_only_later_ratings_are_asked_about_in_two_halves(tmp_path: Path) -> None:
    live = saved(tmp_path, fitted("lightgcn"))
    start = find_start(tmp_path, live.version, whole())
    split, _ = divide(whole(), since(whole(), start))
    assert start.until == base().at.max() == split.train.at.max()
    assert (len(split.train), len(split.validation), len(split.test)) == (1639, 1019, 1022)
    assert split.validation.at.min() > start.until


def test_too_few_later_ratings_are_refused_with_their_number(tmp_path: Path) -> None:
    live = saved(tmp_path, fitted("lightgcn"))
    for count, users in ((0, 0), (1, 0), (40, 17)):
        some = whole().subset(np.arange(len(whole())) < len(base()) + count)
        with pytest.raises(
            NotEnoughData, match=rf"^{count} ratings came after 2001-09-09 02:\d\d, .* has {users} users"
        ):
            nightly(tmp_path, live, ["lightgcn"], some, options_for(some))


# -- not at all ------------------------------------------------------------------------------------------------------


def why_not(root: Path, live: Recipe, interactions: Interactions | None = None) -> str:
    """Why a training is one in full."""
    data = interactions or whole()
    options, why = nightly(root, live, [live.model], data, options_for(data))
    assert options.start is None
    assert options.protocol.name == "global_time"
    assert options.configs[live.model] == {name: value for name, value in live.config.items() if name != "epochs"}
    return why


def test_a_start_that_is_absent_or_damaged_is_said_and_the_version_is_served_all_the_same(tmp_path: Path) -> None:
    live = saved(tmp_path, fitted("lightgcn"))
    path = tmp_path / live.version / START
    blob = path.read_bytes()
    path.write_bytes(blob[:-100])
    assert f"{path} is truncated or was changed" in why_not(tmp_path, live)
    path.unlink()
    assert f"{path} cannot be read" in why_not(tmp_path, live)
    assert load_artifact(tmp_path, live.version).version == live.version
    assert saved(tmp_path, fitted("lightgcn")) == live
    assert path.read_bytes() == blob, "the same training writes it anew"


def test_another_network_format_or_model_is_said(tmp_path: Path) -> None:
    model = fitted("lightgcn")
    weight = model.learnt()["embedding.weight"]
    narrow = saved(tmp_path, model, **{"embedding.weight": weight[:, :8]})
    assert "its embedding.weight is (84, 8), and now it is (278, 16)" in why_not(tmp_path, narrow)
    more = saved(tmp_path, model, **{"gate.weight": weight})
    assert "was another network: only one of the two has gate.weight" in why_not(tmp_path, more)
    later = saved(tmp_path, model, about=np.array([2, 0]))
    assert "was kept by another Cinegraph (format 2, and this one reads 1)" in why_not(tmp_path, later)
    ease = registry.create("ease").fit(base())
    assert "learns in closed form" in why_not_in_closed_form(tmp_path, saved(tmp_path, ease, "ease"))
    _, why = nightly(tmp_path, later, ["ease"], whole(), options_for(whole()))
    assert why == f"{later.version} is a lightgcn, which is not to be trained: ease"


def why_not_in_closed_form(root: Path, live: Recipe) -> str:
    assert load_start(root, live.version) == {}
    return why_not(root, live)


def test_a_version_that_learnt_from_somebody_who_is_gone_is_not_gone_on_from(tmp_path: Path) -> None:
    live = saved(tmp_path, fitted("lightgcn"))
    left = Interactions.from_frame(frame().filter(pl.col("user_id") != "u007"))
    assert "nothing of somebody who is gone may live on" in why_not(tmp_path, live, left)
    with pytest.raises(ModelError, match="are not those whom lightgcn-"):
        find_start(tmp_path, live.version, left)


def test_given_hyper_parameters_are_those_of_a_full_training(tmp_path: Path) -> None:
    live = saved(tmp_path, fitted("lightgcn"))
    given = replace(options_for(whole()), configs={"lightgcn": {"epochs": 3}})
    options, _ = nightly(tmp_path, live, ["lightgcn"], whole(), given)
    assert options.configs["lightgcn"] == live.config
    (tmp_path / live.version / START).unlink()
    options, _ = nightly(tmp_path, live, ["lightgcn"], whole(), given)
    assert options.configs["lightgcn"] == {"epochs": 3}


def test_an_increment_that_was_ended_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    start = start_of(fitted("lightgcn"), base())
    config = {**SMALL["lightgcn"], "night_epochs": 5, "evaluate_every": 2}

    def fit(told: Callable[[Progress], None], folder: Path | None) -> Model[Any]:
        kept = Checkpoints(folder) if folder else None
        return registry.create("lightgcn", config).fit(
            whole(), FitOptions(device="cpu", start=start, checkpoints=kept, progress=told)
        )

    def ending(progress: Progress) -> None:
        if progress.done == 3:
            raise ModelError("ended")

    with pytest.raises(ModelError, match="ended"):
        fit(ending, tmp_path)
    told: list[tuple[int, int]] = []
    again = fit(lambda progress: told.append((progress.done, progress.total)), tmp_path)
    assert told == [(3, 5), (4, 5), (5, 5)]
    assert again.scorer().arrays()["item_factors"].tobytes() == (
        fit(lambda _: None, None).scorer().arrays()["item_factors"].tobytes()
    )
