"""GraphiQL from our own files, and health."""

import re
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.context import Services
from graph.catalog import ReadStatement
from graph.client import Address, GraphClient, Reader, Row
from recommenders.serving import Serving
from tests.api.harness import api_over
from tests.api.web import client_over, refused
from tests.conftest import GRAPH_SETTINGS


@pytest.mark.parametrize("path", ["/", "/graphql"])
async def test_graphiql_and_all_its_assets_come_from_us(http: httpx.AsyncClient, path: str) -> None:
    page = await http.get(path, headers={"accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 6
    for asset in assets:
        assert asset == "data:," or (await http.get(asset)).status_code == 200
    folder = resources.files("api") / "static" / "graphiql"
    for name in ("page.html", "start.js"):
        assert not re.search(r"https?:|//\w", (folder / name).read_text(encoding="utf-8").replace("// ", ""))


async def test_without_graphiql_there_is_no_page_no_introspection_and_no_suggestion(services: Services) -> None:
    async with client_over(services, graphiql=False) as http:
        for path in ("/", "/graphiql/start.js"):
            assert (await http.get(path)).status_code == 404
        page = await http.get("/graphql", headers={"accept": "text/html"})
        asked = await http.post("/graphql", json={"query": "{ __schema { types { name } } }"})
        typed = await http.post("/graphql", json={"query": '{ __type(name: "Movie") { name } }'})
        wrong = await http.post("/graphql", json={"query": "{ movi { id } }"})
        name = await http.post("/graphql", json={"query": "{ __typename }"})
    refused(page, 406, "NOT_ACCEPTABLE")
    for response in (asked, typed):
        assert response.json()["errors"][0]["message"].startswith("GraphQL introspection has been disabled")
        assert "data" not in response.json()
    assert "Did you mean" not in wrong.text
    assert name.json() == {"data": {"__typename": "Query"}}


async def test_with_graphiql_introspection_answers_and_names_are_suggested(http: httpx.AsyncClient) -> None:
    asked = await http.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
    wrong = await http.post("/graphql", json={"query": "{ movi { id } }"})
    assert asked.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    assert "Did you mean" in wrong.text


async def test_health_tells_alive_from_ready(http: httpx.AsyncClient, services: Services) -> None:
    live, ready = await http.get("/health/live"), await http.get("/health/ready")
    assert live.json() == {"status": "live"}
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "graph": {"status": "ready"},
        "model": {"status": "ready", "version": services.serving.model_version},
    }


async def test_without_a_model_the_model_is_not_ready(migrated: GraphClient) -> None:
    """The graph that it asks answers, and names none."""
    services = api_over(migrated, Serving(NoModel(migrated.session), Path("nowhere"))).services
    async with client_over(services) as http:
        live, ready = await http.get("/health/live"), await http.get("/health/ready")
    assert (live.status_code, ready.status_code, ready.headers["retry-after"]) == (200, 503, "5")
    assert ready.json() == {
        "status": "not ready",
        "graph": {"status": "ready"},
        "model": {"status": "not ready", "code": "NO_MODEL"},
    }


class NoModel(Reader):
    """Reads what the graph says of itself, without the active model."""

    async def read(self, statement: ReadStatement, /, **parameters: Any) -> list[Row]:
        rows = await super().read(statement, **parameters)
        return [{**row, "activeModel": None} for row in rows] if statement.name == "meta/state" else rows


async def test_with_the_graph_away_the_model_in_memory_is_still_ready(services: Services) -> None:
    address = Address("bolt://127.0.0.1:1", "neo4j", "password", "neo4j")
    async with GraphClient(address, GRAPH_SETTINGS) as client:
        serving = Serving(client.reader, Path("nowhere"), state=services.serving.state)
        async with client_over(api_over(client, serving).services) as http:
            ready = await http.get("/health/ready")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "2")
    assert ready.json() == {
        "status": "not ready",
        "graph": {"status": "not ready", "code": "GRAPH_UNAVAILABLE"},
        "model": {"status": "ready", "version": services.serving.model_version},
    }
