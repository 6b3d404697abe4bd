"""One filter, two readers: what Cypher lets through in a list is what the snapshot lets through in a ranking."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from api.compiler.filters import MAX_CONDITIONS
from api.types.filters import to_filter
from cinegraph.errors import InvalidInput
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.snapshot import Snapshot, load_snapshot
from recommenders.serving import Serving
from tests import tiny
from tests.api.harness import Api, api_over

MORE = WriteStatement(
    "more",
    """
    CREATE (:Genre {id: 'nothing'}), (:Genre {id: "'"}), (:Genre {id: "x' OR true //"}), (:Person {id: 'drama'}),
      (:Person {id: 'nobody'}), (:Keyword {id: 'none'}), (:Country {id: 'XX'}), (:Language {id: 'en'})
    WITH 1 AS once
    UNWIND [['6', 1979, null, 'US'], ['7', null, 90, 'GB'], ['8', 2001, 122, null], ['9', 1900, 1, 'US']] AS row
    CREATE (m:Movie {id: row[0], title: 'Film ' + row[0], year: row[1], runtime: row[2], popularity: 1.0})
    WITH m, row
    FOREACH (code IN CASE WHEN row[3] IS NULL THEN [] ELSE [row[3]] END |
      MERGE (c:Country {id: code}) MERGE (m)-[:FROM_COUNTRY]->(c))
    WITH m WHERE m.id IN ['6', '8']
    MERGE (k:Keyword {id: 'space'}) SET k.name = 'space' MERGE (m)-[:HAS_KEYWORD]->(k)
    MERGE (w:Person {id: 'writer'}) SET w.name = 'Writer'
    FOREACH (_ IN CASE m.id WHEN '6' THEN [1] ELSE [] END | MERGE (w)-[:WROTE]->(m))
    FOREACH (_ IN CASE m.id WHEN '8' THEN [1] ELSE [] END | MERGE (w)-[:CREW {job: 'Editor'}]->(m))
    """,
    frozenset(),
)
QUERY = "query($f: MovieFilter) { movies(first: 100, filter: $f) { nodes { id } totalCount } }"

IDS = {
    "genres": ["drama", "Genre:horror", "science-fiction", "romance", "nothing", "'", "Genre:"],
    "people": ["ridley-scott", "Person:audrey-tautou", "writer", "drama", "nobody"],
    "keywords": ["space", "Keyword:space", "none"],
    "countries": ["US", "Country:GB", "XX"],
    "languages": ["fr", "Language:fr", "en"],
}
BOUNDS = st.none() | st.sampled_from([-1, 0, 1, 89, 90, 117, 122, 1899, 1900, 1979, 1982, 2000, 2001, 2_147_483_647])
RANGES = st.none() | st.fixed_dictionaries({}, optional={"min": BOUNDS, "max": BOUNDS}).filter(
    lambda one: one.get("min") is None or one.get("max") is None or one["min"] <= one["max"]
)
LISTS = {
    name: st.none() | st.lists(st.sampled_from([one for one in ids if not one.endswith(":")]), max_size=3)
    for name, ids in IDS.items()
}


def filters(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Filters with up to `depth` levels of and, or, not."""
    leaves = {**LISTS, "year": RANGES, "runtime": RANGES}
    if not depth:
        return st.fixed_dictionaries({}, optional=leaves)
    inner = filters(depth - 1)
    several = st.none() | st.lists(inner, max_size=3)
    return st.fixed_dictionaries({}, optional={**leaves, "and": several, "or": several, "not": st.none() | inner})


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Any) -> Api:
    await tiny.load(graph)
    await graph.writer.write(MORE)
    return api_over(graph, Serving(graph.reader, tmp_path))


@pytest.fixture
async def snapshot(api: Api) -> Snapshot:
    return await load_snapshot(api.graph.reader, 0, "")


def literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return "null" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def conditions(value: dict[str, Any]) -> int:
    """How many conditions a filter has, each empty part counting as one."""
    parts = [*(value.get("and") or ()), *(value.get("or") or ()), *([value["not"]] if value.get("not") else ())]
    own = sum(1 for name, part in value.items() if part is not None and name not in ("and", "or", "not"))
    return own + sum(max(1, conditions(part)) for part in parts)


def passing(snapshot: Snapshot, value: dict[str, Any]) -> list[str]:
    """Ids of the movies that the snapshot lets through."""
    mask = snapshot.mask(to_filter(value))
    return sorted(id_ for id_, passes in zip(snapshot.ids, mask.tolist(), strict=False) if passes)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(value=filters(2), inline=st.booleans())
