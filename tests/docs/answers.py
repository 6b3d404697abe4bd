"""Asks what the documents ask, of the sample with EASE; `python -m tests.docs.answers` writes the answers anew.

The examples of all documents are asked one after another, of one server, so that one may stand on what those before it
wrote.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from cinegraph.settings import GateSettings, load_settings
from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.local import LocalServer
from graph.migrations import migrate
from graph.snapshot import load_snapshot
from recommenders.facts import facts_of
from recommenders.publishing import load_interactions, publish_run
from recommenders.serving import Serving
from recommenders.training import TrainingOptions, train
from tests.api.harness import api_over
from tests.api.live import Live, live
from tests.api.web import bearer
from tests.conftest import GRAPH_SETTINGS
from tests.docs.examples import DOCUMENTS, Example, as_shown, examples, written

ADMINISTRATOR = "an administrator"


@dataclass
class Stage:
    """A server, and what it answered last for each root field."""

    server: Live
    client: httpx.AsyncClient
    answers: dict[str, Any] = field(default_factory=dict)

    async def ask(self, example: Example) -> Any:
        """The answer, as much of it as is shown."""
        if example.pushes:
            events = await self._pushed(example)
            return events if example.then else events[0]
        body = {**example.request, "variables": {n: self._at(place) for n, place in example.variables.items()}}
        answer = await self._posted(body, example.caller)
        self.answers.update(answer["data"])
        return answer if example.whole else answer["data"]

    async def _posted(self, body: dict[str, Any], caller: str | None) -> Any:
        headers = bearer(caller.split()[-1], admin=caller == ADMINISTRATOR) if caller else {}
        answer = (await self.client.post(self.server.http, json=body, headers=headers)).json()
        assert "errors" not in answer, (body, answer)
        return answer

    async def _pushed(self, example: Example) -> list[Any]:
        """The first event, and the one after what is done then."""
        async with self.server.client(example.caller) as client:
            await client.subscribe(example.text)
            events = [await client.data()]
            if example.then:
                user, mutation = example.then
                await self._posted({"query": f"mutation {{ {mutation} {{ __typename }} }}"}, user)
                events.append(await client.data())
            return events

    def _at(self, place: str) -> Any:
        """The value at a place of the newest answers."""
        return reduce(
            lambda value, name: value[int(name) if name.isdecimal() else name], place.split("."), self.answers
        )


@asynccontextmanager
async def stage(graph: GraphClient, artifacts: Path) -> AsyncIterator[Stage]:
    """The sample in an empty graph, EASE trained and published as the command does it, and a server."""
    await ingest_sample(graph.writer)
    ratings, snapshot = await load_interactions(graph.reader), await load_snapshot(graph.reader, 0, "")
    options = TrainingOptions(facts=facts_of(snapshot, ratings.movies))
    run = await asyncio.to_thread(train, ratings, ["ease"], options)
    await publish_run(graph.writer, artifacts, run, GateSettings())
    serving = Serving(graph.reader, artifacts)
    await serving.refresh()
    async with live(api_over(graph, serving).services) as server, httpx.AsyncClient(timeout=60) as client:
        yield Stage(server, client)


async def write() -> None:
    """Ask everything of a Neo4j of its own, and put the answers into the documents."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as home:
        local = LocalServer(Path(home), load_settings(env_file=None).cache_dir, GRAPH_SETTINGS)
        address = local.attach()
        try:
            async with GraphClient(address, GRAPH_SETTINGS) as graph:
                await migrate(graph.writer)
                async with stage(graph, Path(home) / "models") as found:
                    for file in DOCUMENTS:
                        given = [(one, await found.ask(one)) for one in examples(file)]
                        file.write_text(_filled(file.read_text(encoding="utf-8"), given), encoding="utf-8")
        finally:
            local.release()


def _filled(text: str, given: list[tuple[Example, Any]]) -> str:
    """A document with these answers; from its end, so that the places before stay where they are."""
    for example, answer in reversed(given):
        text = f"{text[: example.start]}{written(as_shown(answer))}\n{text[example.end :]}"
    return text


if __name__ == "__main__":
    asyncio.run(write())
