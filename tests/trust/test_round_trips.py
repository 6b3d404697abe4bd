"""T38: what an operation sends to the graph does not grow with its lists: as many statements for 1 item as for 100."""

from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from api.context import Context
from api.operations import Operations
from api.schema import build_schema
from graph.client import GraphClient
from graph.ingest.sample import ingest_sample
from graph.models import Published, Version, publish
from graph.sample.simulator import SimulatorConfig
from recommenders.artifacts import save_artifact
from recommenders.scorers import ItemItemScorer
from recommenders.serving import Serving
from tests.api.harness import WIDE, Api, api_over
from tests.conftest import empty

SIZES = (1, 10, 100)
WHY = "why(first: 2) { sentence path { nodes { id ... on Movie { title } } segments { start { id } end { id } } } }"
DEEP = """title
  cast(first: 3) { nodes { name actedIn(first: 2) { nodes { title genres(first: 2) { nodes { name } } } } } }
  ratings(first: 3) { totalCount edges { rating } } collection { movies(first: 2) { nodes { title } } }"""
ALIKE = "similarMovies(first: 3) { edges { score node { title } why(first: 2) { sentence } } }"
GROUP = '{members: [{name: "Ann", liked: ["alien-1979"]}, {name: "Ben", liked: ["heat-1995"]}]}'