async def test_lists_and_rankings_understand_a_filter_alike(
    api: Api, snapshot: Snapshot, value: dict[str, Any], inline: bool
) -> None:
    assume(conditions(value) <= MAX_CONDITIONS)
    query = f"{{ movies(first: 100, filter: {literal(value)}) {{ nodes {{ id }} totalCount }} }}" if inline else QUERY
    data = await (api.ask(query) if inline else api.ask(QUERY, f=value))
    found = data["movies"]
    assert sorted(one["id"].removeprefix("Movie:") for one in found["nodes"]) == passing(snapshot, value)
    assert found["totalCount"] == len(found["nodes"])


KNOWN: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
    ({"year": {}}, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
    ({"year": {"min": 1979, "max": 1982}}, ["1", "2", "6"]),
    ({"not": {"year": {"min": 1979, "max": 1982}}}, ["3", "4", "5", "7", "8", "9"]),
    ({"not": {"not": {"year": {"min": 2001}}}}, ["4", "8"]),
    ({"genres": []}, []),
    ({"and": []}, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
    ({"or": []}, []),
    ({"not": {}}, []),
    ({"people": ["writer", "jean-pierre-jeunet"]}, ["4", "6", "8"]),
    ({"genres": ["drama"], "people": ["ridley-scott"]}, ["2", "3"]),
    ({"or": [{"countries": ["US"]}, {"languages": ["fr"]}]}, ["4", "6", "9"]),
    ({"not": {"or": [{"genres": ["drama"]}, {"runtime": {"max": 117}}]}}, ["4", "6", "8"]),
]


@pytest.mark.parametrize(("value", "movies"), KNOWN)
async def test_a_filter_lets_these_movies_through(
    api: Api, snapshot: Snapshot, value: dict[str, Any], movies: list[str]
) -> None:
    data = await api.ask(QUERY, f=value)
    assert sorted(one["id"].removeprefix("Movie:") for one in data["movies"]["nodes"]) == movies
    assert passing(snapshot, value) == movies


async def test_the_structure_of_a_filter_makes_the_text_and_its_values_do_not(api: Api) -> None:
    for genre in ("drama", "horror", "x' OR true //"):
        await api.ask(QUERY, f={"genres": [genre], "year": {"min": 1}})
    await api.ask(QUERY, f={"genres": ["drama"], "year": {"max": 1}})
    assert len({plan.statement.text for plan in api.services.planner.plans}) == 2
    assert len(api.services.planner.plans) == 2


def chain(depth: int) -> dict[str, Any]:
    return {"not": chain(depth - 1)} if depth > 1 else {"genres": ["drama"]}


LARGEST: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (chain(4), chain(5), "nested deeper than 4 levels"),
    ({"or": [{"genres": ["drama"]}] * 40}, {"or": [{"genres": ["drama"]}] * 41}, "more than 40 conditions"),
    ({"and": [{}] * 40}, {"and": [{}] * 41}, "more than 40 conditions"),
    ({"genres": ["drama"] * 100}, {"genres": ["drama"] * 101}, "at most 100 Genre ids, this has 101"),
]


@pytest.mark.parametrize(("most", "more", "said"), LARGEST)
async def test_a_filter_has_a_limit_for_both(api: Api, most: dict[str, Any], more: dict[str, Any], said: str) -> None:
    await api.ask(QUERY, f=most)
    to_filter(most)
    result = await api.execute(QUERY, f=more)
    assert said in result.errors[0].message
    with pytest.raises(InvalidInput, match=said):
        to_filter(more)


@pytest.mark.parametrize("name", ["year", "runtime"])
@pytest.mark.parametrize("around", [lambda part: part, lambda part: {"not": {"or": [{}, part]}}])
async def test_a_range_that_holds_nothing_is_refused_by_both(
    api: Api, name: str, around: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Also by a query whose plan is known from a range that can be."""
    await api.ask(QUERY, f=around({name: {"min": 1990, "max": 1990}}))
    value, said = around({name: {"min": 2000, "max": 1990}}), f"{name}: min is 2000 and max 1990"
    assert said in (await api.execute(QUERY, f=value)).errors[0].message
    with pytest.raises(InvalidInput, match=said):
        to_filter(value)


@pytest.mark.parametrize("id_", ["", "Genre:", "Person:ridley-scott", "x" * 201])
async def test_an_id_of_another_label_is_refused_by_both(api: Api, id_: str) -> None:
    result = await api.execute(QUERY, f={"genres": [id_]})
    assert "is not the id of a Genre" in result.errors[0].message
    with pytest.raises(InvalidInput, match="is not the id of a Genre"):
        to_filter({"genres": [id_]})
