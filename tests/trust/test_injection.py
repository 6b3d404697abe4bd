"""T42: whatever a client sends as text stays a value: nothing is written, and no statement has another text."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLEnumType, GraphQLError, GraphQLInputObjectType

from api.context import Context
from cinegraph.errors import CinegraphError
from cinegraph.types import Label
from graph.client import GraphClient
from tests.api.harness import Api, api_over
from tests.published import serving_over
from tests.trust.payloads import MANY, SEED, WRITTEN, put_together
from tests.trust.places import ENTITY, HARMLESS, Place, asked, bare, core, inline, operations, places, with_text

TEXTLESS = {"Query.recommendations.tuning", "Subscription.recommendationsChanged.tuning"}
"""Arguments whose input types have no text."""
ALL = list(places())
PLACES = {f"{one.field}.{one.argument}.{i}": one for i, one in enumerate(ALL) if one.owner in ("Query", "Mutation")}
OTHERS = {f"{one.owner}.{one.field}.{one.argument}.{i}": one for i, one in enumerate(ALL) if one not in PLACES.values()}
"""Places below other fields, and those of subscriptions: what is done with the text is the same, so a part of the
texts goes to them."""
GENERATED = put_together(MANY)
DEALT = {
    place: GENERATED[number :: len(PLACES)]
    for number, place in enumerate(Random(SEED).sample(sorted(PLACES), len(PLACES)))
}
"""Each generated text in one place, by chance."""
PART = WRITTEN[::7]


# -- the tests -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


async def content(graph: GraphClient) -> Any:
    """All that is in the graph."""
    nodes = await graph.session.read(
        "MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties, elementId(n) AS id ORDER BY id", {}
    )
    edges = await graph.session.read(
        "MATCH (a)-[r]->(b) RETURN type(r) AS type, properties(r) AS properties, elementId(r) AS id ORDER BY id", {}
    )
    return nodes, edges


class Recorder:
    """The texts of the statements that a graph is sent, and those that write."""

    def __init__(self, graph: GraphClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: set[str] = set()
        self.written: set[str] = set()
        for name, found in (("read", self.read), ("write", self.written), ("command", self.written)):
            monkeypatch.setattr(graph.session, name, self._noting(getattr(graph.session, name), found))

    @staticmethod
    def _noting(inner: Any, found: set[str]) -> Any:
        async def noted(text: str, parameters: dict[str, Any]) -> Any:
            found.add(text)
            return await inner(text, parameters)

        return noted


def test_the_schema_has_the_places_that_are_attacked() -> None:
    found: defaultdict[str, int] = defaultdict(int)
    for one in PLACES.values():
        found[one.field] += 1
    assert found["movies"] > 10
    assert {"node", "search", "autocomplete", "paths", "recommendations", "explain", "verifyExplanation"} <= set(found)
    assert {"rateMovie", "removeRating", "dismissMovie", "recordView", "setPreferences", "_entities"} <= set(found)
    enums = [one for one in core().type_map.values() if isinstance(one, GraphQLEnumType)]
    assert enums, "sorts and kinds are enums: graphql-core takes nothing else for them"
    assert len(set(WRITTEN)) == len(WRITTEN) == 70
    assert (len(PLACES), len(OTHERS), len(PART)) == (92, 49, 10)
    assert len(set(GENERATED) - set(WRITTEN)) == MANY
    assert sorted(text for dealt in DEALT.values() for text in dealt) == sorted(GENERATED)


def named_in(kind: Any, value: Any) -> Iterator[str]:
    """The fields of input types that have the harmless text in a value."""
    for one in value if isinstance(value, list) else [value]:
        named = bare(kind)
        for key, inner in one.items() if isinstance(named, GraphQLInputObjectType) and isinstance(one, dict) else ():
            if HARMLESS in (inner if isinstance(inner, list) else [inner]):
                yield f"{named.name}.{key}"
            yield from named_in(named.fields[key].type, inner)


def test_every_argument_and_every_input_field_that_takes_text_is_a_place() -> None:
    kinds = [one for one in core().type_map.values() if not one.name.startswith("__")]
    arguments = {
        f"{kind.name}.{name}.{argument}"
        for kind in kinds
        for name, field in getattr(kind, "fields", {}).items()
        for argument, one in getattr(field, "args", {}).items()
        if bare(one.type).name in ("String", "ID", ENTITY) or isinstance(bare(one.type), GraphQLInputObjectType)
    }
    assert {f"{one.owner}.{one.field}.{one.argument}" for one in ALL} == arguments - TEXTLESS
    fields = {
        f"{kind.name}.{name}"
        for kind in kinds
        if isinstance(kind, GraphQLInputObjectType)
        for name, one in kind.fields.items()
        if bare(one.type).name in ("String", "ID")
    }
    reached = {
        name for one in ALL for name in named_in(one.definition.args[one.argument].type, one.arguments[one.argument])
    }
    assert reached == fields


async def attack(api: Api, query: str, variables: dict[str, Any]) -> Any:
    """The result of an operation of an administrator, whom nothing is closed to; of a subscription the first one."""
    context = Context(api.services, "1", "test", admin=True)
    if not query.startswith("subscription"):
        return await operations().ask(query, variables, context)
    ready = operations().ready(query)
    assert not ready.errors
    try:
        async with aclosing(operations().answers(ready, variables, context)) as results:
            return await anext(results)
    except CinegraphError as error:
        return ExecutionResult(None, [GraphQLError(str(error), original_error=error)])


async def sent_as_values(api: Api, place: Place, attacks: list[tuple[str, str, Any]], sent: Recorder) -> None:
    """Attack a place with texts, each with its operation and variables: no statement is another, nothing is written."""
    for text in (HARMLESS, *(f"{label}:harmless" for label in Label)):
        await attack(api, asked(place), with_text(place.arguments, text))
    before = await content(api.graph)
    known = set(sent.read), set(sent.written)
    for text, asking, variables in attacks:
        result = await attack(api, asking, variables)
        for error in result.errors or ():
            cause = error.original_error
            assert isinstance(cause, CinegraphError), (text, error)
            assert cause.code in ("INVALID_INPUT", "NOT_FOUND"), (text, cause)
    assert (sent.read, sent.written) == known
    assert await content(api.graph) == before


def given(place: Place, texts: list[str]) -> list[tuple[str, str, Any]]:
    """Attacks with texts as variables."""
    return [(text, asked(place), with_text(place.arguments, text)) for text in texts]


@pytest.mark.parametrize("place", PLACES)
async def test_t42_a_text_stays_a_value(api: Api, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, dealt = PLACES[place], DEALT[place]
    attacks = given(one, [*WRITTEN, *dealt]) + [(text, inline(one, text), {}) for text in dealt[::2]]
    await sent_as_values(api, one, attacks, Recorder(api.graph, monkeypatch))


@pytest.mark.parametrize("place", OTHERS)
async def test_t42_a_text_below_other_fields_stays_a_value(
    api: Api, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent_as_values(api, OTHERS[place], given(OTHERS[place], PART), Recorder(api.graph, monkeypatch))


async def test_t42_the_check_would_notice_a_write_and_a_text_of_its_own(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: a key that is put into the text of a statement."""
    recorder = Recorder(api.graph, monkeypatch)
    before = await content(api.graph)

    async def careless(key: str) -> None:
        await api.graph.session.write(f"MATCH (m:Movie {{id: '{key}'}}) RETURN m.title AS title", {})

    await careless(HARMLESS)
    harmless = set(recorder.written)
    await careless("1'}) CREATE (:Hacked) WITH 1 AS x MATCH (m {id: '1")
    assert not recorder.written <= harmless
    assert await content(api.graph) != before


