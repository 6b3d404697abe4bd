"""What is in the wheel: everything that a user's installation needs, and nothing that is only ours."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "cinegraph", "events", "graph", "migrations", "recommenders")
DATA = (
    "*.cypher",
    "*.film",
    "*.lock",
    "*.html",
    "*.js",
    "*.css",
    "*.typed",
    "*.py",
    "*.sql",
    "*.yaml",
    "keywords.txt",
    "pairs.txt",
    "LICENSE.*",
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_packages_is_in_the_wheel(names: set[str]) -> None:
    wanted = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for pattern in DATA
        for file in (ROOT / package).rglob(pattern)
    }
    assert len(wanted) > 150
    assert wanted <= names


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*PACKAGES, "cinegraph-0.1.0.dist-info"}
