"""GraphiQL from our own files."""

import re
from importlib import resources

import httpx
import pytest

from api.context import Services
from tests.api.web import client_over, refused


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
