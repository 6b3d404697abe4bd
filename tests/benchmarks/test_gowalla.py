"""The benchmark on Gowalla's published split, on a few lines of the same shape."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import gowalla
from cinegraph.errors import ModelError
from recommenders import registry

TRAIN = f"0 {' '.join(map(str, range(1, 31)))}\n1 1 2 3\n2 4 5\n"


def written(folder: Path, test: str = "0 31\n1 4\n2 6\n") -> Path:
    (folder / "train.txt").write_text(TRAIN)
    (folder / "test.txt").write_text(test)
    return folder


def test_what_is_tried_can_be_made() -> None:
    assert set(gowalla.SEARCH) <= set(gowalla.MODELS)
    for name in gowalla.MODELS:
        for config in gowalla.SEARCH.get(name, [{}]):
            registry.create(name.partition(" ")[0], config)


def test_train_and_test_are_over_the_same_users_and_places(tmp_path: Path) -> None:
    train, test = gowalla.load(written(tmp_path))
    assert (len(train), len(test)) == (35, 3)
    assert train.users.tolist() == test.users.tolist() == ["000000", "000001", "000002"]
    assert train.n_movies == test.n_movies == 31
    assert np.diff(test.liked.indptr).tolist() == [1, 1, 1]


def test_a_place_in_train_and_test_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds a user and a place twice: 1 rows"):
        gowalla.load(written(tmp_path, "0 1\n"))


def test_a_tenth_of_each_users_train_is_held_out_and_one_at_least(tmp_path: Path) -> None:
    train, _ = gowalla.load(written(tmp_path))
    held = gowalla.held_out(train, 0)
    assert np.bincount(train.user_index[held]).tolist() == [3, 1, 1]
    assert (gowalla.held_out(train, 0) == held).all()
    assert any((gowalla.held_out(train, seed) != held).any() for seed in range(1, 5))


def test_places_of_train_are_not_listed(tmp_path: Path) -> None:
    """By popularity user 1 is shown the places 4 and 5, then those that one user has: test's 4 is first."""
    train, test = gowalla.load(written(tmp_path, "1 4\n"))
    found = gowalla.measure(registry.create("popular").fit(train).scorer(), train, test)
    assert found == {"recall@20": 1.0, "ndcg@20": 1.0}
