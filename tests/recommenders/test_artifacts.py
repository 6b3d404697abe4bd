"""Artefacts: content-addressed, whole or absent, and refused by the file at fault."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinegraph.errors import ArtifactCorrupt, InvalidInput, NotFound
from recommenders import artifacts
from recommenders.artifacts import list_artifacts, load_artifact, save_artifact
from recommenders.scorers import FactorScorer, History, PopularityScorer

MOVIES = np.array(["1", "10", "Amélie", "t'1"])
POPULARITY = np.array([4, 3, 2, 1], dtype=np.float32)


def save(root: Path, model: str = "popular", **change: Any) -> str:
    """A tiny model."""
    scorer = change.pop("scorer", PopularityScorer(POPULARITY))
    movies = change.pop("movies", MOVIES)
    facts = {
        "config": {"l2": 1.5},
        "metrics": {"ndcgAt10": 0.1},
        "fingerprint": "f" * 64,
        "created_at": 1_700_000_000_000,
    }
    return save_artifact(root, model, scorer, movies, **{**facts, **change})


def files(folder: Path) -> dict[str, bytes]:
    """All bytes by name."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    found = load_artifact(tmp_path, save(tmp_path))
    assert found.model == "popular"
    assert found.movie_ids.tolist() == MOVIES.tolist()
    assert found.config == {"l2": 1.5}
    assert found.metrics == {"ndcgAt10": 0.1}
    assert found.fingerprint == "f" * 64
    assert found.created_at == 1_700_000_000_000
    assert found.scorer.score(History.from_ratings([], [])).tolist() == [4, 3, 2, 1]


def test_the_same_content_has_the_same_version_and_the_same_bytes(tmp_path: Path) -> None:
    one, other = save(tmp_path / "a"), save(tmp_path / "b")
    assert one == other
    assert files(tmp_path / "a" / one) == files(tmp_path / "b" / one)


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    version = save(tmp_path)
    before = files(tmp_path / version)
    assert save(tmp_path, created_at=5) == version
    assert files(tmp_path / version) == before


@pytest.mark.parametrize(
    "change",
    [
        {"scorer": PopularityScorer(POPULARITY * 2)},
        {"movies": MOVIES[::-1]},
        {"config": {"l2": 2.5}},
        {"metrics": {"ndcgAt10": 0.2}},
        {"fingerprint": "e" * 64},
        {"model": "ease"},
    ],
)
def test_other_content_has_another_version(tmp_path: Path, change: dict[str, Any]) -> None:
    assert save(tmp_path, **change) != save(tmp_path)
    assert len(list_artifacts(tmp_path)) == 2


def test_nothing_is_left_of_a_write_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_process_may_be_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        save(tmp_path)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    version = save(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [version]


def test_no_pickle_is_written_or_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save(tmp_path, movies=np.array(["1", None, "2", "3"], dtype=object))
    version = save(tmp_path)
    np.save(tmp_path / version / "movies.npy", np.array(["1", None], dtype=object), allow_pickle=True)
    with pytest.raises(ArtifactCorrupt, match=r"movies\.npy is truncated or was changed"):
        load_artifact(tmp_path, version)


def truncate(path: Path) -> None:
    """Cut the end off."""
    path.write_bytes(path.read_bytes()[:-3])


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(bytes(blob))


def empty(path: Path) -> None:
    """Leave nothing in it."""
    path.write_bytes(b"")


@pytest.mark.parametrize("file", ["movies.npy", "popularity.npy", "manifest.json"])
@pytest.mark.parametrize("damage", [truncate, flip, empty, Path.unlink])
def test_damage_is_refused_by_the_file_at_fault(tmp_path: Path, file: str, damage: Callable[[Path], None]) -> None:
    version = save(tmp_path)
    damage(tmp_path / version / file)
    with pytest.raises(ArtifactCorrupt, match=file.replace(".", r"\.")):
        load_artifact(tmp_path, version)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("file", ["popularity.npy", "manifest.json"])
def test_a_damaged_version_is_written_anew(tmp_path: Path, file: str, damage: Callable[[Path], None]) -> None:
    version = save(tmp_path)
    before = files(tmp_path / version)
    damage(tmp_path / version / file)
    assert save(tmp_path) == version
    assert files(tmp_path / version) == before
    assert [one.name for one in tmp_path.iterdir()] == [version]


def test_a_file_in_the_place_of_a_version_is_replaced(tmp_path: Path) -> None:
    version = save(tmp_path / "other")
    (tmp_path / version).write_text("no folder")
    assert save(tmp_path) == version
    assert load_artifact(tmp_path, version).version == version


def test_every_bit_of_a_manifest_counts(tmp_path: Path) -> None:
    """Space aside, no byte can change unseen."""
    version = save(tmp_path)
    path = tmp_path / version / "manifest.json"
    blob = path.read_bytes()
    for place in range(0, len(blob), 7):
        if not chr(blob[place]).isspace():
            path.write_bytes(blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :])
            with pytest.raises(ArtifactCorrupt, match=r"manifest\.json"):
                load_artifact(tmp_path, version)


