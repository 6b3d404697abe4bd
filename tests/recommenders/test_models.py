"""What holds for every model of the registry."""

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinegraph.errors import ModelError, NotEnoughData
from recommenders import registry
from recommenders.arrays import IntArray
from recommenders.artifacts import load_artifact, save_artifact
from recommenders.bootstrap import Estimate, difference_of
from recommenders.evaluation import UserMetrics, measure
from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model
from recommenders.ranking import recommend
from recommenders.scorers import History, Scorer
from recommenders.splits import Split, user_time
from tests.recommenders.planted import SMALL, catalogue, planted, planted_frame

EVERY = pytest.mark.parametrize("name", registry.names())
PERSONAL = pytest.mark.parametrize("name", [name for name in registry.names() if name != "popular"])
LEARNING = pytest.mark.parametrize("name", [name for name in registry.names() if name not in ("popular", "content")])
EMPTY = History.from_ratings([], [])


@cache
def data() -> Interactions:
    """The planted ratings."""
    return planted()


@cache
def split() -> Split:
    """Divided by user."""
    return user_time(data())


def fit(name: str, interactions: Interactions, seed: int = 0) -> Model[Any]:
    """A model with hyper-parameters that suit so little data."""
    knowledge = catalogue() if name == "content" else None
    return registry.create(name, SMALL.get(name)).fit(interactions, FitOptions(seed, device="cpu", knowledge=knowledge))


@cache
def fitted(name: str) -> Model[Any]:
    """Fitted on all of it."""
    return fit(name, data())


@cache
def measured(name: str, *, shuffled: bool = False) -> UserMetrics:
    """Fitted before the test part, and measured on it; the mutant `shuffled` learns from ratings dealt at random."""
    known = split().before_test()
    source = user_time(planted(shuffled=True)).before_test() if shuffled else known
    return measure(fit(name, source).scorer(), known, split().test)


def advantage(name: str, *, shuffled: bool = False) -> Estimate:
    """NDCG@10 over Popular's."""
    return difference_of(measured(name, shuffled=shuffled).ndcg_at_10, measured("popular").ndcg_at_10, 0)


def digest(scorer: Scorer) -> str:
    """Of all bytes that would be published."""
    found = hashlib.sha256()
    for name, array in sorted(scorer.arrays().items()):
        found.update(name.encode() + str(array.dtype).encode() + array.tobytes())
    return found.hexdigest()


def some(rng: np.random.Generator, n: int) -> IntArray:
    """Some positions."""
    return rng.choice(data().n_movies, n, replace=False).astype(np.int32)


@PERSONAL
def test_it_beats_popular_where_there_is_structure(name: str) -> None:
    assert advantage(name).above_zero


@LEARNING
def test_it_does_not_beat_popular_when_it_learns_from_shuffled_ratings(name: str) -> None:
    """The mutant of the test above."""
    assert not advantage(name, shuffled=True).above_zero


@PERSONAL
def test_most_of_a_list_is_of_the_users_own_group(name: str) -> None:
    """Of the movies shown to a user who has 14 to go in the own group; a quarter would be chance."""
    found = measured(name)
    groups = np.array([int(movie[1:]) for movie in data().movies]) - 6
    shown = found.lists[:, :10]
    own = (groups[shown] % 4 == (found.users % 4)[:, None]) & (groups[shown] >= 0)
    assert own.sum() / (groups[shown] >= 0).sum() > 0.8


@EVERY
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    assert digest(fit(name, data()).scorer()) == digest(fitted(name).scorer())


@EVERY
def test_the_order_of_rows_gives_the_same_bytes(name: str) -> None:
    shuffled = Interactions.from_frame(planted_frame().sample(fraction=1.0, shuffle=True, seed=3))
    assert shuffled.fingerprint() == data().fingerprint()
    assert digest(fit(name, shuffled).scorer()) == digest(fitted(name).scorer())


@EVERY
def test_an_answer_has_the_same_bytes_each_time(name: str) -> None:
    scorer, history = fitted(name).scorer(), data().history(5)
    first, second = recommend(scorer, history, 50), recommend(scorer, history, 50)
    assert first.items.tobytes() + first.scores.tobytes() == second.items.tobytes() + second.scores.tobytes()
    backwards = History.from_ratings(history.items[::-1], [5.0] * len(history))
    assert scorer.score(backwards).tobytes() == scorer.score(history).tobytes()


@EVERY
def test_scores_are_finite_and_one_for_each_movie(name: str) -> None:
    scores = fitted(name).score(data().history(0))
    assert scores.shape == (data().n_movies,)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


@EVERY
def test_never_a_seen_movie(name: str) -> None:
    scorer, rng = fitted(name).scorer(), np.random.default_rng(1)
    for _ in range(500):
        liked, seen = some(rng, int(rng.integers(0, 40))), some(rng, int(rng.integers(0, 40)))
        mask = rng.random(data().n_movies) < 0.5
        shown = recommend(scorer, History.from_ratings(liked, [5.0] * len(liked)), 50, seen, mask).items
        assert not np.isin(shown, np.concatenate([liked, seen])).any()
        assert mask[shown].all()
        assert len(set(shown.tolist())) == len(shown)


@EVERY
def test_an_empty_history_gets_popularity(name: str) -> None:
    scorer = fitted(name).scorer()
    assert not scorer.is_personal(EMPTY)
    assert scorer.score(EMPTY).tolist() == data().likes().tolist()


