"""Experiments on the tiny graph: arms with different models, and users whose every number can be worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from graph.catalog import WriteStatement
from graph.client import GraphClient, Row
from graph.experiments import Exposure, Limit, RecordedArm, RecordedExperiment, start
from graph.migrations import load_migrations
from recommenders.experiments import arm_of

WINDOW = 1_000
HALVES = (RecordedArm("control", 0.5), RecordedArm("new", 0.5))
STARTED = 5_000


def experiment(id_: str = "one", arms: Sequence[RecordedArm] = HALVES, **changes: Any) -> RecordedExperiment:
    """An experiment with a window of one second."""
    made = RecordedExperiment(id_, id_, "liked", WINDOW, tuple(arms), (), 0.05, 10_000, started_at=STARTED)
    return replace(made, **changes)


def pinned(version: str, control: str = "", **dials: float) -> tuple[RecordedArm, RecordedArm]:
    """Halves: control, and an arm of that version."""
    return RecordedArm("control", 0.5, control), RecordedArm("new", 0.5, version, **dials)


GUARDED = (Limit("dismissed", at_most=0.2),)


async def begun(graph: GraphClient, id_: str = "one", arms: Sequence[RecordedArm] = HALVES, **changes: Any) -> Any:
    """An experiment that is running."""
    made = experiment(id_, arms, **changes)
    await start(graph.writer, made)
    return made


def users_of(arm: str, count: int, salt: str = "one", shares: dict[str, float] | None = None) -> list[str]:
    """The first users of an arm, by id."""
    wanted = shares or {"control": 0.5, "new": 0.5}
    found = (f"u{n:05}" for n in range(100 * count + 100))
    return [user for user in found if arm_of(salt, user, wanted) == arm][:count]


def exposure(user: str, at: int, arm: str = "control", id_: str = "one") -> Exposure:
    """That a user was shown an arm."""
    return Exposure(id_, arm, user, at)


async def did(graph: GraphClient, rows: Sequence[tuple[str, str, str, float, int]]) -> None:
    """What users did: `(user, RATED, movie, rating, at)`; other relations have no rating."""
    text = (
        "UNWIND $rows AS row MERGE (u:User {id: row[0]}) ON CREATE SET u.version = 0 WITH u, row "
        "MATCH (m:Movie {id: row[2]}) MERGE (u)-[r:$(row[1])]->(m) "
        "SET r.userId = u.id, r.movieId = m.id, r.at = row[4], "
        "r.rating = CASE row[1] WHEN 'RATED' THEN row[3] ELSE null END"
    )
    await graph.session.write(text, {"rows": [list(row) for row in rows]})


async def crowd(graph: GraphClient, arm: str, users: Sequence[str], liked: Sequence[int], dismissed: int = 0) -> None:
    """Users who were exposed a window ago and liked so many movies since; counted as such."""
    text = (
        "MATCH (e:Experiment {id: 'one'}) UNWIND range(0, size($users) - 1) AS n "
        "MERGE (u:User {id: $users[n]}) CREATE (u)-[:EXPOSED {experimentId: e.id, arm: $arm, at: e.startedAt, "
        "countedAt: 1, liked: $liked[n % size($liked)], dismissed: $dismissed, viewed: 0, likedBefore: 0, "
        "dismissedBefore: 0, viewedBefore: 0}]->(e)"
    )
    given = {"users": list(users), "arm": arm, "liked": list(liked), "dismissed": dismissed}
    await graph.session.write(text, given)
    await recounted(graph)


async def recounted(graph: GraphClient) -> None:
    """What is summed up of arms, worked out from all exposures, as the migration does."""
    (statement,) = load_migrations()[5].statements
    await graph.writer.write(WriteStatement("recounted", statement, frozenset()))


async def exposed(graph: GraphClient) -> list[Row]:
    """All exposures."""
    text = (
        "MATCH (u:User)-[r:EXPOSED]->(e) RETURN e.id AS experiment, u.id AS user, r.arm AS arm, r.at AS at "
        "ORDER BY experiment, user"
    )
    return await graph.session.read(text, {})
