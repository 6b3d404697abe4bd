"""One request at a time, and whether all peers say the same."""

from collections.abc import Sequence
from typing import Any

import httpx

from benchmarks.graphql.answers import answer_of, difference
from benchmarks.graphql.operations import Operation, Subjects
from benchmarks.graphql.peers import PeerFailed, Server


class Differs(Exception):
    """Two peers answer a question differently."""


async def ask(http: httpx.AsyncClient, server: Server, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The data of an answer; `PeerFailed` with what the server says where there is none, or where it says more: that it
    is an answer without the graph."""
    answer = await http.post(server.url, json=body)
    found = answer.json() if answer.is_success else {}
    if "errors" in found or "extensions" in found or not found.get("data"):
        raise PeerFailed(f"{server.peer.title}, {name}: {answer.status_code} {answer.text[:500]}")
    data: dict[str, Any] = found["data"]
    return data


async def compare(asked: Sequence[Operation], servers: Sequence[Server], subjects: Subjects) -> int:
    """Ask all servers everything that will be measured; how many answers were equal. Raises `Differs` for the first
    that is not, and for one that is empty."""
    equal = 0
    async with httpx.AsyncClient(timeout=60) as http:
        for operation in asked:
            knowing = [server for server in servers if server.peer.name in operation.texts]
            for turn, given in enumerate(getattr(subjects, operation.variables)):
                answers = []
                for server in knowing:
                    data = await ask(http, server, operation.name, operation.requests(server.peer.name, subjects)[turn])
                    answers.append(answer_of(data, one=operation.one))
                if not answers[0]:
                    raise Differs(f"{operation.name} {dict(given)}: {knowing[0].peer.title} finds nothing")
                for server, answer in zip(knowing[1:], answers[1:], strict=True):
                    found = difference(answers[0], answer)
                    if found:
                        names = f"{knowing[0].peer.title} and {server.peer.title}"
                        raise Differs(f"{operation.name} {dict(given)}: {names} differ at {found}")
                    equal += 1
    return equal
