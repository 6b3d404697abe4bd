"""T29: every limit at its edge, before anything is parsed; and the counter sees what graphql-core sees."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    Lexer,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    TokenKind,
    Visitor,
    get_introspection_query,
    parse,
    visit,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from api.limits import LimitExceeded, check_document, check_variables, count, expanded, tokens
from cinegraph.errors import InvalidInput
from cinegraph.settings import ApiSettings
from graph.client import GraphClient
from tests.api.harness import Api, api_over
from tests.published import serving_over

LIMITS = ApiSettings()


def nested(depth: int) -> str:
    return "{" + "a{" * (depth - 1) + "a" + "}" * depth


def fields(count: int, alias: str = "", name: str = "f{}") -> str:
    return " ".join(alias.format(i) + name.format(i) for i in range(count))


EDGES: dict[str, tuple[int, Callable[[int], str]]] = {
    "tokens": (1_000, lambda n: f"{{ a(x: [{'1 ' * (n - 9)}]) }}"),
    "levels of fields": (10, nested),
    "aliases": (15, lambda n: f"{{ a {{ {fields(n, 'a{}: ')} }} }}"),
    "root fields": (20, lambda n: f"{{ {fields(n)} }}"),
    "characters": (10_000, lambda n: f"{{ a }}{' ' * (n - 5)}"),
    "variables and uses of them": (200, lambda n: f"{{ a(x: [{'$x ' * n}]) }}"),
    "operations and fragments": (50, lambda n: "query A { a } " + fields(n - 1, name="fragment F{} on Q {{ a }}")),
    "directives": (50, lambda n: f"{{ a {{ {fields(n, name='f{} @x')} }} }}"),
    "repetitions of one field in one selection": (10, lambda n: f"{{ a {{ {fields(n, name='f')} }} }}"),
    "characters in one number": (300, lambda n: f"{{ a(x: [1, -{'1' * (n - 1)}]) }}"),
    "objects as values": (200, lambda n: f"{{ a(x: [{'{} ' * n}]) }}"),
    "mutations": (4, lambda n: f"mutation {{ {fields(n)} }}"),
    "brackets within each other": (64, lambda n: f"{{ a(x: {'[' * (n - 2)}{']' * (n - 2)}) }}"),
    "fields after its fragments are expanded": (
        1_000,
        lambda n: (
            f"{{ ...A {'x ' * (n % 10)}}} fragment A on Q {{ {fields(n // 10, name='...B')} }} "
            f"fragment B on Q {{ a {{ {fields(9)} }} }}"
        ),
    ),
}


@pytest.mark.parametrize("what", EDGES)
def test_t29_a_limit_lets_its_number_through_and_not_one_more(what: str) -> None:
    most, document = EDGES[what]
    roomy = LIMITS.model_copy(update={"max_root_fields": 5_000} if what.startswith("fields after") else {})
    check_document(document(most), roomy)
    with pytest.raises(LimitExceeded, match=f"has {most + 1:} {what}; {most} is the most"):
        check_document(document(most + 1), roomy)


def test_t29_the_tokens_of_the_edge_are_those_of_graphql_core() -> None:
    assert len(list(core_tokens(EDGES["tokens"][1](1_000)))) == 1_000


HIDING = {
    "a fragment of the root": ("{ __typename ...F } fragment F on Query {{ {} }}", 0),
    "an inline fragment of the root": ("{{ ... {{ {} }} }}", 0),
    "an inline fragment with a type": ("{{ ... on Query {{ {} }} }}", 0),
    "an inline fragment with a directive": ("{{ ... @include(if: true) {{ {} }} }}", 0),
    "fragments within fragments": ("{{ ... {{ ...F }} }} fragment F on Query {{ ... on Query {{ {} }} }}", 0),
}


@pytest.mark.parametrize("case", HIDING)
def test_t29_fragments_hide_neither_depth_nor_root_fields(case: str) -> None:
    text = HIDING[case][0].replace("{{", "{").replace("}}", "}")
    check_document(text.replace("{}", nested(10)[1:-1]), LIMITS)
    with pytest.raises(LimitExceeded, match="11 levels of fields"):
        check_document(text.replace("{}", nested(11)[1:-1]), LIMITS)
    with pytest.raises(LimitExceeded, match="root fields"):
        check_document(text.replace("{}", fields(21)), LIMITS)


HIDDEN = {
    "a comment that ends at a carriage return": "#\r{}",
    "an escaped end of a block string": '{{ a(x: """\\"""" """) b {} }}',
    "a block string that ends in quotes": '{{ a(x: """ \\"""\\"""""") b {} }}',
    "a backslash before an escaped end": '{{ a(x: """\\\\"""""") b {} }}',
    "an escaped quote": '{{ a(x: "\\"") b {} }}',
    "a brace in a string": '{{ a(x: "}}") b {} }}',
}


