"""Embeddings in the graph: each version served has its own, whatever was killed, and an older one gets them again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from graph.catalog import WriteStatement
from graph.client import GraphClient, Row, Writer
from graph.models import Published, Version, list_versions, publish
from recommenders.artifacts import save_artifact
from recommenders.cosine_scorer import CosineScorer
from recommenders.publishing import promote, rollback
from recommenders.scorers import FactorScorer, History
from tests import tiny
from tests.published import MOVIES, POPULAR, POPULARITY, publish_model

RATED = {"1": ([0, 2], [5.0, 2.0]), "2": ([0, 1], [4.0, 4.5]), "3": ([1, 2, 3], [3.0, 4.0, 5.0])}
"""The tiny graph's ratings, by the movies' places."""


class Killed(BaseException):
    """Stands for the end of the process."""


class Crashing(Writer):
    """Ends after the n-th statement that writes."""

    def __init__(self, client: GraphClient, at: int) -> None:
        super().__init__(client.session)
        self.left = at

    async def write(self, statement: WriteStatement, /, **parameters: object) -> list[Row]:
        return self._ended(await super().write(statement, **parameters))

    async def command(self, statement: WriteStatement, /, **parameters: object) -> list[Row]:
        return self._ended(await super().command(statement, **parameters))

    def _ended(self, rows: list[Row]) -> list[Row]:
        self.left -= 1
        if self.left == 0:
            raise Killed
        return rows


@dataclass(frozen=True)
class Served:
    """All that the graph has of a version."""

    id: str
    movies: dict[str, list[float]]
    users: dict[str, list[float]]
    indexes: list[str]
    similar: list[float]


def scorer(number: int, dimensions: int = 2) -> FactorScorer:
    """Factors that no other number has."""
    factors = np.array([[number, place + 1, 1.0] for place in range(len(MOVIES))], np.float32)[:, :dimensions]
    return FactorScorer(factors, factors, POPULARITY)


async def publish_factors(
    writer: Writer, root: Path, number: int, movies: int = 5, dimensions: int = 2, by_cosine: bool = False
) -> Served:
    """Publish a version with vectors of its first movies and of all users; what should be found of it."""
    factors = scorer(number, dimensions)
    made = CosineScorer(**{**factors.arrays(), "biases": POPULARITY}) if by_cosine else factors
    id_ = save_artifact(root, "lightgcn", made, MOVIES, config={}, metrics={}, fingerprint="f" * 64, created_at=number)
    vectors = dict(zip(MOVIES.tolist()[:movies], made.item_factors.tolist(), strict=False))
    users = {user: made.user_vector(History.from_ratings(*rated)).tolist() for user, rated in RATED.items()}
    similar = [("1", "2", float(number), 1)]
    content = Published(similar, list(vectors.items()), list(users.items()), dimensions)
    await publish(writer, Version(id_, "lightgcn", {}, "f" * 64, {}, id_), content)
    return Served(id_, vectors, users, ["Movie ONLINE", "User ONLINE"], [float(number)])


async def served(graph: GraphClient) -> Served:
    """What the graph has of the active version."""
    (now,) = [one for one in await list_versions(graph.reader) if one.active]
    await graph.session.command("CALL db.awaitIndexes(60)", {})
    text = "MATCH (n:%s) WHERE n[$slot] IS NOT NULL RETURN n.id AS id, n[$slot] AS vector ORDER BY id"
    movies, users = [
        {row["id"]: list(row["vector"]) for row in await graph.session.read(text % label, {"slot": now.slot})}
        for label in ("Movie", "User")
    ]
    indexes = await graph.session.read(
        "SHOW INDEXES YIELD type, labelsOrTypes, properties, state WHERE type = 'VECTOR' AND properties = [$slot] "
        "RETURN labelsOrTypes[0] AS label, state ORDER BY label",
        {"slot": now.slot},
    )
    similar = await graph.session.read("MATCH ()-[r:SIMILAR {model: $id}]->() RETURN r.score AS v", {"id": now.id})
    states = [f"{row['label']} {row['state']}" for row in indexes]
    return Served(now.id, movies, users, states, [row["v"] for row in similar])


async def test_a_kill_after_any_statement_leaves_both_kept_versions_whole(graph: GraphClient, tmp_path: Path) -> None:
    await tiny.load(graph)
    first = await publish_factors(graph.writer, tmp_path, 1)
    second = await publish_factors(graph.writer, tmp_path, 2)
    at = 1
    while await _killed(graph, tmp_path, at):
        assert await served(graph) == second
        await rollback(graph.writer, tmp_path)
        assert await served(graph) == first
        await rollback(graph.writer, tmp_path)
        at += 1
    assert at == 12
    third = await publish_factors(graph.writer, tmp_path, 3, dimensions=3)
    assert await served(graph) == third
    await rollback(graph.writer, tmp_path)
    assert await served(graph) == second


async def _killed(graph: GraphClient, root: Path, at: int) -> bool:
    """Whether the third version was killed at that statement, before it was the active one."""
    (before,) = [one.id for one in await list_versions(graph.reader) if one.active]
    with pytest.raises(Killed):
        await publish_factors(Crashing(graph, at), root, 3, dimensions=3)
    (after,) = [one.id for one in await list_versions(graph.reader) if one.active]
    return before == after


async def test_a_movie_that_a_model_does_not_know_keeps_no_vector_of_an_older_one(
    graph: GraphClient, tmp_path: Path
) -> None:
    await tiny.load(graph)
    for number in (1, 2, 3):
        await publish_factors(graph.writer, tmp_path, number)
    fourth = await publish_factors(graph.writer, tmp_path, 4, movies=2)
    assert await served(graph) == fourth
    assert len(fourth.movies) == 2


@pytest.mark.parametrize("by_cosine", [False, True])
async def test_an_older_version_gets_its_embeddings_again(graph: GraphClient, tmp_path: Path, by_cosine: bool) -> None:
    await tiny.load(graph)
    first = await publish_factors(graph.writer, tmp_path, 1, by_cosine=by_cosine)
    for number in (2, 3, 4):
        await publish_factors(graph.writer, tmp_path, number)
    await promote(graph.writer, tmp_path, first.id)
    now = await served(graph)
    assert (now.id, now.movies, now.users, now.indexes) == (first.id, first.movies, first.users, first.indexes)


async def test_versions_that_are_not_kept_name_no_slot(graph: GraphClient, tmp_path: Path) -> None:
    await tiny.load(graph)
    for number in (1, 2, 3, 4):
        await publish_factors(graph.writer, tmp_path, number)
    await publish_model(graph, tmp_path, POPULAR, "popular")
    slots = [one.slot for one in await list_versions(graph.reader) if one.slot]
    assert len(slots) == len(set(slots)) == 3
