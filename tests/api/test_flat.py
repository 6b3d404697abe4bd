"""N05 b: the cost of a page does not grow with the degree of the node, on the first page and deep in."""

import re
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.compiler.planner import Plan
from graph.catalog import WriteStatement
from graph.client import GraphClient
from recommenders.serving import Serving
from tests.api.harness import Api, api_over
from tests.conftest import empty

DEGREES = (10, 1_000, 100_000)
PAGE = 5

FILL = WriteStatement(
    "fill",
    """
    UNWIND range(0, $degree - 1) AS i
    CALL (i) {
      MERGE (m:Movie {id: 'm' + $degree}) ON CREATE SET m.title = 'Movie', m.popularity = 0.0
      MERGE (g:Genre {id: 'g' + $degree}) ON CREATE SET g.name = g.id
      MERGE (k:Keyword {id: 'k' + $degree}) ON CREATE SET k.name = k.id
      MERGE (c:Country {id: 'c' + $degree}) ON CREATE SET c.name = c.id
      MERGE (w:User {id: 'w' + $degree})
      MERGE (u:User {id: 'u' + i})
      MERGE (f:Movie {id: 'f' + i}) ON CREATE SET f.title = 'Film ' + i, f.popularity = 0.0
      CREATE (u)-[:RATED {movieId: m.id, userId: u.id, at: i / 3, rating: 3.0}]->(m)
      CREATE (w)-[:RATED {movieId: f.id, userId: w.id, at: i / 3, rating: 3.0}]->(f)
      CREATE (w)-[:VIEWED {movieId: f.id, userId: w.id, at: i / 3, seconds: 60}]->(f)
      CREATE (w)-[:TAGGED {movieId: f.id, userId: w.id, tagId: 't' + i, name: 't' + i, at: i / 3}]->(f)
      CREATE (f)-[:HAS_GENRE {movieId: f.id, genreId: g.id, popularity: toFloat(i / 7), year: 1900 + i % 100}]->(g)
      CREATE (f)-[:HAS_KEYWORD {movieId: f.id, keywordId: k.id, popularity: toFloat(i / 7), year: 1900}]->(k)
      CREATE (f)-[:FROM_COUNTRY {movieId: f.id, countryId: c.id, popularity: toFloat(i / 7), year: 1900}]->(c)
    } IN TRANSACTIONS OF 5000 ROWS
    """,
    frozenset({"degree"}),
)