@pytest.mark.parametrize("case", HIDDEN)
def test_t29_nothing_is_hidden_behind_strings_and_comments(case: str) -> None:
    text = HIDDEN[case].replace("{{", "{").replace("}}", "}").replace("{}", nested(12))
    parse(text)
    with pytest.raises(LimitExceeded, match="levels of fields"):
        check_document(text, LIMITS)


def test_t29_numbers_that_stand_together_are_counted_one_by_one() -> None:
    with pytest.raises(LimitExceeded, match="1001 tokens"):
        check_document(f"{{ a(x: [{'1-' * 2_000}1]) }}", LIMITS)


@pytest.mark.parametrize("end", ["", '"', "\\"])
@pytest.mark.parametrize("start", ['"', '"""'])
def test_t29_a_string_without_an_end_is_one_token(start: str, end: str) -> None:
    assert count(f"{{ a(x: {start}{'y' * 90_000}{end}", 10).tokens <= 7


def test_t29_variables_are_not_nested_deeper_than_documents() -> None:
    def value(depth: int) -> Any:
        return {"and": [value(depth - 2)]} if depth else {}

    check_variables({"f": value(62)})
    with pytest.raises(LimitExceeded, match="65 levels of values"):
        check_variables({"f": value(64)})


# -- fragments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Q { ...A }",
        "{ ...A } fragment A on Q { b { ...B } } fragment B on Q { ...C } fragment C on Q { a ...A }",
    ],
)
def test_t29_a_cycle_of_fragments_is_refused(text: str) -> None:
    with pytest.raises(LimitExceeded, match="spreads itself"):
        check_document(text, LIMITS)


def bomb(doublings: int) -> str:
    """Fragments each of which spreads the next one twice."""
    each = [f"fragment F{i} on Q {{ ...F{i + 1} ...F{i + 1} }}" for i in range(doublings)]
    return " ".join(["{ ...F0 }", *each, f"fragment F{doublings} on Q {{ a }}"])


def test_t29_a_fragment_is_worked_out_once_however_often_it_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    import api.limits

    inner, calls = api.limits._expanded, []

    def counting(one: Any, *rest: Any) -> Any:
        calls.append(one)
        return inner(one, *rest)

    monkeypatch.setattr(api.limits, "_expanded", counting)
    for doublings in (10, 40, 80):
        calls.clear()
        (whole,) = expanded(count(bomb(doublings), 2_000))
        assert whole.fields == 2**doublings
        assert len(calls) == doublings + 2
    with pytest.raises(LimitExceeded, match=f"has {2**40} fields after its fragments are expanded"):
        check_document(bomb(40), LIMITS)


def test_the_introspection_of_graphiql_passes_and_a_deep_question_beside_it_does_not() -> None:
    check_document(get_introspection_query(input_value_deprecation=True, specified_by_url=True), LIMITS)
    with pytest.raises(LimitExceeded, match="11 levels"):
        check_document("{ __typename " + nested(11)[1:], LIMITS)


# -- against graphql-core --------------------------------------------------------------------------------------------


def core_tokens(text: str) -> list[str]:
    """What graphql-core's lexer sees."""
    lexer = Lexer(Source(text))
    found = []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        found.append(text[token.start : token.end])
    return found


