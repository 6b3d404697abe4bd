"""What Prometheus is told, exactly; and that no label has more values than are known beforehand."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from api.context import Services
from api.documents import Documents
from api.metrics import REFUSALS, codes
from api.protocols import REFUSALS as ON_THE_CONNECTION
from api.server import build_app
from cinegraph import __version__
from cinegraph.settings import ApiSettings
from graph.client import Address, GraphClient
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.web import ALIEN, RATE, SECRET, TITLE, bearer, client_of, client_over
from tests.conftest import GRAPH_SETTINGS

Labels = frozenset[tuple[str, str]]
TRUSTED = {"one": f"query Title {TITLE}", "two": "{ genres { nodes { name } } }"}
LIST = 'query List { recommendations(first: 2) { nodes { title } } movie(id: "1") { title } }'


@pytest.fixture
def app(services: Services) -> Starlette:
    return build_app(services, ApiSettings(budget_ms=0), SECRET, Documents(TRUSTED))


def figures(app: Starlette, name: str) -> dict[Labels, float]:
    """The series of a name, those of the process aside."""
    text = app.state.metrics.shown("")[0].decode()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {frozenset(one.labels.items()): one.value for one in samples if one.name == name}


def labels(**given: str) -> Labels:
    return frozenset(given.items())


async def test_each_request_is_counted_by_what_it_was_and_how_it_ended(app: Starlette) -> None:
    async with client_of(app) as http:
        await http.post("/graphql", json={"documentId": "one"})
        await http.post("/graphql", json={"query": TRUSTED["one"]})
        await http.post("/graphql", json={"documentId": "two"})
        await http.post("/graphql", json={"query": f"query Secret {TITLE}"})
        await http.post("/graphql", json={"query": RATE}, headers=bearer())
        await http.post("/graphql", json={"query": RATE})
        await http.post("/graphql", json={"query": "{ nosuch }"})
        await http.post("/graphql", json={"query": "{" * 100})
        await http.put("/graphql")
        await http.get("/graphql", params={"query": RATE})
    assert figures(app, "cinegraph_requests_total") == {
        labels(operation="Title", kind="query", status="200", code="OK"): 2,
        labels(operation="two", kind="query", status="200", code="OK"): 1,
        labels(operation="other", kind="query", status="200", code="OK"): 1,
        labels(operation="other", kind="mutation", status="200", code="OK"): 2,
        labels(operation="other", kind="query", status="200", code="GRAPHQL_VALIDATION_FAILED"): 1,
        labels(operation="other", kind="none", status="400", code="LIMIT_EXCEEDED"): 1,
        labels(operation="other", kind="none", status="405", code="METHOD_NOT_ALLOWED"): 1,
        labels(operation="other", kind="mutation", status="405", code="METHOD_NOT_ALLOWED"): 1,
    }
    assert figures(app, "cinegraph_request_duration_seconds_count") == {
        labels(operation="Title", kind="query"): 2,
        labels(operation="two", kind="query"): 1,
        labels(operation="other", kind="query"): 2,
        labels(operation="other", kind="mutation"): 3,
        labels(operation="other", kind="none"): 2,
    }
    assert figures(app, "cinegraph_requests_refused_total") == {
        labels(code="LIMIT_EXCEEDED"): 1,
        labels(code="METHOD_NOT_ALLOWED"): 2,
    }


async def test_the_operation_that_runs_gives_its_kind(app: Starlette) -> None:
    both = {"query": f"query A {TITLE} {RATE.replace('mutation', 'mutation B')}"}
    async with client_of(app) as http:
        for name in ("A", "B"):
            await http.post("/graphql", json={**both, "operationName": name}, headers=bearer())
    counted = figures(app, "cinegraph_request_duration_seconds_count")
    assert counted == {labels(operation="other", kind="query"): 1, labels(operation="other", kind="mutation"): 1}


async def test_a_thousand_names_of_operations_make_one_series(app: Starlette) -> None:
    def series() -> int:
        text = app.state.metrics.shown("")[0].decode()
        return sum(not line.startswith("#") for line in text.splitlines())

    async with client_of(app) as http:
        await http.post("/graphql", json={"query": "query Q { __typename }"})
        before = series()
        for number in range(1_000):
            answer = await http.post("/graphql", json={"query": f"query Q{number} {{ __typename }}"})
            assert answer.status_code == 200
    assert series() == before
    done = labels(operation="other", kind="query", status="200", code="OK")
    assert figures(app, "cinegraph_requests_total") == {done: 1_001}


async def test_statements_are_counted_as_the_graph_was_sent_them(app: Starlette, migrated: GraphClient) -> None:
    before = migrated.session.statements
    async with client_of(app) as http:
        assert "errors" not in (await http.post("/graphql", json={"query": LIST}, headers=bearer())).json()
        reads = migrated.session.statements - before
        assert "errors" not in (await http.post("/graphql", json={"query": RATE}, headers=bearer())).json()
    counted = figures(app, "cinegraph_statement_duration_seconds_count")
    assert reads >= 2
    assert counted[labels(access="read", origin="request")] == reads
    assert sum(counted.values()) == migrated.session.statements - before
    assert counted[labels(access="write", origin="request")] == 1
    assert figures(app, "cinegraph_statements_failed_total") == {}


async def test_statements_that_fail_are_counted_by_their_code(tmp_path: Path) -> None:
    async with GraphClient(Address("bolt://127.0.0.1:1", "neo4j", "password", "neo4j"), GRAPH_SETTINGS) as client:
        app = build_app(api_over(client, Serving(client.reader, tmp_path)).services, ApiSettings(budget_ms=0), SECRET)
        async with client_of(app) as http:
            await http.post("/graphql", json={"query": TITLE})
    assert figures(app, "cinegraph_statements_failed_total") == {labels(code="GRAPH_UNAVAILABLE"): 2}, "tried twice"
    asked = labels(operation="other", kind="query", status="200", code="GRAPH_UNAVAILABLE")
    assert figures(app, "cinegraph_requests_total") == {asked: 1}


async def test_a_request_under_way_is_in_flight(app: Starlette) -> None:
    go = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'{"query": "{ __type'
        await go.wait()
        yield b'name }"}'

    def in_flight() -> float:
        return figures(app, "cinegraph_requests_in_flight")[frozenset()]

    async with client_of(app) as http, asyncio.timeout(30):
        headers = {"content-type": "application/json"}
        asking = asyncio.ensure_future(http.post("/graphql", content=body(), headers=headers))
        while not in_flight():
            await asyncio.sleep(0.001)
        assert in_flight() == 1
        go.set()
        assert (await asking).json() == {"data": {"__typename": "Query"}}
        given_up = asyncio.ensure_future(http.post("/graphql", content=endless(), headers=headers))
        while not in_flight():
            await asyncio.sleep(0.001)
        given_up.cancel()
        await asyncio.wait([given_up])
    assert in_flight() == 0
    cancelled = labels(operation="other", kind="none", status="500", code="CANCELLED")
    assert figures(app, "cinegraph_requests_total")[cancelled] == 1


async def endless() -> AsyncIterator[bytes]:
    """A body that does not end."""
    while True:
        yield b""
        await asyncio.sleep(0.001)


async def test_what_is_served_is_told_as_it_is_now(app: Starlette, services: Services) -> None:
    async with client_of(app) as http:
        assert (await http.post("/graphql", json={"query": TITLE})).json() == {"data": ALIEN}
    serving = services.serving
    assert figures(app, "cinegraph_model_info") == {labels(version=serving.model_version): 1}
    assert figures(app, "cinegraph_build_info") == {labels(version=__version__): 1}
    assert figures(app, "cinegraph_snapshot_version") == {frozenset(): serving.state.snapshot.version}
    assert figures(app, "cinegraph_plans_kept") == {frozenset(): len(services.planner.plans)}
    assert len(services.planner.plans) > 0
    assert figures(app, "cinegraph_streams_open") == {frozenset(): 0}


async def test_the_age_of_the_catalogue_goes_on_until_it_is_read_anew(services: Services) -> None:
    """Looking for a newer one, and finding none, is another age."""
    app, serving = build_app(services, ApiSettings(budget_ms=0), SECRET), services.serving
    serving._read_at -= 100
    serving._checked_at -= 50
    (read,), (checked,) = (figures(app, f"cinegraph_snapshot_{name}_seconds").values() for name in ("age", "unchecked"))
    assert read > checked + 40 > 90 - 1e-6
    assert not await serving.renew()
    again, fresh = serving.ages().read, serving.ages().checked
    assert again > read
    assert fresh < checked


def test_before_the_first_look_nothing_has_an_age(tmp_path: Path, migrated: GraphClient) -> None:
    app = build_app(api_over(migrated, Serving(migrated.reader, tmp_path)).services, ApiSettings(budget_ms=0), SECRET)
    assert figures(app, "cinegraph_model_info") == {labels(version=""): 1}
    (age,) = figures(app, "cinegraph_snapshot_age_seconds").values()
    assert age != age, "not a number"


async def test_two_applications_have_figures_of_their_own(app: Starlette, services: Services) -> None:
    other = build_app(services, ApiSettings(budget_ms=0), SECRET)
    async with client_of(app) as http:
        await http.post("/graphql", json={"query": "{ __typename }"})
    assert sum(figures(app, "cinegraph_requests_total").values()) == 1
    assert figures(other, "cinegraph_requests_total") == {}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
async def test_the_text_is_prometheus_or_openmetrics_as_it_is_accepted(app: Starlette, accept: str, media: str) -> None:
    async with client_of(app) as http:
        await http.post("/graphql", json={"query": "{ __typename }"})
        answer = await http.get("/metrics", headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.endswith("# EOF\n") == ("openmetrics" in media)
    assert "process_cpu_seconds_total" in answer.text


async def test_without_metrics_there_is_no_page(services: Services) -> None:
    async with client_over(services, metrics=False) as http:
        assert (await http.get("/metrics")).status_code == 404


def test_every_code_that_a_refusal_has_is_known() -> None:
    text = "".join(path.read_text() for path in (Path(__file__).parents[2] / "api").rglob("*.py"))
    refused = set(re.findall(r"(?:Refused|refusal)\(\s*\d+,\s*\"([A-Z_]+)\"", text))
    assert len(refused) == 14
    refused |= {code for code, _ in ON_THE_CONNECTION.values()}
    assert len(refused) == 16
    assert refused <= codes()
    assert refused | {"GRAPHQL_VALIDATION_FAILED"} >= REFUSALS
    assert {"OK", "INTERNAL", "LIMIT_EXCEEDED", "GRAPH_TIMEOUT", "NOT_SIGNED_IN"} <= codes()


async def test_a_code_that_is_not_known_makes_no_label(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def strange(*_: Any) -> tuple[str, str]:
        return "strange", f"CODE_{len(made)}"

    made = list[httpx.Response]()
    monkeypatch.setattr("api.errors._words", strange)
    app = build_app(services, ApiSettings(budget_ms=0), SECRET)
    async with client_of(app) as http:
        for _ in range(3):
            made.append(await http.post("/graphql", json={"query": "{ nosuch }"}))
    assert [one.json()["errors"][0]["extensions"]["code"] for one in made] == ["CODE_0", "CODE_1", "CODE_2"]
    counted = figures(app, "cinegraph_requests_total")
    assert counted == {labels(operation="other", kind="query", status="200", code="OTHER"): 3}
