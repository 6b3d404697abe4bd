"""A secret is made once, whole, for its owner alone; what a kill or a crash may leave of it is not taken for one."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.auth import load_secret
from cinegraph.errors import SecretBroken
from cinegraph.secret_file import read_or_make
from cinegraph.settings import GraphSettings
from graph.local import LocalServer


class Killed(BaseException):
    """Stands for the end of the process."""


def random() -> bytes:
    return os.urandom(32)


def test_a_kill_while_it_is_made_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(descriptor: int) -> None:
        raise Killed

    monkeypatch.setattr(os, "fsync", kill)
    with pytest.raises(Killed):
        read_or_make(tmp_path / "secret", random, 32)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    made = read_or_make(tmp_path / "secret", random, 32)
    assert (tmp_path / "secret").read_bytes() == made
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_all_who_come_at_once_get_the_same_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: read_or_make(tmp_path / "secret", random, 32), range(64)))
    assert len(made) == 1


def test_an_empty_secret_is_made_anew_and_a_short_one_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"")
    assert len(load_secret(tmp_path)) == 32
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(SecretBroken, match=f"{tmp_path}/secret holds 5 bytes, and must hold 32 at least"):
        load_secret(tmp_path)
    assert (tmp_path / "secret").read_bytes() == b"short"


def test_an_empty_password_is_made_anew_only_before_there_is_a_database(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, tmp_path, GraphSettings())
    server.folder.mkdir()
    (server.folder / "password").write_text("")
    made = server.password()
    assert len(made) == 32
    assert (server.folder / "password").read_text() == made
    (server.folder / "neo4j" / "data" / "databases" / "system").mkdir(parents=True)
    (server.folder / "password").write_text("")
    with pytest.raises(SecretBroken, match="password holds 0 bytes, and must hold 8 at least"):
        server.password()
