"""What users do: one edge however often, nothing for unknown movies, and a version that rises with each write."""

import asyncio

from cinegraph.types import Label, NodeRef
from graph.actions import Stated, dismiss, prefer, rate, undismiss, unrate, unview, view
from graph.catalog import ReadStatement
from graph.client import GraphClient
from tests import tiny

EDGES = ReadStatement(
    "edges",
    "MATCH (:User {id: $user})-[r]->(n) RETURN type(r) AS type, n.id AS id, properties(r) AS properties "
    "ORDER BY type, id",
    frozenset({"user"}),
)
VERSION = ReadStatement("version", "MATCH (u:User {id: $user}) RETURN u.version AS version", frozenset({"user"}))


async def version(graph: GraphClient, user: str) -> int:
    return int((await graph.reader.read(VERSION, user=user))[0]["version"])


async def test_rating_twice_keeps_one_edge(graph: GraphClient) -> None:
    await tiny.load(graph)
    assert await rate(graph.writer, "new", "1", 3.0, 10)
    assert await rate(graph.writer, "new", "1", 4.5, 20)
    properties = {"userId": "new", "movieId": "1", "rating": 4.5, "at": 20}
    assert await graph.reader.read(EDGES, user="new") == [{"type": "RATED", "id": "1", "properties": properties}]
    assert await version(graph, "new") == 2


async def test_an_unknown_movie_leaves_nothing_behind(graph: GraphClient) -> None:
    await tiny.load(graph)
    assert not await rate(graph.writer, "new", "no", 3.0, 10)
    assert not await dismiss(graph.writer, "new", "no", 10)
    assert await view(graph.writer, "new", "no", 10, 10) is None
    assert await unrate(graph.writer, "new", "no") is None
    assert await undismiss(graph.writer, "new", "no") is None
    assert await unview(graph.writer, "new", "no") is None
    assert await graph.reader.read(VERSION, user="new") == []


async def test_a_rating_taken_back_is_gone_and_says_what_it_was(graph: GraphClient) -> None:
    await tiny.load(graph)
    assert await unrate(graph.writer, "1", "1") == {"movie": "1", "rating": 5.0}
    assert await unrate(graph.writer, "1", "1") == {"movie": "1", "rating": None}
    assert [row["id"] for row in await graph.reader.read(EDGES, user="1")] == ["3"]


async def test_a_dismissal_and_views_taken_back_are_gone_and_raise_the_version(graph: GraphClient) -> None:
    await tiny.load(graph)
    await dismiss(graph.writer, "new", "1", 10)
    await view(graph.writer, "new", "1", 30, 10)
    assert await undismiss(graph.writer, "new", "1") == {"movie": "1", "dismissed": True}
    assert await unview(graph.writer, "new", "1") == {"movie": "1", "count": 1, "seconds": 30}
    assert await graph.reader.read(EDGES, user="new") == []
    assert await version(graph, "new") == 4


async def test_t05_a_hundred_views_at_once_are_a_hundred(graph: GraphClient) -> None:
    await tiny.load(graph)
    await asyncio.gather(*(view(graph.writer, "new", "1", 2, at) for at in range(100)))
    (row,) = await graph.reader.read(EDGES, user="new")
    assert row["properties"] == {"userId": "new", "movieId": "1", "at": 99, "seconds": 200, "count": 100}
    assert await version(graph, "new") == 100


async def test_preferences_are_set_and_taken_back(graph: GraphClient) -> None:
    await tiny.load(graph)
    drama, ridley = NodeRef(Label.GENRE, "drama"), NodeRef(Label.PERSON, "ridley-scott")
    assert await prefer(graph.writer, "1", [Stated(drama, 1.0), Stated(ridley, -0.5)], 10) == []
    assert await prefer(graph.writer, "1", [Stated(drama, 0.0)], 20) == []
    kept = [row for row in await graph.reader.read(EDGES, user="1") if row["type"] == "PREFERS"]
    assert kept == [{"type": "PREFERS", "id": "ridley-scott", "properties": {"weight": -0.5, "at": 10}}]


async def test_preferences_are_all_or_none(graph: GraphClient) -> None:
    await tiny.load(graph)
    drama, nobody = NodeRef(Label.GENRE, "drama"), NodeRef(Label.PERSON, "nobody")
    assert await prefer(graph.writer, "1", [Stated(drama, 1.0), Stated(nobody, 1.0)], 10) == [nobody]
    assert [row["type"] for row in await graph.reader.read(EDGES, user="1")] == ["RATED", "RATED"]
    assert await version(graph, "1") == 0


async def test_users_who_rate_one_movie_at_once_lock_nobody_out_for_good(graph: GraphClient) -> None:
    await tiny.load(graph)

    async def often(user: str) -> None:
        for turn in range(5):
            await rate(graph.writer, user, "5", 4.0, turn)
            if turn < 4:
                await unrate(graph.writer, user, "5")

    await asyncio.gather(*(often(f"fan-{number}") for number in range(20)))
    (row,) = await graph.reader.read(
        ReadStatement("fans", "MATCH (u:User)-[r:RATED]->(:Movie {id: '5'}) RETURN count(r) AS n", frozenset())
    )
    assert row == {"n": 20}
