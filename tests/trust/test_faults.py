"""T17: what each root field comes to under each fault of the network, to each dependency; it stands in the documents.

A server is asked all fields that was asked all of them before. How late this machine's loop is meanwhile is measured
beside them, since an answer may be as late as that.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api import deadlines
from api.context import Services
from api.deadlines import GRACE
from cinegraph.home import during
from events import redis_bus
from events.bus import CATALOGUE
from events.redis_bus import RedisBus
from events.redis_points import RedisPoints
from graph.breaker import Breaker
from graph.catalog import WriteStatement
from graph.client import Address, GraphClient
from tests.api.harness import schema
from tests.api.web import client_over
from tests.events.test_redis_bus import Server, redis_in, told
from tests.trust.outcomes import (
    DEPENDENCIES,
    EITHER,
    FIELDS,
    MEMORY,
    READS,
    REFUSED,
    RIGHT,
    UNKNOWN,
    UNTIL_THE_END,
    WRITES,
    outcome,
    tables,
)
from tests.trust.proxy import NONE, PASSING, RESET, TIMEOUT, TOXICS, Proxy, Toxic
from tests.trust.test_injection import content
from tests.trust.through import LIMIT, api_through, ask, code_of, port_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
SHORT, LONG = 0.6, 15.0
"""Seconds that a request has where the graph is not to answer, and where it is."""
SLACK = 3.0
"""Seconds beyond its time in which an answer comes, beside the lateness of the loop: less than what is late by 2 s each
way takes."""
APART = 0.08
"""Seconds between requests that would otherwise all be answered from memory in the same moment."""

MORE = WriteStatement(
    "more",
    """
    MATCH (m:Movie {id: '1'}) SET m.title = 'Alien'
    MERGE (k:Keyword {id: 'space'}) SET k.name = 'Space'
    MERGE (c:Collection {id: 'alien'}) SET c.name = 'Nostromo'
    MERGE (m)-[a:HAS_KEYWORD]->(k)
    SET a.movieId = m.id, a.keywordId = k.id, a.popularity = m.popularity, a.year = m.year
    MERGE (m)-[b:PART_OF]->(c)
    SET b.movieId = m.id, b.collectionId = c.id, b.popularity = m.popularity, b.year = m.year
    WITH m MATCH (meta:Meta) SET meta.version = meta.version + 1
    """,
    frozenset(),
)
CLEAN = WriteStatement(
    "clean",
    """
    CALL () { MATCH (u:User {id: '7'}) DETACH DELETE u }
    CALL () { MATCH (e:Experiment) OPTIONAL MATCH (e)-[:HAS_ARM]->(a) DETACH DELETE e, a }
    """,
    frozenset(),
)
BEFORE = (
    'rateMovie(movie: "3", rating: 5.0) { __typename }',
    'dismissMovie(movie: "4") { __typename }',
    'recordView(movie: "2", seconds: 60) { __typename }',
    'startExperiment(experiment: {id: "one", arms: [{name: "a", share: 0.5}, {name: "b", share: 0.5, novelty: 0.5}]}) '
    "{ __typename }",
)
"""What user 7 did before, so that everything that takes something back has something to take."""


@dataclass(frozen=True)
class Side:
    """A server, whose way to one dependency is a proxy, and what it answers where nothing is between."""

    services: Services
    graph: GraphClient
    proxy: Proxy
    dependency: str
    ids: dict[str, str]
    right: dict[str, Any]

    async def as_before(self) -> None:
        """User 7 did what they did, and nothing is remembered of a fault."""
        self.proxy.become(RESET)
        self.proxy.become(NONE)
        await anew(self.services)
        await begin(self.services, self.graph)
        if isinstance(self.services.bus, RedisBus):
            with self.services.bus.listen([CATALOGUE]) as listener:
                self.proxy.become(RESET)
                self.proxy.become(NONE)
                await told(listener)  # it is connected again
        if isinstance(self.services.points, RedisPoints):
            self.services.points._again, self.services.points._away = 0.0, False


async def anew(services: Services) -> None:
    """The graph's guard knows of no fault."""
    guard = services.graph._session.guard
    await guard.close()
    guard.breaker = Breaker()


async def begin(services: Services, graph: GraphClient) -> None:
    """User 7 as the questions find them, their history in memory."""
    await graph.writer.write(CLEAN)
    async with client_over(services) as http:
        for write in BEFORE:
            answer = await ask(http, f"mutation {{ {write} }}", admin=True)
            assert "errors" not in answer, answer
    await services.serving.histories.get("7")


async def asked(
    http: httpx.AsyncClient, fields: dict[str, str], ids: dict[str, str], *, at_once: bool = True
) -> dict[str, tuple[Any, float]]:
    """The answer of each field, asked before the others are answered or after, and the seconds until it was there."""
    loop = asyncio.get_running_loop()

    async def one(name: str, field: str, wait: float = 0.0) -> tuple[Any, float]:
        await asyncio.sleep(wait)
        for key, value in ids.items():
            field = field.replace(key, value)
        began = loop.time()
        answer = await ask(http, f"{'mutation' if name in WRITES else ''} {{ {field} }}", admin=True)
        return answer, loop.time() - began

    if not at_once:
        return {name: await one(name, field) for name, field in fields.items()}
    found = await asyncio.gather(*(one(*item, place * APART) for place, item in enumerate(fields.items())))
    return dict(zip(fields, found, strict=True))


@asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """The seconds by which the loop woke up too late, each time."""
    loop, late = asyncio.get_running_loop(), list[float]()

    async def beat() -> None:
        while True:
            due = loop.time() + 0.02
            await asyncio.sleep(0.02)
            late.append(loop.time() - due)

    async with during(beat()):
        yield late


