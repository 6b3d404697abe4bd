"""Fetching jars: what the lock names or nothing, and an interrupted fetch goes on where it was."""

import errno
import hashlib
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cinegraph.errors import ChecksumMismatch, DownloadFailed
from graph import jars
from graph.jars import VERSION, Jar, ensure_jars, read_lock

CONTENT = {name: f"jar {name}".encode() * 1000 for name in ("one", "two", "three")}
JARS = tuple(Jar("org.trial", name, "1.0", "", hashlib.sha256(body).hexdigest()) for name, body in CONTENT.items())


class Handler(SimpleHTTPRequestHandler):
    """Counts what is asked for, and says nothing."""

    asked: list[str]

    def do_GET(self) -> None:
        if self.path.endswith(".jar"):
            type(self).asked.append(self.path.rpartition("/")[2])
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """A Maven repository of our own on loopback, and its folder."""
    folder = tmp_path / "repository"
    for name, body in CONTENT.items():
        file = folder / "org" / "trial" / name / "1.0" / f"{name}-1.0.jar"
        file.parent.mkdir(parents=True)
        file.write_bytes(body)
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {"trial": f"http://127.0.0.1:{server.server_port}"}, folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_jars_are_fetched_once(repository: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    folder = ensure_jars(
        tmp_path / "cache", lambda done, total: steps.append((done, total)), jars=JARS, remotes=repository[0]
    )
    assert folder == tmp_path / "cache" / f"neo4j-{VERSION}"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        f"org.trial.{name}-1.0.jar": body for name, body in CONTENT.items()
    }
    assert steps == [(1, 3), (2, 3), (3, 3)]
    ensure_jars(tmp_path / "cache", jars=JARS, remotes=repository[0])
    assert len(Handler.asked) == 3


def test_a_jar_that_is_not_what_the_lock_names_is_refused(
    repository: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    (repository[1] / "org/trial/two/1.0/two-1.0.jar").write_bytes(b"something else")
    with pytest.raises(ChecksumMismatch, match=r"org\.trial\.two-1\.0\.jar: expected sha256"):
        ensure_jars(tmp_path / "cache", jars=JARS, remotes=repository[0])
    assert not list((tmp_path / "cache").rglob("*two*"))


def test_an_interrupted_fetch_goes_on_with_what_is_missing(
    repository: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    missing = repository[1] / "org/trial/two/1.0/two-1.0.jar"
    body = missing.read_bytes()
    missing.unlink()
    with pytest.raises(DownloadFailed, match="could not fetch org.trial:two:1.0 .*what is fetched already is kept"):
        ensure_jars(tmp_path / "cache", jars=JARS, remotes=repository[0])
    missing.write_bytes(body)
    Handler.asked.clear()
    folder = ensure_jars(tmp_path / "cache", jars=JARS, remotes=repository[0])
    assert len(list(folder.iterdir())) == 3
    assert "one-1.0.jar" not in Handler.asked


def test_a_jar_that_was_damaged_in_the_cache_is_fetched_again(
    repository: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    folder = ensure_jars(tmp_path / "cache", jars=JARS, remotes=repository[0])
    (folder / "org.trial.one-1.0.jar").write_bytes(b"damaged")
    ensure_jars(tmp_path / "cache", jars=JARS, remotes=repository[0])
    assert (folder / "org.trial.one-1.0.jar").read_bytes() == CONTENT["one"]


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="Check the network and start again.*CINEGRAPH_GRAPH__URI"):
        ensure_jars(tmp_path, jars=JARS, remotes={"nobody": "http://127.0.0.1:9"})


class FullDisk:
    """Stands for a repository whose jars do not fit on the disk any more."""

    def __init__(self, **_: Any) -> None:
        self.resolver = self

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self

    def download(self, _: Any) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not download") from error


def test_a_full_disk_is_named_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "MavenContext", FullDisk)
    words = f"the disk of {tmp_path}/neo4j-{VERSION} is full. Free some space there, or set CINEGRAPH_CACHE"
    with pytest.raises(DownloadFailed, match=re.escape(words)):
        ensure_jars(tmp_path, jars=JARS)


def test_the_lock_names_every_jar_once_and_no_host() -> None:
    jars = read_lock()
    assert len({jar.filename for jar in jars}) == len(jars) == 216
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert any(jar.artifact == "neo4j-server" and jar.version == VERSION for jar in jars)