async def test_t42_the_texts_of_an_experiment_stay_values(api: Api) -> None:
    """A salt and a reason are free texts, and written."""
    start = "mutation($e: ExperimentInput!) { startExperiment(experiment: $e) { __typename } }"
    stop = "mutation($id: String!, $b: String!) { stopExperiment(id: $id, because: $b) { __typename } }"
    arms = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "novelty": 0.5}]
    before = len((await content(api.graph))[0])
    given = [text for text in dict.fromkeys(WRITTEN) if text]
    for number, text in enumerate(given):
        begun = await attack(api, start, {"e": {"id": f"e{number}", "salt": text, "arms": arms}})
        assert begun.data == {"startExperiment": {"__typename": "ExperimentStarted"}}
        await api.services.serving.refresh()
        assert api.services.serving.served("1").arm in ("a", "b")
        ended = await attack(api, stop, {"id": f"e{number}", "b": text})
        assert ended.data == {"stopExperiment": {"__typename": "ExperimentStopped"}}
    text = "MATCH (e:Experiment) RETURN e.salt AS salt, e.because AS because ORDER BY toInteger(substring(e.id, 1))"
    rows = await api.graph.session.read(text, {})
    assert [(row["salt"], row["because"]) for row in rows] == [(one, one) for one in given]
    assert len((await content(api.graph))[0]) == before + 3 * len(given)


async def test_t42_a_search_finds_the_same_whatever_signs_surround_it(api: Api) -> None:
    query = "query($q: String!) { search(query: $q) { nodes { ... on Movie { id } } } }"
    for text in (
        "gladiator",
        '"gladiator"',
        "+gladiator",
        "(gladiator",
        "gladiator*?",
        "/gladiator/",
        "title:gladiator",
    ):
        data = await api.ask(query, q=text)
        expected = [] if ":" in text else [{"id": "Movie:3"}]
        assert data["search"]["nodes"] == expected, text


ROOT = Path(__file__).parents[2]
SOURCES = [
    file
    for room in ("api", "cinegraph", "events", "graph", "migrations", "recommenders")
    for file in sorted((ROOT / room).rglob("*.py"))
    if file.parts[-3:-1] != ("api", "compiler")
]
CYPHER = re.compile(r"\b(MATCH|MERGE|UNWIND|CREATE|DELETE|CALL|RETURN)\b")


def made_from_strings(source: str) -> list[int]:
    """The lines where a text of Cypher is put together from parts: f-strings, %, +, format and join."""
    found = []
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr) and any(isinstance(part, ast.FormattedValue) for part in node.values):
            parts = node.values
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("format", "join", "replace"):
            parts = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if any(CYPHER.search(text) for text in texts):
            found.append(node.lineno)
    return found


def test_t42_no_cypher_is_made_from_strings_outside_the_compiler() -> None:
    assert len(SOURCES) > 80
    assert {
        str(file.relative_to(ROOT)): lines for file in SOURCES if (lines := made_from_strings(file.read_text()))
    } == {}


@pytest.mark.parametrize(
    "bad",
    ['f"MATCH (n:{label}) RETURN n"', '"MATCH (n:" + label', '"MATCH (n:%s)" % label', '"MATCH (n:{})".format(label)'],
)
def test_t42_cypher_made_from_strings_would_be_noticed(bad: str) -> None:
    assert made_from_strings(f"text = {bad}") == [1]
