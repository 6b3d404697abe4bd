"""What somebody would state, and what the rows say, by hand."""

import numpy as np
import pytest

from benchmarks.preferences import STRENGTHS, described, typical
from cinegraph.types import Label
from graph.client import GraphClient
from graph.snapshot import load_snapshot
from tests import tiny


async def test_what_is_stated_is_rarer_among_all_movies(graph: GraphClient) -> None:
    """Of Alien and Blade Runner: both are science fiction, which 2 of 5 movies are, one is horror, as 1 of 5; drama is
    more frequent among all. Ridley Scott made both, nobody else more than one."""
    await tiny.load(graph)
    snapshot = await load_snapshot(graph.reader, 0, "")
    genres = typical(snapshot, [0, 1], Label.GENRE, 3)
    assert [node.id for node in genres] == ["science-fiction", "horror"]
    assert [node.id for node in typical(snapshot, [0, 1], Label.GENRE, 1)] == ["science-fiction"]
    assert [node.id for node in typical(snapshot, [0, 1], Label.PERSON, 2, 2)] == ["ridley-scott"]


def test_each_row_is_over_no_preferences_and_over_each_half() -> None:
    users = np.linspace(0, 0.5, 10)
    gains = np.arange(2 * len(STRENGTHS)) / 100
    rows = list(described(np.column_stack([users, *(users + gain for gain in gains)])))
    assert [row["stated"] for row in rows] == ["", *["genres"] * 8, *["genres and people"] * 8]
    assert [row["strength"] for row in rows] == [0.0, *STRENGTHS, *STRENGTHS]
    for row, gain in zip(rows, [0.0, *gains], strict=True):
        assert row["over"] == pytest.approx([gain] * 3)
        assert row["halves"] == pytest.approx([gain] * 2)
        assert row["ndcg_at_10"][0] == pytest.approx(0.25 + gain)
