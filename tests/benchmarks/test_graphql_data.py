"""A home is only copied, and only where there is one."""

import re
from pathlib import Path

import pytest

from benchmarks.graphql.data import Source, copied
from cinegraph.errors import InvalidInput
from cinegraph.settings import load_settings


def test_a_home_without_a_graph_is_named_and_not_made(tmp_path: Path) -> None:
    settings = load_settings(env_file=None).model_copy(update={"home": tmp_path / "copy"})
    with pytest.raises(
        InvalidInput, match=f"^--home {re.escape(str(tmp_path / 'none'))}: there is no local graph in it"
    ):
        copied(Source(tmp_path / "none"), settings)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_has_the_data_and_not_who_uses_them(tmp_path: Path) -> None:
    graph = tmp_path / "home" / "graph"
    for name in ("neo4j/data/store", "users/1", "password", "server.json", "start.lock"):
        path = graph / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1" if name != "server.json" else "{}")
    settings = load_settings(env_file=None).model_copy(update={"home": tmp_path / "copy"})
    copied(Source(tmp_path / "home"), settings)
    copies = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copies == {"graph/neo4j/data/store", "graph/password"}
