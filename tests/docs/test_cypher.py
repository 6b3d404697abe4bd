"""Every query of docs/cypher.md runs as an analyst would run it."""

import re
from pathlib import Path

import pytest

from graph.client import GraphClient
from graph.readonly import run_readonly
from tests import tiny

TEXT = (Path(__file__).parents[2] / "docs" / "cypher.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^## (.+?)\n\n```cypher\n(.+?)```", TEXT, re.M | re.S)


def test_there_are_ten_queries() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize(("title", "text"), QUERIES, ids=[title for title, _ in QUERIES])
async def test_the_query_runs(graph: GraphClient, title: str, text: str) -> None:
    await tiny.load(graph)
    table = await run_readonly(graph.session, text)
    assert table.columns


async def test_everybody_who_made_alien(graph: GraphClient) -> None:
    await tiny.load(graph)
    table = await run_readonly(graph.session, QUERIES[1][1])
    assert [(row["did"], row["name"], row["as"]) for row in table.rows] == [
        ("ACTED_IN", "Sigourney Weaver", "Ellen Ripley"),
        ("ACTED_IN", "John Hurt", "Kane"),
        ("DIRECTED", "Ridley Scott", ""),
    ]