def test_t17_every_root_field_is_in_the_matrix() -> None:
    core = schema()._schema
    assert core.query_type is not None
    assert core.mutation_type is not None
    assert set(READS) == set(core.query_type.fields)
    assert set(WRITES) == set(core.mutation_type.fields)


def test_t17_the_documents_have_the_outcomes() -> None:
    assert tables() in DOCUMENT.read_text(encoding="utf-8"), "python -m tests.trust.outcomes prints what it must have"


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with redis_in(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=DEPENDENCIES)
async def side(
    request: pytest.FixtureRequest,
    migrated: GraphClient,
    local_address: Address,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Side]:
    dependency: str = request.param
    redis: Server | None = None if dependency == "graph" else request.getfixturevalue("redis_server")
    async with AsyncExitStack() as open_:
        open_.enter_context(pytest.MonkeyPatch.context()).setattr(redis_bus, "PAUSE", 0.05)
        proxy = await open_.enter_async_context(Proxy(redis.port if redis else port_of(local_address)))
        direct = Proxy(0, port=port_of(local_address))
        models = tmp_path_factory.mktemp("models")
        services = await open_.enter_async_context(
            api_through(direct if redis else proxy, migrated, local_address, models)
        )
        await migrated.writer.write(MORE)
        await services.serving.refresh()
        url = f"redis://127.0.0.1:{proxy.port}/0"
        if dependency == "bus":
            services = replace(services, bus=RedisBus(url))
            await open_.enter_async_context(during(services.bus.run()))
        elif dependency == "points":
            points = RedisPoints(url)
            services = replace(services, points=points)
            await open_.enter_async_context(during(points.run()))
        await begin(services, migrated)
        ids, right = await asked_before(services)
        yield Side(services, migrated, proxy, dependency, ids, right)


async def asked_before(services: Services) -> tuple[dict[str, str], dict[str, Any]]:
    """The ids that some fields take, and each field's answer, after which its statements are planned."""
    async with client_over(services) as http:
        first = await ask(http, "{ recommendations(first: 2) { replayId edges { why { id } } } }", admin=True)
        found = first["data"]["recommendations"]
        ids = {"$reason": found["edges"][0]["why"][0]["id"], "$replay": found["replayId"]}
        answers = await asked(http, FIELDS, ids, at_once=False)
    right = {name: answer for name, (answer, _) in answers.items()}
    for name, answer in right.items():
        assert "errors" not in answer, (name, answer)
        assert "degraded" not in answer.get("extensions", {}), (name, answer)
        assert answer["data"][name], (name, answer)
    return ids, right


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("toxic", TOXICS, ids=lambda toxic: toxic.name)
async def test_t17_each_fault_has_its_outcome_and_nothing_is_wrong_or_late(
    side: Side, toxic: Toxic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 1.0)  # on a busy machine what ends below takes longer than the usual
    await side.as_before()
    answers_all = side.dependency != "graph" or toxic in PASSING
    seconds = LONG if answers_all else SHORT
    limits = {"budget_ms": seconds * 1e3, "planning_ms": seconds * 1e3}
    before = await content(side.graph)
    async with client_over(side.services, **limits) as http, lateness() as late:
        side.proxy.become(toxic)
        try:
            answers = await asked(http, READS, side.ids, at_once=not answers_all)
            assert await content(side.graph) == before
            await anew(side.services)
            answers |= await asked(http, WRITES, side.ids, at_once=not answers_all)
        finally:
            side.proxy.become(NONE)
    came_to = {field: outcome_of(field, answer, side.right[field]) for field, (answer, _) in answers.items()}
    assert came_to == {field: outcome(side.dependency, toxic, field) for field in FIELDS}
    allowed = seconds + GRACE + SLACK + sum(late)
    assert {field: took for field, (_, took) in answers.items() if took > allowed} == {}
    if not answers_all:
        assert await content(side.graph) == before
    if isinstance(side.services.points, RedisPoints) and toxic not in PASSING:
        assert side.services.points._away, "the fault was there"
    gc.collect()  # the driver leaves it the socket of a request whose time is over while it connects


def outcome_of(field: str, answer: Any, right: Any) -> str:
    """What an answer is; the answer itself where it is nothing that may be."""
    if answer == right:
        return RIGHT
    if "errors" not in answer:
        degraded = answer.get("extensions", {}).get("degraded", {})
        is_it = answer["data"] == right["data"] and degraded.get("without") == ["graph"]
        return MEMORY if is_it and "absent" not in degraded else str(answer)
    if len(answer["errors"]) == 1 and answer["data"] in (None, {field: None}):
        if field in WRITES and code_of(answer) in ("TIME_BUDGET_SPENT", "GRAPH_UNAVAILABLE"):
            return REFUSED
        if field in UNTIL_THE_END and code_of(answer) in ("TIME_BUDGET_SPENT", "GRAPH_UNAVAILABLE"):
            return EITHER
        if code_of(answer) == "GRAPH_UNAVAILABLE":
            return UNKNOWN
    return str(answer)


@pytest.mark.parametrize("side", ["graph"], indirect=True)
async def test_t17_the_mutant_without_a_budget_is_late(side: Side) -> None:
    await side.as_before()
    async with client_over(side.services, budget_ms=0) as http:
        side.proxy.become(TIMEOUT)
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SHORT + GRACE + SLACK):
                    await asked(http, {"movie": FIELDS["movie"]}, side.ids)
        finally:
            side.proxy.become(NONE)
    assert LIMIT > LONG + GRACE + SLACK, "what hangs is seen to"
