"""A server that is attacked: what is sent to it, and what its process does beside answering."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.context import Services
from graph.client import GraphClient
from tests.api.harness import schema
from tests.api.web import JSON, TITLE, bearer


@dataclass(frozen=True)
class Target:
    """A server in production, and what is behind it."""

    http: httpx.AsyncClient
    services: Services
    graph: GraphClient
    monkeypatch: pytest.MonkeyPatch
    caplog: pytest.LogCaptureFixture

    async def sent(self, query: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.http.post("/graphql", json={"query": query, **more}, headers=headers)

    async def limited(self, query: str, **more: Any) -> None:
        """Refused by a limit, before anything is sent to the graph."""
        before = self.graph.session.statements
        body = (await self.sent(query, **more)).json()
        assert {error["extensions"]["code"] for error in body["errors"]} == {"LIMIT_EXCEEDED"}
        assert self.graph.session.statements == before


TAKING_TEXT = {
    "search": "query($x: String!) { search(query: $x) { totalCount } }",
    "autocomplete": "query($x: String!) { autocomplete(prefix: $x) { totalCount } }",
    "movie": "query($x: ID!) { movie(id: $x) { title } }",
    "node": "query($x: ID!) { node(id: $x) { id } }",
    "movies": "query($x: String) { movies(after: $x) { totalCount } }",
    "filter": "query($x: ID!) { movies(filter: { genres: [$x] }) { totalCount } }",
    "paths": "query($x: ID!) { paths(from: $x, to: $x) { nodes { length } } }",
    "recommendations": "query($x: ID!) { recommendations(liked: [$x]) { edges { score } } }",
    "group": (
        'query($x: String!) { recommendations(group: { members: [{ name: "a", invitation: $x }] }) '
        "{ edges { score } } }"
    ),
    "explanation": "query($x: ID!) { verifyExplanation(id: $x) { holds } }",
    "replay": "query($x: ID!) { replayRecommendations(id: $x) { __typename } }",
    "rate": "mutation($x: ID!) { rateMovie(movie: $x, rating: 4) { __typename } }",
    "stop": "mutation($x: String!) { stopExperiment(id: $x, because: $x) { __typename } }",
}
"""Operations whose one variable is a text, as an administrator may send them."""


async def everywhere(target: Target, text: str) -> list[httpx.Response]:
    """A text in every place that takes one: fields, and what goes beside an operation."""
    admin = bearer("dvga", admin=True)
    found = [await target.sent(query, admin, variables={"x": text}) for query in TAKING_TEXT.values()]
    for more in ({"documentId": text}, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": text}}}):
        found.append(await target.http.post("/graphql", json=more))
    found.append(await target.sent(TITLE, operationName=text))
    found.append(await target.sent(TITLE, {"Referer": "https://a.example/", "X-Forwarded-Host": "a.example"}))
    for one in found:
        assert one.headers["content-type"] == JSON
        for error in one.json().get("errors", []):
            assert error["extensions"]["code"] not in ("INTERNAL", "GRAPH_ERROR", "GRAPH_STATEMENT_FAILED"), one.text
    return found


def names() -> set[str]:
    """Every name of a field, an argument and a type of the schema."""
    found = set[str]()
    for kind in schema()._schema.type_map.values():
        if not kind.name.startswith("__"):
            found.add(kind.name)
            for name, field in getattr(kind, "fields", {}).items():
                found |= {name, *getattr(field, "args", {})}
    return found


def no_door(words: str) -> None:
    """Nothing of the schema is named like that."""
    parts = {part.lower() for name in names() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)}
    assert not parts & set(words.split()), parts & set(words.split())


DOINGS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "compile", "open", "socket.connect")
_watched: list[list[tuple[str, Any]]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event in DOINGS:
        _watched[-1].append((event, arguments))


sys.addaudithook(_hook)


@contextmanager
def doings() -> Iterator[list[tuple[str, Any]]]:
    """All that Python says of processes, code, files and connections meanwhile."""
    _watched.append([])
    try:
        yield _watched[-1]
    finally:
        _watched.pop()


def commands(found: list[tuple[str, Any]]) -> list[str]:
    return [event for event, _ in found if event not in ("open", "socket.connect", "compile")]


def writes(found: list[tuple[str, Any]]) -> list[Any]:
    return [
        given[0] for event, given in found if event == "open" and (set(str(given[1])) & set("wax+") or given[2] & 3)
    ]


def connections(found: list[tuple[str, Any]], but: int) -> list[Any]:
    """Addresses that were connected to, but the graph's port."""
    return [given[1] for event, given in found if event == "socket.connect" and given[1][1] != but]