CASES: dict[str, tuple[int, str]] = {
    "movies": (1, f"movies(first: $n) {{ totalCount edges {{ cursor node {{ {DEEP} }} }} }}"),
    "movies of a filter": (1, 'movies(first: $n, filter: {genres: ["drama"]}) { nodes { title } }'),
    "movies like movies": (4, f"movies(first: $n) {{ nodes {{ id {ALIKE} }} }}"),
    "people": (1, "people(first: $n) { nodes { name actedIn(first: 3) { nodes { title } } } }"),
    "genres": (1, "genres(first: $n) { nodes { name movies(first: 3) { nodes { title } } } }"),
    "search": (1, f'search(query: "the", first: $n) {{ nodes {{ ... on Movie {{ {DEEP} }} }} }}'),
    "autocomplete": (1, f'autocomplete(prefix: "a", first: $n) {{ nodes {{ ... on Movie {{ {DEEP} }} }} }}'),
    "similarMovies": (1, f'similarMovies(movie: "alien-1979", first: $n) {{ nodes {{ {DEEP} }} }}'),
    "movie": (
        1,
        'movie(id: "alien-1979") { ratings(first: $n) { edges { rating } } cast(first: $n) { nodes { id } } }',
    ),
    "movie like others": (4, f'movie(id: "alien-1979") {{ {ALIKE.replace("first: 3", "first: $n")} }}'),
    "node": (1, 'node(id: "Genre:drama") { ... on Genre { movies(first: $n) { nodes { title } } } }'),
    "person": (1, 'person(id: "ridley-scott") { directed(first: $n) { nodes { title } } }'),
    "genre": (1, f'genre(id: "drama") {{ movies(first: $n) {{ nodes {{ {DEEP} }} }} }}'),
    "keyword": (1, 'keyword(id: "based-on-novel") { movies(first: $n) { nodes { title } } }'),
    "collection": (1, 'collection(id: "james-bond") { movies(first: $n) { nodes { title } } }'),
    "me": (1, f"me {{ ratings(first: $n) {{ edges {{ rating node {{ {DEEP} }} }} }} }}"),
    "user": (1, "user(id: USER) { views(first: $n) { nodes { title } } ratings(first: $n) { nodes { id } } }"),
    "recommendations": (1, f"recommendations(first: $n) {{ edges {{ score node {{ {DEEP} }} }} }}"),
    "recommendations with why": (2, f"recommendations(first: $n) {{ edges {{ node {{ title }} {WHY} }} }}"),
    "recommendations with their like": (4, f"recommendations(first: $n) {{ nodes {{ {ALIKE} }} }}"),
    "recommendations to a visitor": (2, f"recommendations(first: $n, liked: $ids) {{ edges {{ {WHY} }} }}"),
    "recommendations to a group": (
        2,
        f"recommendations(first: $n, group: {GROUP}) {{ edges {{ node {{ id title }} {WHY} }} }}",
    ),
    "explain": (2, f'explain(movie: "heat-1995", liked: $ids) {{ contributions {{ value node {{ id }} }} {WHY} }}'),
    "firstQuestions": (
        1,
        "firstQuestions(first: $n) { questions { movie { title cast(first: 3) { nodes { name } } } } }",
    ),
    "paths": (
        2,
        'paths(from: "Movie:alien-1979", to: "Movie:heat-1995", first: $n) { nodes { '
        "nodes { id ... on Movie { title } } segments { start { id } } } }",
    ),
    "_entities": (1, "_entities(representations: $these) { ... on Movie { title cast(first: 3) { nodes { name } } } }"),
}
"""How many statements each operation is, and what it asks for; `$n`, `$ids` and `$these` grow."""
WITHOUT_LISTS = {"activeModel", "verifyExplanation", "replayRecommendations", "experiments", "_service"}
"""Root fields without a list of a size that is asked for; of experiments see `tests/api/test_experiments.py`, of
replays `tests/trust/test_replay.py`."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(migrated: GraphClient, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """The sample catalogue with a model that knows all of it."""
    await empty(migrated)
    await ingest_sample(migrated.writer, SimulatorConfig(users=100))
    root = tmp_path_factory.mktemp("models")
    rows = await migrated.session.read("MATCH (m:Movie) RETURN m.id AS id ORDER BY id", {})
    movies, rng = [row["id"] for row in rows], np.random.default_rng(3)
    weights = rng.random((len(movies), len(movies))).astype(np.float32)
    np.fill_diagonal(weights, 0)
    scorer = ItemItemScorer(weights, np.arange(len(movies), dtype=np.int32), rng.random(len(movies)).astype(np.float32))
    about: dict[str, Any] = {"config": {}, "metrics": {}, "fingerprint": "f" * 64}
    version = save_artifact(root, "ease", scorer, np.array(movies), created_at=1, **about)
    near = [(one, other, 0.5, rank) for one in movies for rank, other in enumerate(movies[:100], 1) if one != other]
    near = [row for row in near if row[0] == "alien-1979"]
    await publish(migrated.writer, Version(version, "ease", {}, "f" * 64, {}, version), Published(similar=near))
    serving = Serving(migrated.reader, root)
    await serving.refresh()
    found = api_over(migrated, serving)
    found.services.planner._max_nodes = 10**9
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def user(api: Api) -> str:
    """Who has rated most."""
    text = "MATCH (u:User)-[r:RATED]->() WITH u.id AS id, count(r) AS n RETURN id ORDER BY n DESC LIMIT 1"
    return str((await api.graph.session.read(text, {}))[0]["id"])


OPERATIONS = Operations(build_schema(federation=True)._schema, WIDE)


async def asked(api: Api, query: str, size: int, user: str) -> tuple[int, int]:
    """Statements of an operation, and the items of the longest list in its answer."""
    ids = [one for one in api.services.serving.state.movie_ids if one != "heat-1995"][:size]
    these = [{"__typename": "Movie", "id": id_} for id_ in ids]
    known = {"$n": ("Int!", size), "$ids": ("[ID!]", ids), "$these": ("[_Any!]!", these)}
    used = {name: one for name, one in known.items() if name in query}
    declared = ", ".join(f"{name}: {kind}" for name, (kind, _) in used.items())
    text = f"query({declared}) {{ {query.replace('USER', chr(34) + user + chr(34))} }}"
    before = api.graph.session.statements
    given = {name[1:]: value for name, (_, value) in used.items()}
    result = await OPERATIONS.ask(text, given, Context(api.services, user, "test"))
    assert result.errors is None, (text, result.errors)
    return api.graph.session.statements - before, longest(result.data)


def longest(value: Any) -> int:
    """The items of the longest list."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max([len(value) if isinstance(value, list) else 0, *map(longest, inner)])


@pytest.mark.parametrize("case", CASES)
async def test_t38_as_many_statements_for_one_as_for_a_hundred(api: Api, user: str, case: str) -> None:
    statements, query = CASES[case]
    await asked(api, query, 1, user)  # the history is in memory now
    found = [await asked(api, query, size, user) for size in SIZES]
    assert [count for count, _ in found] == [statements] * len(SIZES)
    items = [length for _, length in found]
    assert items[0] < items[1] <= items[2], "the lists did grow"


def test_t38_every_root_field_is_asked() -> None:
    schema = build_schema(federation=True)._schema
    assert schema.query_type is not None
    fields = set(schema.query_type.fields)
    used = {query.partition("(")[0].split()[0] for _, query in CASES.values()}
    assert used | WITHOUT_LISTS == fields
    assert not used & WITHOUT_LISTS


async def test_t38_the_count_would_notice_a_statement_for_each_item(api: Api, user: str) -> None:
    """A mutant: a list, and each of its movies on its own."""
    query = "movies(first: $n) { nodes { title } } %s"
    each = [query % " ".join(f'm{i}: movie(id: "{i}") {{ title }}' for i in range(size)) for size in (1, 10)]
    assert [(await asked(api, one, 1, user))[0] for one in each] == [2, 11]