def rewritten(root: Path, version: str, **change: Any) -> None:
    """The manifest with other values, its checksum left as it was."""
    path = root / version / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def test_a_newer_format_asks_for_a_newer_cinegraph(tmp_path: Path) -> None:
    version = save(tmp_path)
    rewritten(tmp_path, version, format=2)
    with pytest.raises(ArtifactCorrupt, match=r"manifest\.json has format 2, and this Cinegraph reads up to 1; update"):
        load_artifact(tmp_path, version)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "1"}', "null", '{"format": 1}'])
def test_a_foreign_manifest_is_refused(tmp_path: Path, content: str) -> None:
    version = save(tmp_path)
    (tmp_path / version / "manifest.json").write_text(content)
    with pytest.raises(ArtifactCorrupt, match=r"manifest\.json"):
        load_artifact(tmp_path, version)


def test_the_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    version, other = save(tmp_path), save(tmp_path, fingerprint="0" * 64)
    (tmp_path / version / "manifest.json").write_bytes((tmp_path / other / "manifest.json").read_bytes())
    with pytest.raises(ArtifactCorrupt, match=f"belongs to another model than {version}"):
        load_artifact(tmp_path, version)


@pytest.mark.parametrize(
    ("scorer", "movies", "message"),
    [
        (
            PopularityScorer(POPULARITY),
            MOVIES[:3],
            r"movies\.npy holds <U6 of shape \(3,\), not one id for each of the 4",
        ),
        (PopularityScorer(POPULARITY), np.arange(4), r"movies\.npy holds int64"),
        (
            FactorScorer(np.ones((4, 2), np.float32), np.ones((3, 2), np.float32), POPULARITY),
            MOVIES,
            "item_factors has",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, scorer: Any, movies: Any, message: str) -> None:
    version = save(tmp_path, scorer=scorer, movies=movies)
    with pytest.raises(ArtifactCorrupt, match=message):
        load_artifact(tmp_path, version)


@pytest.mark.parametrize("version", ["ease-000000000000", "../secrets", "", "ease", "popular-XYZ"])
def test_an_unknown_version_is_named(tmp_path: Path, version: str) -> None:
    with pytest.raises(NotFound, match=f"there is no model '{version}' in "):
        load_artifact(tmp_path, version)


def test_a_name_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no name for a model"):
        save(tmp_path, model="../ease")
    assert list(tmp_path.iterdir()) == []


def test_figures_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no number"):
        save(tmp_path, metrics={"ndcgAt10": float("nan")})


def test_only_models_are_listed(tmp_path: Path) -> None:
    assert list_artifacts(tmp_path / "none") == ()
    version = save(tmp_path)
    (tmp_path / ".popular-0-half").mkdir()
    (tmp_path / "notes.txt").touch()
    assert list_artifacts(tmp_path) == (version,)


def test_the_manifest_names_every_array(tmp_path: Path) -> None:
    version = save(tmp_path)
    manifest = json.loads((tmp_path / version / "manifest.json").read_text())
    assert manifest.keys() == artifacts._FIELDS
    assert sorted(manifest["files"]) == ["movies.npy", "popularity.npy"]
    assert version.startswith("popular-")
    assert len(version) == len("popular-") + 12
