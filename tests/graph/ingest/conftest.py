"""What imports in bulk start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinegraph.settings import load_settings
from graph.ingest.bulk import BulkSources
from graph.local import LocalServer
from tests.conftest import GRAPH_SETTINGS
from tests.graph.ingest import made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    """A Neo4j of its own, not running."""
    server = LocalServer(tmp_path / "home", load_settings(env_file=None).cache_dir, GRAPH_SETTINGS)
    yield server
    server.stop()


@pytest.fixture
def sources(tmp_path: Path) -> BulkSources:
    """The small data set with TMDB's facts."""
    return BulkSources(made.write_csv(tmp_path / "ml"), made.write_films(tmp_path / "films.jsonl.gz"))
