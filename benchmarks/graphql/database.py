"""What each peer asks of Neo4j for one answer: its statements, and what the plans of those do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.graphql.asking import ask
from benchmarks.graphql.bolt import Sent, Tap, tapped
from benchmarks.graphql.operations import Operation, Subjects
from benchmarks.graphql.peers import Peer, Server, serving
from graph.client import GraphClient

BEFORE, LOOKS = 3, 3
"""Requests before those that are looked at, so that nothing is asked for the first time; and how many of these, of
which the one of the fewest statements counts: the others hold what a server asks now and then for itself."""
NEVER = {"CINEGRAPH_SERVING__REFRESH_SECONDS": "86400", "CINEGRAPH_SERVING__JUDGE_SECONDS": "86400"}
"""Cinegraph's looks for a new model, which belong to no request, do not come meanwhile."""


@dataclass(frozen=True, slots=True)
class Work:
    """Of one answer."""

    queries: int
    rows: int
    """Rows that the operators of all plans handed on."""
    db_hits: int
    records: int
    """Rows that Neo4j sent."""
    received: int
    """Bytes that Neo4j sent."""
    statements: Sequence[str]


async def work_of(
    client: GraphClient, asked: Sequence[Operation], peer: Peer, subjects: Subjects, logs: Path
) -> Mapping[str, Work]:
    """What a peer asks for each operation that it knows: a server of its own, a proxy before Neo4j, nothing timed."""
    found = {}
    async with (
        httpx.AsyncClient(timeout=60) as http,
        tapped(client.address) as tap,
        serving(peer, tap.address, logs, **NEVER) as server,
    ):
        for operation in asked:
            found[operation.name] = await _work(client, tap, http, server, operation, subjects)
    return found


async def _work(
    client: GraphClient,
    tap: Tap,
    http: httpx.AsyncClient,
    server: Server,
    operation: Operation,
    subjects: Subjects,
) -> Work:
    """Of the first subject of an operation."""
    body = operation.requests(server.peer.name, subjects)[0]
    for _ in range(BEFORE):
        await ask(http, server, operation.name, body)
    looks = []
    for _ in range(LOOKS):
        tap.again()
        await ask(http, server, operation.name, body)
        looks.append(tap.heard)
    heard = min(looks, key=lambda one: len(one.statements))
    plans = [await profile(client, sent) for sent in heard.statements]
    rows, db_hits = (sum(one[at] for one in plans) for at in (0, 1))
    texts = [sent.text for sent in heard.statements]
    return Work(len(texts), rows, db_hits, heard.records, heard.received, texts)


async def profile(client: GraphClient, sent: Sent) -> tuple[int, int]:
    """Rows and database hits of a statement, over all operators of its plan."""
    summary = await client.session.explain(sent.text, sent.parameters, "PROFILE")
    steps = list(_steps(summary.profile))
    return sum(int(step["rows"]) for step in steps), sum(int(step["dbHits"]) for step in steps)


def _steps(step: Any) -> Iterator[Mapping[str, Any]]:
    yield step
    for child in step.get("children", ()):
        yield from _steps(child)
