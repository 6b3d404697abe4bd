"""T42: whatever a client sends as text stays a value: nothing is written, and no statement has another text."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    ast_from_value,
    print_ast,
)

from api.context import Context
from cinegraph.errors import CinegraphError
from cinegraph.types import Label
from graph.client import GraphClient
from tests.api.harness import Api, api_over, operations, schema
from tests.published import serving_over
from tests.trust.payloads import MANY, SEED, WRITTEN, escaped, put_together

HARMLESS = "harmless"
DEEP = {
    "recommendations": "edges { node { id title } why { sentence path { nodes { id } } } }",
    "explain": "score why { sentence } movie { id }",
    "verifyExplanation": "holds",
    "replayRecommendations": "__typename",
    "paths": "nodes { length nodes { id } }",
}
"""What is asked of a field, so that every statement behind it runs."""
REQUIRED: dict[str, Any] = {"rating": 4.0, "seconds": 60, "weight": 0.5, "share": 0.5}


# -- every argument that takes text, as the schema has it ------------------------------------------------------------


def bare(kind: Any) -> Any:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return kind


def shaped(kind: Any, value: Any) -> Any:
    """A value in as many lists as its type has."""
    if isinstance(kind, GraphQLNonNull):
        return shaped(kind.of_type, value)
    return [shaped(kind.of_type, value)] if isinstance(kind, GraphQLList) else value


def texts(kind: Any, depth: int = 2) -> Iterator[Any]:
    """Values of an input type, each with `HARMLESS` in one place that takes text."""
    named = bare(kind)
    if isinstance(named, GraphQLScalarType) and named.name in ("String", "ID"):
        yield shaped(kind, HARMLESS)
    elif isinstance(named, GraphQLInputObjectType) and depth:
        filled = {name: default(one.type, name) for name, one in named.fields.items() if is_required(one)}
        for name, one in named.fields.items():
            for value in texts(one.type, depth - 1):
                yield shaped(kind, {**filled, name: value})


def is_required(one: GraphQLArgument | GraphQLInputField) -> bool:
    return isinstance(one.type, GraphQLNonNull) and type(one.default_value).__name__ == "UndefinedType"


def default(kind: Any, name: str) -> Any:
    """A value that an argument beside the one in question has."""
    named = bare(kind)
    if isinstance(named, GraphQLInputObjectType):
        return shaped(kind, {key: default(one.type, key) for key, one in named.fields.items() if is_required(one)})
    return shaped(kind, REQUIRED.get(name, "Movie:1" if named.name == "ID" else "alien"))


def places() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """(kind of operation, field, arguments, the argument with the text) for each place of each root field."""
    core = schema()._schema
    for operation, root in (("query", core.query_type), ("mutation", core.mutation_type)):
        assert root is not None
        for name, field in root.fields.items():
            for argument, one in field.args.items():
                for value in texts(one.type):
                    others = {
                        key: default(other.type, key)
                        for key, other in field.args.items()
                        if is_required(other) and key != argument
                    }
                    yield operation, name, {**others, argument: value}, argument


def asked(operation: str, name: str, arguments: dict[str, Any]) -> str:
    """The operation that runs a field with these arguments as variables."""
    core = schema()._schema
    root = core.query_type if operation == "query" else core.mutation_type
    assert root is not None
    field = root.fields[name]
    declared = ", ".join(f"${key}: {field.args[key].type}" for key in arguments)
    passed = ", ".join(f"{key}: ${key}" for key in arguments)
    inner = DEEP.get(name) or ("nodes { __typename }" if "Connection" in str(field.type) else "__typename")
    return f"{operation}({declared}) {{ {name}({passed}) {{ {inner} }} }}"


def with_text(value: Any, text: str) -> Any:
    """The same value with another text in the place of the harmless one."""
    if isinstance(value, dict):
        return {key: with_text(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [with_text(one, text) for one in value]
    return text if value == HARMLESS else value


def inline(operation: str, name: str, arguments: dict[str, Any], text: str) -> str:
    """The same operation with the text as a literal in the document, most of its signs escaped."""
    query = asked(operation, name, arguments)
    core = schema()._schema
    root = core.query_type if operation == "query" else core.mutation_type
    assert root is not None
    passed, written = [], f'"{HARMLESS}"'
    for key, value in arguments.items():
        node = ast_from_value(value, root.fields[name].args[key].type)
        assert node is not None
        passed.append(f"{key}: {print_ast(node).replace(written, escaped(text))}")
    return f"{operation} {{ {name}({', '.join(passed)}) {query[query.index(') {', query.index('{')) + 1 :]}"


PLACES = {f"{name}.{argument}.{i}": (op, name, args) for i, (op, name, args, argument) in enumerate(places())}
GENERATED = put_together(MANY)
DEALT = {
    place: GENERATED[number :: len(PLACES)]
    for number, place in enumerate(Random(SEED).sample(sorted(PLACES), len(PLACES)))
}
"""Each generated text in one place, by chance."""


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
    for _, name, _ in PLACES.values():
        found[name] += 1
    assert found["movies"] > 10
    assert {"node", "search", "autocomplete", "paths", "recommendations", "explain", "verifyExplanation"} <= set(found)
    assert {"rateMovie", "removeRating", "dismissMovie", "recordView", "setPreferences"} <= set(found)
    enums = [one for one in schema()._schema.type_map.values() if isinstance(one, GraphQLEnumType)]
    assert enums, "sorts and kinds are enums: graphql-core takes nothing else for them"
    assert len(set(WRITTEN)) == len(WRITTEN) == 70
    assert len(set(GENERATED) - set(WRITTEN)) == MANY
    assert sorted(text for dealt in DEALT.values() for text in dealt) == sorted(GENERATED)


async def attack(api: Api, query: str, variables: dict[str, Any]) -> Any:
    """The result of an operation of an administrator, whom nothing is closed to."""
    context = Context(api.services, "1", "test", admin=True)
    return await operations().ask(query, variables, context)


@pytest.mark.parametrize("place", PLACES)
async def test_t42_a_text_stays_a_value(api: Api, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, name, arguments = PLACES[place]
    query = asked(operation, name, arguments)
    sent = Recorder(api.graph, monkeypatch)
    for text in (HARMLESS, *(f"{label}:harmless" for label in Label)):
        await attack(api, query, with_text(arguments, text))
    before = await content(api.graph)
    known = set(sent.read), set(sent.written)
    attacks = [(text, query, with_text(arguments, text)) for text in (*WRITTEN, *DEALT[place])]
    attacks += [(text, inline(operation, name, arguments, text), {}) for text in DEALT[place][::2]]
    for text, asking, variables in attacks:
        result = await attack(api, asking, variables)
        for error in result.errors or ():
            cause = error.original_error
            assert isinstance(cause, CinegraphError), (text, error)
            assert cause.code in ("INVALID_INPUT", "NOT_FOUND"), (text, cause)
    assert (sent.read, sent.written) == known
    assert await content(api.graph) == before


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