QUERIES = {
    "movie ratings": ("movie", "m", "ratings", "", "edges { rating at }", "MovieRatingsConnection.DEFAULT"),
    "genre by popularity": (
        "genre",
        "g",
        "movies",
        "sort: POPULARITY,",
        "nodes { title }",
        "LinkedMoviesConnection.POPULARITY",
    ),
    "genre by year": ("genre", "g", "movies", "sort: YEAR,", "nodes { title }", "LinkedMoviesConnection.YEAR"),
    "keyword": ("keyword", "k", "movies", "", "nodes { title }", "LinkedMoviesConnection.POPULARITY"),
    "country": ("node", "Country:c", "movies", "", "nodes { title }", "LinkedMoviesConnection.POPULARITY"),
    "user history": ("user", "w", "ratings", "", "nodes { title }", "UserRatingsConnection.DEFAULT"),
    "user views": ("user", "w", "views", "", "nodes { title }", "ViewsConnection.DEFAULT"),
    "user tags": ("user", "w", "tags", "", "edges { tag node { title } }", "UserTagsConnection.DEFAULT"),
}
DEEP = {
    "movie ratings": lambda degree: [degree // 6, "u5"],
    "genre by popularity": lambda degree: [float(degree // 14), "f5"],
    "genre by year": lambda degree: [1900 + min(degree, 100) // 2, "f5"],
    "keyword": lambda degree: [float(degree // 14), "f5"],
    "country": lambda degree: [float(degree // 14), "f5"],
    "user history": lambda degree: [degree // 6, "f5"],
    "user views": lambda degree: [degree // 6, "f5"],
    "user tags": lambda degree: [degree // 6, "f5", "t5"],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(migrated: GraphClient, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """One graph for all tests of this file, which read alone."""
    await empty(migrated)
    for degree in DEGREES:
        await migrated.writer.command(FILL, degree=degree)
    serving = Serving(migrated.reader, tmp_path_factory.mktemp("artefacts"))
    await serving.refresh()
    return api_over(migrated, serving)


def query_of(case: str, degree: int, after: str | None) -> str:
    field, prefix, connection, sort, selection, _ = QUERIES[case]
    cursor = f'"{after}"' if after else "null"
    fields = f"{selection} totalCount pageInfo {{ endCursor }}"
    page = f"page: {connection}({sort} first: {PAGE}, after: {cursor}) {{ {fields} }}"
    inner = f"... on Country {{ {page} }}" if field == "node" else page
    return f'{{ {field}(id: "{prefix}{degree}") {{ {inner} }} }}'


async def hits(api: Api, case: str, degree: int, after: str | None) -> int:
    """Database hits of a page that has its five rows, and the number of all."""
    data = await api.ask(query_of(case, degree, after), f"w{degree}")
    (field,) = data.values()
    assert field["page"]["totalCount"] == degree
    (rows,) = (value for name, value in field["page"].items() if name not in ("pageInfo", "totalCount"))
    assert degree == 10 or len(rows) == PAGE
    plan = api.services.planner.plans[-1]
    summary = await api.graph.session.explain(plan.statement.text, parameters(plan, degree), "PROFILE")
    return total_hits(summary.profile)


def parameters(plan: Plan, degree: int) -> dict[str, Any]:
    """Those of the plan, and those that a resolver gives."""
    return {**plan.binder.fill({}), "key": f"c{degree}"}


async def expanded(api: Api, case: str) -> int:
    """Database hits of the same page without its index: shows that this test can fail."""
    await api.ask(query_of(case, DEGREES[-1], None), f"w{DEGREES[-1]}")
    plan = api.services.planner.plans[-1]
    lines = [line for line in plan.statement.text.splitlines() if not line.startswith("USING INDEX")]
    text = re.sub(r"WHERE r1\.\w+ = n0\.id AND", "WHERE", "\n".join(lines))
    assert text != plan.statement.text
    summary = await api.graph.session.explain(text, parameters(plan, DEGREES[-1]), "PROFILE")
    return total_hits(summary.profile)


def total_hits(step: Any) -> int:
    return int(step["dbHits"]) + sum(total_hits(child) for child in step.get("children", ()))


@pytest.mark.slow
async def test_n05_a_page_costs_the_same_at_every_degree(api: Api) -> None:
    costs: dict[str, tuple[list[int], list[int], int]] = {}
    for case in QUERIES:
        first = [await hits(api, case, degree, None) for degree in DEGREES]
        cursors = [api.services.cursors.seal(QUERIES[case][5], DEEP[case](degree)) for degree in DEGREES]
        deep = [await hits(api, case, degree, cursor) for degree, cursor in zip(DEGREES, cursors, strict=True)]
        costs[case] = first, deep, await expanded(api, case)
    assert all(len(set(first)) == 1 for first, _, _ in costs.values()), costs
    assert all(max(deep) <= 4 * first[0] for first, deep, _ in costs.values()), costs
    assert all(without > DEGREES[-1] for _, _, without in costs.values()), costs
    assert max(first[0] for first, _, _ in costs.values()) <= 30, costs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sort", "mark"), [("POPULARITY", [0.0, "f777"]), ("TITLE", ["Film 777", "f777"])], ids=["popularity", "title"]
)
async def test_n05_a_page_of_all_movies_is_a_seek_in_an_index(api: Api, sort: str, mark: list[Any]) -> None:
    for after in (None, api.services.cursors.seal(f"MoviesConnection.{sort}", mark)):
        cursor = f'"{after}"' if after else "null"
        data = await api.ask(f"{{ movies(sort: {sort}, first: {PAGE}, after: {cursor}) {{ nodes {{ title }} }} }}")
        assert len(data["movies"]["nodes"]) == PAGE
        plan = api.services.planner.plans[-1]
        summary = await api.graph.session.explain(plan.statement.text, plan.binder.fill({}), "PROFILE")
        assert total_hits(summary.profile) < 60


@pytest.mark.slow
async def test_a_filtered_page_is_cheap_whether_the_filter_lets_many_or_few_through(api: Api) -> None:
    hits: dict[tuple[int, bool], int] = {}
    for degree in (10, 100_000):
        query = f'{{ movies(first: {PAGE}, filter: {{genres: ["g{degree}"]}}) {{ nodes {{ title }} }} }}'
        for known in (True, False):  # where nothing is known of the catalogue, all are gone through in their order
            asked = api if known else api_over(api.graph, Serving(api.graph.reader, Path()))
            assert len((await asked.ask(query))["movies"]["nodes"]) == PAGE
            plan = asked.services.planner.plans[-1]
            given = {**plan.binder.fill({}), "among": [f"f{i}" for i in range(10)]}
            summary = await api.graph.session.explain(plan.statement.text, given, "PROFILE")
            hits[degree, known] = total_hits(summary.profile)
    assert hits[10, True] < 200, hits
    assert hits[100_000, True] == hits[100_000, False] < 200, hits
    assert hits[10, False] > 100_000, hits


@pytest.mark.slow
@pytest.mark.parametrize("sort", ["POPULARITY", "TITLE", "YEAR", "RATING"])
async def test_a_filter_that_lets_many_through_goes_with_every_order(api: Api, sort: str) -> None:
    query = f'{{ movies(first: {PAGE}, sort: {sort}, filter: {{genres: ["g100000"]}}) {{ nodes {{ id }} }} }}'
    assert len({one["id"] for one in (await api.ask(query))["movies"]["nodes"]}) == PAGE
