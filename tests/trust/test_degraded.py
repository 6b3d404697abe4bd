"""T15: without the graph, answers come from the catalogue in memory, are marked, and are what the graph would say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.context import Context, Services
from api.types.orders import MOVIES
from benchmarks.outage import covers
from cinegraph.errors import GraphUnavailable
from graph.client import Address, GraphClient, SessionFactory
from recommenders.histories import Histories
from recommenders.scorers import ItemItemScorer
from tests.api.harness import Api, api_over, operations
from tests.api.test_compiler import operation
from tests.api.test_executor import FRAGMENT, OTHERS
from tests.api.web import RATE, bearer, client_over, ratings_of
from tests.published import serving_over
from tests.trust.proxy import RESET, TIMEOUT, Proxy
from tests.trust.through import LIMIT, api_through, ask, code_of

MOVIE = """{ movie(id: "1") { __typename id title year runtime overview ratingCount popularity
    genres { totalCount edges { cursor node { id name } } } collection { name } language { name }
    cast(first: 1) { pageInfo { hasNextPage endCursor } edges { order node { id name actedIn { nodes { title } } } } }
    directors { nodes { name directed(sort: POPULARITY) { nodes { title year } } } } } }"""
ASKED = {
    "movie": MOVIE,
    "node": '{ node(id: "Genre:drama") { id ... on Genre { name movies(first: 2) { nodes { title } totalCount } } } }',
    "person": '{ person(id: "ridley-scott") { name directed(sort: YEAR) { totalCount nodes { title } } } }',
    "nothing": '{ movie(id: "none") { id } }',
    "movies": "{ movies(first: 3) { nodes { title } totalCount pageInfo { hasNextPage endCursor } } }",
    "filtered": '{ movies(filter: {genres: ["drama"], not: {year: {min: 2000}}}, sort: TITLE) { nodes { title } } }',
    "people": "{ people(first: 3) { edges { cursor node { name } } totalCount } }",
    "search": '{ search(query: "alien", first: 1) { edges { node { __typename ... on Movie { title year } } } } }',
    "recommendations": """{ recommendations(first: 3) { basis modelVersion edges { rank score node { title year }
        why { sentence share path { segments { __typename relation ... on RatedSegment { rating at } start { id } }
        nodes { __typename id ... on Movie { title } ... on Person { name } } } } } } }""",
    "explain": '{ explain(movie: "2") { score rank why { sentence } contributions { value node { id } } } }',
    "similar": '{ movie(id: "1") { similarMovies(by: CONTENT, first: 2) { edges { score node { title } } } } }',
    "paths": '{ paths(from: "Movie:1", to: "Movie:3", first: 3) { nodes { nodes { id } segments { relation } } } }',
    "own paths": '{ paths(from: "User:1", to: "Movie:2", first: 2) { nodes { nodes { id } } } }',
    "questions": "{ firstQuestions(first: 2) { answered questions { known movie { title } } } }",
}


@contextmanager
def away() -> Any:
    """Nothing reaches the graph."""

    async def refused(*_: Any) -> Any:
        raise GraphUnavailable("nobody is there")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SessionFactory, "read", refused)
        yield


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    found = api_over(graph, await serving_over(graph, tmp_path))
    found.services.planner._max_nodes = 10**9
    return found


async def both(api: Api, query: str, variables: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """What user 1 is answered with the graph, and without it."""
    found = []
    for now in (False, True):
        with away() if now else contextmanager(lambda: iter([None]))():
            found.append(await operations().ask(query, variables, Context(api.services, "1", "test")))
    return found[0], found[1]


@pytest.mark.parametrize("what", ASKED)
async def test_t15_what_is_in_memory_is_answered_as_the_graph_would(api: Api, what: str) -> None:
    whole, part = await both(api, ASKED[what])
    assert not whole.errors
    assert whole.extensions is None
    assert not part.errors, part.errors
    assert part.data == whole.data
    degraded = part.extensions["degraded"]
    assert degraded["without"] == ["graph"]
    assert datetime.fromisoformat(degraded["asOf"]) <= datetime.fromisoformat(degraded["since"])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
async def test_t15_no_operation_is_answered_with_something_wrong(data: st.DataObject, api: Api) -> None:
    query, _ = data.draw(operation())
    variables = {"n": data.draw(st.integers(1, 3)), "yes": data.draw(st.booleans()), "no": data.draw(st.booleans())}
    whole, part = await both(api, query, variables)
    assert covers(whole.data, part.data)
    if part.data != whole.data:
        assert part.errors or part.extensions["degraded"]["absent"]
    assert {getattr(one.original_error, "code", None) for one in part.errors or ()} <= {"GRAPH_UNAVAILABLE"} | {
        getattr(one.original_error, "code", None) for one in whole.errors or ()
    }


async def test_t15_nor_one_that_resolvers_and_memory_make_together(api: Api) -> None:
    for what, field in OTHERS.items():
        query = f"query($yes: Boolean! = true) {{ uses: movie(id: 0) @include(if: $yes) {{ id }} {field} }}"
        whole, part = await both(api, query + (FRAGMENT if "...M" in field else ""), {"yes": True})
        assert covers(whole.data, part.data), what


async def test_pages_go_on_from_the_cursors_of_the_graph_and_back(api: Api) -> None:
    query = """query($after: String) { movies(first: 2, after: $after) { nodes { title } pageInfo { endCursor } }
        genre(id: "drama") { movies(first: 1, after: null, sort: YEAR) { edges { cursor node { title } } } } }"""
    first, _ = await both(api, query)
    for _ in range(2):
        whole, part = await both(api, query, {"after": first.data["movies"]["pageInfo"]["endCursor"]})
        assert part.data == whole.data
        first = part
    for sort in MOVIES.orders:
        if sort != "RATING":
            whole, part = await both(api, f"{{ movies(first: 4, sort: {sort}) {{ edges {{ cursor }} }} }}")
            assert part.data == whole.data


async def test_what_only_the_graph_knows_is_null_and_named_or_an_error(api: Api) -> None:
    query = '{ movie(id: "1") { cast { edges { character } } crew { totalCount } } person(id: "john-hurt") { name } }'
    _, part = await both(api, query)
    assert part.data == {"movie": None, "person": {"name": "John Hurt"}}
    (error,) = part.errors
    assert error.path == ["movie", "crew"]
    assert "Movie.crew is not kept in memory" in str(error.original_error)
    assert part.extensions["degraded"]["absent"] == ["CastEdge.character"]
    _, part = await both(api, "{ me { id } movies(sort: RATING) { totalCount } }")
    assert part.data == {"me": None, "movies": None}
    assert {error.original_error.code for error in part.errors} == {"GRAPH_UNAVAILABLE"}


async def test_search_in_memory_finds_whole_and_unfinished_words_and_years(api: Api) -> None:
    async def found(field: str) -> list[str]:
        _, part = await both(api, f"{{ {field} {{ nodes {{ ... on Movie {{ title }} ... on Person {{ name }} }} }} }}")
        return [next(iter(one.values())) for one in next(iter(part.data.values()))["nodes"]]

    assert await found('search(query: "Blade Runner 1982")') == ["Blade Runner"]
    assert await found('autocomplete(prefix: "gla")') == ["Gladiator"]
    assert await found('search(query: "amelie")') == ["Amélie"]
    assert await found('search(query: "ridley sc", kinds: [PERSON])') == ["Ridley Scott"]
    assert await found('search(query: "ridley", kinds: [MOVIE])') == []


async def test_pages_of_a_search_go_on_after_what_the_graph_has_shown_and_back(api: Api) -> None:
    query = """query($after: String) { search(query: "a", first: 1, after: $after) { totalCount
      nodes { ... on Node { id } } pageInfo { hasNextPage endCursor } } }"""
    all_, alone = await both(api, query.replace("first: 1", "first: 100"))
    for turn in (0, 1):  # the graph's page first, or that of memory
        shown, after, more = list[str](), None, True
        while more:
            page = (await both(api, query, {"after": after}))[(len(shown) + turn) % 2].data["search"]
            shown += [one["id"] for one in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert len(set(shown)) == len(shown)
        assert {one["id"] for one in alone.data["search"]["nodes"]} <= set(shown)
        assert set(shown) <= {one["id"] for found in (all_, alone) for one in found.data["search"]["nodes"]}
    assert len(alone.data["search"]["nodes"]) > 2


async def test_a_user_whose_history_is_not_in_memory_is_answered_as_a_visitor(api: Api) -> None:
    query = "{ recommendations(first: 5) { basis nodes { title } } }"
    _, part = await both(api, query)  # the graph was asked for user 1 before
    assert part.data["recommendations"]["basis"] == "MODEL"
    api.services.serving.histories.clear()
    with away():
        part = await operations().ask(query, None, Context(api.services, "1", "test"))
        visitor = await operations().ask(query, None, Context(api.services, None, "test"))
    assert part.data["recommendations"]["basis"] == "POPULARITY"
    assert part.data == visitor.data
    assert part.extensions["degraded"]["without"] == ["graph", "history"]
    assert visitor.extensions["degraded"]["without"] == ["graph"]


WRITTEN = {
    "rateMovie(movie: 2, rating: 5.0)": "2",
    "recordView(movie: 4, seconds: 60)": "4",
    "dismissMovie(movie: 5)": "5",
    "removeRating(movie: 3)": "3",
    "removeViews(movie: 4)": "4",
    "removeDismissal(movie: 5)": "5",
    'setPreferences(preferences: [{node: "Genre:drama", weight: 1.0}])': "",
}
AFTER = """{ recommendations(first: 5) { basis nodes { id } } explain(movie: 1) { basis }
    group: recommendations(first: 5, group: {members: [{name: "Anna", liked: ["Movie:3"]}]}) { nodes { id } } }"""


async def after(api: Api, field: str) -> Any:
    """What user 1 is answered without the graph, when their history was in memory and they wrote something since."""
    caller = "1"
    await api.services.serving.histories.get(caller)
    done = await operations().ask(f"mutation {{ {field} {{ __typename }} }}", None, Context(api.services, caller, "t"))
    assert not done.errors
    with away():
        return await operations().ask(AFTER, None, Context(api.services, caller, "t"))


def ids(found: Any) -> set[str]:
    return {one["id"].removeprefix("Movie:") for one in found["nodes"]}


@pytest.mark.parametrize("field", WRITTEN)
async def test_a_history_that_was_written_to_stands_in_without_the_movie(api: Api, field: str) -> None:
    part = await after(api, field)
    assert not part.errors
    assert part.extensions["degraded"]["without"] == ["graph", "history"]
    assert [part.data[name]["basis"] for name in ("recommendations", "explain")] == ["MODEL", "MODEL"]
    assert ids(part.data["recommendations"]) == {"2", "4", "5"} - {WRITTEN[field]}
    assert ids(part.data["group"]) == {"2", "4", "5"} - {WRITTEN[field]}
    whole = await operations().ask(AFTER, None, Context(api.services, "1", "test"))
    assert whole.extensions is None, "it is read anew"


async def test_the_mutants_that_forget_a_history_or_the_movie_are_seen(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    outdate, field = Histories.outdate, "dismissMovie(movie: 5)"
    monkeypatch.setattr(Histories, "outdate", lambda self, user, _: outdate(self, user))
    assert "5" in ids((await after(api, field)).data["recommendations"])
    monkeypatch.setattr(Histories, "outdate", lambda self, user, _: self.forget(user))
    assert (await after(api, field)).data["recommendations"]["basis"] == "POPULARITY"


async def test_a_broken_model_is_stood_in_for_by_popularity(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("operands could not be broadcast together")

    for method in ("score", "contributions"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ItemItemScorer, method, broken)
            result = await api.execute(
                "{ recommendations(first: 9) { basis nodes { title } edges { why { share } } } }", "2"
            )
        assert not result.errors
        assert result.extensions["degraded"]["without"] == ["model"]
        titles = [one["title"] for one in result.data["recommendations"]["nodes"]]
        assert titles == ["Gladiator", "Amélie", "Undated"]  # by popularity, without 1 and 2, which user 2 rated
    result = await api.execute("{ recommendations(first: 3) { basis } }", "2")
    assert result.extensions is None


async def test_before_any_model_the_popular_ones_are_recommended(graph: GraphClient, tmp_path: Path) -> None:
    api = api_over(graph, await serving_over(graph, tmp_path))
    serving = api.services.serving
    serving._state = serving._state.__class__(
        serving.state.snapshot, "", None, 0, None, (), serving.state.columns[:0], serving.state.told
    )
    result = await api.execute(
        '{ recommendations(first: 2) { basis nodes { title } } explain(movie: "3") { basis } '
        "firstQuestions { answered } }"
    )
    assert not result.errors
    assert [one["title"] for one in result.data["recommendations"]["nodes"]] == ["Blade Runner", "Alien"]
    assert result.extensions["degraded"]["without"] == ["model"]


# -- over HTTP, through a proxy ----------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def services(
    proxy: Proxy, migrated: GraphClient, local_address: Address, tmp_path: Path
) -> AsyncIterator[Services]:
    async with asyncio.timeout(3 * LIMIT), api_through(proxy, migrated, local_address, tmp_path) as made:
        yield made


async def got(http: httpx.AsyncClient, query: str) -> httpx.Response:
    return await http.get("/graphql", params={"query": query}, headers={"x-requested-with": "test"})


@pytest.mark.parametrize("toxic", [RESET, TIMEOUT], ids=lambda toxic: toxic.name)
async def test_t15_over_http_reads_are_answered_and_writes_are_told_to_come_again(
    services: Services, proxy: Proxy, migrated: GraphClient, toxic: Any
) -> None:
    async with client_over(services, budget_ms=500, planning_ms=500) as http:
        whole = await ask(http, MOVIE)
        before = await got(http, MOVIE)
        assert "public" in before.headers["cache-control"]
        proxy.become(toxic)
        for _ in range(6):
            part = await ask(http, MOVIE)
            assert part["data"] == whole["data"]
            assert part["extensions"]["degraded"]["without"] == ["graph"]
        refused = await ask(http, RATE)
        assert code_of(refused) in ("GRAPH_UNAVAILABLE", "TIME_BUDGET_SPENT")
        assert "again" in refused["errors"][0]["message"]
        assert "degraded" not in refused.get("extensions", {})
        during = await got(http, MOVIE)
        assert during.status_code == 200
        assert during.headers["cache-control"] == "private, no-store"
        events = await http.post(
            "/graphql", json={"query": MOVIE}, headers={**bearer("7"), "accept": "text/event-stream"}
        )
        assert '"degraded":{"since"' in events.text
        metrics = (await http.get("/metrics")).text
        assert 'cinegraph_degraded_answers_total{without="graph"}' in metrics
    assert await ratings_of(migrated, "7") == 0