@EVERY
def test_a_history_of_low_ratings_gets_popularity(name: str) -> None:
    history = History.from_ratings([1, 2, 3], [0.5, 2.0, 3.5])
    assert fitted(name).score(history).tobytes() == fitted(name).score(EMPTY).tobytes()


@PERSONAL
def test_a_user_whom_the_model_has_never_seen_gets_the_same_as_one_with_the_same_history(name: str) -> None:
    """No user's own vector is served: history is all there is."""
    known = data().history(3)
    unknown = History.from_ratings(known.items.tolist(), [4.0] * len(known))
    assert fitted(name).score(unknown).tobytes() == fitted(name).score(known).tobytes()
    assert fitted(name).scorer().is_personal(unknown)


@PERSONAL
def test_a_new_rating_changes_the_next_answer(name: str) -> None:
    before = data().history(3)
    after = History.from_ratings([*before.items.tolist(), 100], [5.0] * (len(before) + 1))
    assert fitted(name).score(after).tobytes() != fitted(name).score(before).tobytes()


@EVERY
def test_a_movie_that_nobody_likes_says_nothing(name: str) -> None:
    whole = data()
    unliked = whole.subset(~((whole.movie_index == 9) & (whole.rating >= 4)))
    scorer = fit(name, unliked).scorer()
    assert not scorer.is_personal(History.from_ratings([9], [5.0]))
    history = whole.history(3)
    more = History.from_ratings([*history.items.tolist(), 9], [5.0] * (len(history) + 1))
    assert recommend(scorer, more, 20).items.tolist() == recommend(scorer, history, 20, np.array([9])).items.tolist()


@EVERY
def test_contributions_add_up_to_the_score(name: str) -> None:
    scorer = fitted(name).scorer()
    for user in range(0, data().n_users, 8):
        history = data().history(user)
        wanted = scorer.score(history) if scorer.is_personal(history) else np.zeros(data().n_movies)
        for movie in range(data().n_movies):
            parts = scorer.contributions(history, movie)
            assert parts.shape == history.items.shape
            assert abs(parts.sum() - wanted[movie]) < 1e-5


@EVERY
def test_saved_and_loaded_it_gives_the_same_scores(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    version = save_artifact(
        tmp_path,
        name,
        model.scorer(),
        data().movies,
        config=model.config.model_dump(),
        metrics={},
        fingerprint=data().fingerprint(),
        created_at=1,
    )
    again = load_artifact(tmp_path, version)
    assert again.movie_ids.tolist() == data().movies.tolist()
    for user in (0, 1, 2):
        history = data().history(user)
        assert again.scorer.score(history).tobytes() == model.score(history).tobytes()
        assert again.scorer.similar(user, 5).items.tobytes() == model.scorer().similar(user, 5).items.tobytes()


WORKER = """
import hashlib, sys
from pathlib import Path
from recommenders.artifacts import list_artifacts, load_artifact
from recommenders.ranking import recommend
from recommenders.scorers import History
for version in list_artifacts(Path(sys.argv[1])):
    scorer, digest = load_artifact(Path(sys.argv[1]), version).scorer, hashlib.sha256()
    for first in range(60):
        found = recommend(scorer, History.from_ratings(range(first, first + 30, 3), [5.0] * 10), 50)
        digest.update(found.items.tobytes() + found.scores.tobytes())
    print(version, digest.hexdigest())
assert "torch" not in sys.modules
"""


def test_every_worker_gives_the_same_bytes_also_after_a_restart(tmp_path: Path) -> None:
    for name in registry.names():
        about: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": data().fingerprint(), "created_at": 1}
        save_artifact(tmp_path, name, fitted(name).scorer(), data().movies, **about)
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    threads = [{**os.environ, "OPENBLAS_NUM_THREADS": number} for number in ("1", "2")]
    found = [subprocess.run(command, env=env, capture_output=True, check=True, text=True).stdout for env in threads]
    assert len(found[0].splitlines()) == len(registry.names())
    assert found[0] == found[1]


@EVERY
def test_nothing_liked_is_nothing_to_learn(name: str) -> None:
    low = data().subset(data().rating < 4)
    with pytest.raises(NotEnoughData, match="none of 640 ratings is 4 stars or more"):
        registry.create(name).fit(low)


@EVERY
def test_an_unfitted_model_says_so(name: str) -> None:
    with pytest.raises(ModelError, match="has not been fitted"):
        registry.create(name).scorer()


@EVERY
def test_embeddings_have_a_row_for_each_movie_and_user(name: str) -> None:
    found = fitted(name).embeddings()
    assert (found is not None) == (name in ("ials", "lightgcn", "xsimgcl", "kgnn"))
    if found is not None:
        assert found.movies.shape == (data().n_movies, 16)
        assert found.users.shape == (data().n_users, 16)
        fourth, fifth = (fitted(name).score(data().history(u)) - found.movies @ found.users[u] for u in (4, 5))
        assert fourth == pytest.approx(fifth, abs=1e-4), "beside the product there is only what is the movie's own"
        assert (np.abs(fourth).max() < 1e-4) == (name == "ials"), "it has no biases"


@PERSONAL
def test_similar_movies_are_of_the_same_group(name: str) -> None:
    groups = np.array([int(movie[1:]) for movie in data().movies]) - 6
    scorer = fitted(name).scorer()
    pairs = [(movie, other) for movie in range(6, 118) for other in scorer.similar(movie, 3).items]
    same = [groups[a] % 4 == groups[b] % 4 for a, b in pairs if groups[a] >= 0 and groups[b] >= 0]
    assert np.mean(same) > 0.9