@settings(max_examples=2_000, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                '"',
                '""',
                '"""',
                "\\",
                "\n",
                "\r",
                "#",
                "{",
                "}",
                "(",
                ")",
                "[",
                "]",
                "...",
                "on",
                "a",
                "_b1",
                "é",
                " ",
                ",",
            ]
            + ["1", "-1", "1.5", "2e-3", "0", "@", "$", ":", "!", "|", "&", "=", "\ufeff", "\t", "\\u0041", "."]
        ),
        max_size=14,
    ).map("".join)
)
def test_t29_the_counter_sees_the_tokens_that_graphql_core_sees(text: str) -> None:
    try:
        seen = core_tokens(text)
    except GraphQLSyntaxError:
        assume(False)
    assert list(tokens(text)) == seen


NAMES = st.sampled_from(["a", "b", "on", "query", "fragment", "__typename", "_x"])
VALUES = st.sampled_from(['"s"', '"""{ x }"""', "1.5", "$v", "[1, {a: 2}]", "E", "true", '"}"'])


@st.composite
def selections(draw: st.DrawFn, depth: int, spreads: list[str]) -> str:
    """A selection set; spreads only fragments that are named."""
    parts = []
    for kind in draw(st.lists(st.sampled_from(["field", "field", "inline", "spread"]), min_size=1, max_size=3)):
        directive = draw(st.sampled_from(["", "", " @include(if: $v)", ' @d(a: "{", b: [1])']))
        if kind == "spread" and spreads:
            parts.append(f"...{draw(st.sampled_from(spreads))}{directive}")
        elif kind == "inline" and depth:
            condition = draw(st.sampled_from(["", " on T"]))
            parts.append(f"...{condition}{directive} {draw(selections(depth - 1, spreads))}")
        else:
            alias = draw(st.sampled_from(["", "", "x: ", "on: "]))
            arguments = draw(st.sampled_from(["", f"(x: {draw(VALUES)}, on: {draw(VALUES)})"]))
            inner = f" {draw(selections(depth - 1, spreads))}" if depth and draw(st.booleans()) else ""
            parts.append(f"{alias}{draw(NAMES)}{arguments}{directive}{inner}")
    return "{ " + draw(st.sampled_from([" ", ", ", "\n# }{\n"])).join(parts) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Operations and fragments; a fragment spreads only later ones, so that there are no cycles."""
    names = [f"F{i}" for i in range(draw(st.integers(0, 3)))]
    parts = [f"fragment {name} on T {draw(selections(2, names[i + 1 :]))}" for i, name in enumerate(names)]
    for i in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["query", "mutation", "subscription"]))
        variables = draw(st.sampled_from(["", '($v: [Int!]! = [1], $w: T = {a: "}"} @d)']))
        parts.append(f"{kind} O{i}{variables} {draw(st.sampled_from(['', '@d ']))}{draw(selections(3, names))}")
    return "\n".join(draw(st.permutations(parts)))


class Walk:
    """Counts by walking the tree, every fragment opened again wherever it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self.operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        self.fragments = {
            one.name.value: one.selection_set for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }

    def fields(self, chosen: SelectionSetNode, level: int = 1) -> list[tuple[int, str]]:
        """Each field with its level."""
        found = []
        for one in chosen.selections:
            if isinstance(one, FieldNode):
                found.append((level, one.name.value))
                if one.selection_set:
                    found += self.fields(one.selection_set, level + 1)
            elif isinstance(one, FragmentSpreadNode):
                found += self.fields(self.fragments[one.name.value], level)
            else:
                found += self.fields(one.selection_set, level)
        return found


