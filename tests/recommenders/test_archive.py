"""Catalogues that served are kept whole or not at all, and come back as they were."""

import logging
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.client import GraphClient
from graph.snapshot import NUMBERS, TEXTS, Snapshot
from recommenders.activity import Activity
from recommenders.archive import Archive, Gone, Needed
from recommenders.scorers import History
from recommenders.serving import Serving
from recommenders.state import State, StateKey, without_model
from tests.published import serving_over


@pytest.fixture
async def serving(graph: GraphClient, tmp_path: Path) -> Serving:
    return await serving_over(graph, tmp_path / "models")


def archived(tmp_path: Path, kept: int = 9) -> Archive:
    return Archive(tmp_path / "catalogues", kept)


def test_all_of_a_snapshot_is_kept_but_its_version_and_what_is_only_shown() -> None:
    assert {one.name for one in fields(Snapshot)} == {*TEXTS, *NUMBERS, "movies", "version", "details"}


async def test_a_state_comes_back_as_it_was(serving: Serving, tmp_path: Path) -> None:
    archive, state = archived(tmp_path), serving.state
    archive.keep(state)
    found = archive.restore(state.key, tmp_path / "models")
    assert found.key == state.key
    assert found.movie_ids == state.movie_ids
    for name in (*TEXTS, *NUMBERS, "movies", "version"):
        assert np.array_equal(getattr(found.snapshot, name), getattr(state.snapshot, name)), name
    liking = History.from_ratings([0], [5.0])
    assert state.scorer is not None
    assert found.scorer is not None
    assert np.asarray(found.scorer.score(liking)).tobytes() == np.asarray(state.scorer.score(liking)).tobytes()
    assert found.heat.tobytes() == state.heat.tobytes()


async def test_popularity_alone_comes_back_too(serving: Serving, tmp_path: Path) -> None:
    archive, state = archived(tmp_path), serving.state.by_popularity
    archive.keep(serving.state)
    found = archive.restore(state.key, tmp_path / "nowhere")
    assert found.scorer is not None
    assert state.scorer is not None
    assert (found.version, found.scorer.popularity.tolist()) == ("", state.scorer.popularity.tolist())


@pytest.mark.parametrize("name", [*TEXTS[2:], *NUMBERS])
async def test_another_catalogue_has_another_checksum(serving: Serving, name: str) -> None:
    snapshot = serving.state.snapshot
    value: Any = getattr(snapshot, name)
    other = (*value[1:], value[0]) if isinstance(value, tuple) else np.append(value[1:], value[:1] == 0)
    assert replace(snapshot, **{name: other}).digest != snapshot.digest
    assert replace(snapshot, version=99).digest == snapshot.digest


def test_another_activity_has_another_checksum() -> None:
    one = Activity(("1", "2"), np.array([1, 2]), np.array([5.0, 0.0]))
    others = (
        Activity(("1", "3"), one.at, one.rating),
        Activity(one.movie_ids, one.at + 1, one.rating),
        Activity(one.movie_ids, one.at, one.rating + 1),
    )
    assert len({each.digest for each in (one, *others)}) == 4


async def test_the_same_is_written_once_and_the_oldest_is_forgotten(serving: Serving, tmp_path: Path) -> None:
    archive, state = archived(tmp_path, kept=2), serving.state
    states = [without_model(replace(state.snapshot, popularity=state.snapshot.popularity + more)) for more in range(3)]
    for age, one in enumerate(states[:2]):
        archive.keep(one)
        place = archive.root / f"catalogue-{one.snapshot.digest}.npz"
        os.utime(place, (100 + age, 100 + age))
    before = (archive.root / f"catalogue-{states[0].snapshot.digest}.npz").stat().st_ino
    archive.keep(states[0])  # serves again, so the other is the oldest
    archive.keep(states[2])
    left = {path.name for path in archive.root.glob("catalogue-*")}
    assert left == {f"catalogue-{one.snapshot.digest}.npz" for one in (states[0], states[2])}
    assert (archive.root / f"catalogue-{states[0].snapshot.digest}.npz").stat().st_ino == before
    assert len([*archive.root.glob("activity-*")]) == 1
    assert not [*archive.root.glob(".*")]
    with pytest.raises(Gone) as gone:
        archive.restore(states[1].by_popularity.key, tmp_path)
    assert gone.value.part is Needed.CATALOGUE


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
async def test_a_damaged_file_is_gone_and_said_to_be_damaged(
    serving: Serving, tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    archive, state = archived(tmp_path), serving.state
    archive.keep(state)
    other = without_model(replace(state.snapshot, popularity=state.snapshot.popularity + 1))
    archive.keep(other)
    place = archive.root / f"catalogue-{state.snapshot.digest}.npz"
    whole = (archive.root / f"catalogue-{other.snapshot.digest}.npz").read_bytes()
    place.write_bytes(whole if damage is None else damage)
    with pytest.raises(Gone) as gone:
        archive.restore(state.key, tmp_path / "models")
    assert (gone.value.part, place.name in caplog.text) == (Needed.CATALOGUE, True)


async def test_a_model_that_is_gone_is_told_from_a_catalogue(serving: Serving, tmp_path: Path) -> None:
    archive, key = archived(tmp_path), serving.state.key
    archive.keep(serving.state)
    with pytest.raises(Gone) as gone:
        archive.restore(key, tmp_path / "nowhere")
    assert gone.value.part is Needed.MODEL
    with pytest.raises(Gone) as gone:
        archive.restore(StateKey(key.model, key.catalogue, "0" * 64, 1), tmp_path / "models")
    assert gone.value.part is Needed.CATALOGUE


async def test_that_a_disk_takes_nothing_is_logged_and_serving_goes_on(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    archive = archived(tmp_path)
    with caplog.at_level(logging.ERROR):
        archive.keep(serving.state)
    assert "No space left" in caplog.text
    assert [*archive.root.iterdir()] == []


async def test_what_serves_was_kept_before_it_serves(graph: GraphClient, serving: Serving, tmp_path: Path) -> None:
    archive = archived(tmp_path)
    other = Serving(graph.reader, tmp_path / "models", archive=archive)
    await other.refresh()
    state: State = archive.restore(other.state.key, tmp_path / "models")
    assert state.key == other.state.key == serving.state.key