class Totals(Visitor):
    """Counts what the whole document has."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases = self.directives = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.aliases += node.alias is not None

    def enter_directive(self, *_: Any) -> None:
        self.directives += 1


@settings(max_examples=400, deadline=None)
@given(documents())
def test_t29_the_counts_equal_those_of_a_walk_over_the_tree(text: str) -> None:
    document = parse(text)
    walk, totals, counted = Walk(document), Totals(), count(text, 10_000)
    visit(document, totals)
    assert (counted.aliases, counted.directives) == (totals.aliases, totals.directives)
    assert counted.tokens == len(core_tokens(text))
    assert len(counted.operations) == len(walk.operations)
    for whole, operation in zip(expanded(counted), walk.operations, strict=True):
        found = walk.fields(operation.selection_set)
        roots = [name for level, name in found if level == 1]
        assert whole.depth == max(level for level, _ in found)
        assert whole.fields == len(found)
        assert whole.root_fields == len(roots)
        assert whole.kind == operation.operation.value
        assert whole.name == (operation.name.value if operation.name else None)
        assert whole.introspects == all(name.startswith("__") for name in roots)


# -- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Any) -> Api:
    return api_over(graph, await serving_over(graph, tmp_path))


PAGED = {
    "movies": "movies(first: {}) {{ nodes {{ id }} }}",
    "cast": 'movie(id: "1") {{ cast(first: {}) {{ nodes {{ id }} }} }}',
    "search": 'search(query: "alien", first: {}) {{ nodes {{ __typename }} }}',
    "recommendations": "recommendations(first: {}) {{ nodes {{ id }} }}",
    "paths": 'paths(from: "Movie:1", to: "Movie:2", first: {}) {{ nodes {{ length }} }}',
}


async def refused_without_a_statement(api: Api, query: str, said: str) -> None:
    before = api.graph.session.statements
    result = await api.execute(query)
    assert result.errors is not None
    assert said in result.errors[0].message
    assert isinstance(result.errors[0].original_error, InvalidInput | LimitExceeded)
    assert api.graph.session.statements == before


@pytest.mark.parametrize("field", PAGED)
async def test_t29_a_page_has_1_to_100_items(api: Api, field: str) -> None:
    for size in (1, 100):
        await api.ask(f"{{ {PAGED[field].format(size)} }}")
    for size in (0, 101, -1):
        said = f"{field}(first: {size}): a page has 1 to 100 items"
        await refused_without_a_statement(api, f"{{ {PAGED[field].format(size)} }}", said)


async def test_t29_reasons_are_1_to_10(api: Api) -> None:
    query = '{{ recommendations(first: 1, liked: ["1"]) {{ edges {{ why(first: {}) {{ sentence }} }} }} }}'
    for size in (1, 10):
        await api.ask(query.format(size))
    for size in (0, 11):
        await refused_without_a_statement(api, query.format(size), f"why(first: {size}): 1 to 10 reasons")


async def test_n05_a_query_over_its_budget_of_nodes_sends_nothing(api: Api) -> None:
    query = "{{ movies(first: {}) {{ nodes {{ cast(first: {}) {{ nodes {{ id }} }} }} }} }}"
    await api.ask(query.format(99, 100))  # 1 + 99 + 99 * 100 = 10,000
    await refused_without_a_statement(api, query.format(100, 100), "allow 10,101 nodes, more than 10,000")
    api.services.planner._max_nodes = 9_999
    await refused_without_a_statement(api, query.format(99, 100), "allow 10,000 nodes, more than 9,999")


async def test_n05_all_root_fields_share_the_budget(api: Api) -> None:
    field = "movies(first: 70) { nodes { cast(first: 70) { nodes { id } } } }"  # 1 + 70 + 70 * 70 = 4,971
    data, sent = await api.counted(f"{{ a: {field} b: {field} }}")
    assert sent == 2
    assert data["a"] == data["b"]
    result = await api.execute(f"{{ a: {field} b: {field} c: {field} }}")
    (error,) = result.errors or ()
    assert error.path == ["c"]
    assert "c: its page sizes allow 4,971 nodes beside 9,942 of the fields before it, more than 10,000" in error.message
    assert await api.ask(f"{{ a: {field} b: {field} }}") == data


async def test_n05_the_budget_counts_each_movie_of_a_page_that_was_ranked_in_memory(api: Api) -> None:
    deep = "cast(first: 99) { nodes { actedIn(first: 99) { nodes { id } } } }"
    query = f'{{ recommendations(first: 2, liked: ["1"]) {{ nodes {{ {deep} }} }} }}'
    await refused_without_a_statement(api, query, "allow 19,803 nodes, more than 10,000")
    explained = query.replace("nodes {", "edges { why { sentence } } nodes {", 1)
    await refused_without_a_statement(api, explained, "allow 19,803 nodes, more than 10,000")
