"""T27: what a request costs before it is refused, or until its first statement would be sent, whatever its shape.

Time differs between machines and loads, so what is held here is the number of calls of Python functions that all of it
takes, from the bytes of the body to the plan, some 0.2 microseconds each; `pytest -s` prints both.
"""

import asyncio
import json
import logging
import random
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from graphql import get_introspection_query, parse, specified_rules, validate

from api import limits, validating
from api.compiler import planner
from api.cost import Reckoner
from api.limits import LimitExceeded
from api.schema import build_schema
from tests.trust.unreached import Cost, Server, calls_of

MOST_CALLS = 62_000
"""Calls that a request takes at most."""
SCHEMA = build_schema()._schema
SEARCHES = 120
LONGEST = 2_500
"""Characters of a document that is searched for."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server in production that has seen no request before."""
    logging.disable(logging.CRITICAL)  # of the graph that is not there
    with asyncio.Runner() as runner:
        yield Server(runner)
    logging.disable(logging.NOTSET)


def body_of(query: str, variables: Any = None) -> bytes:
    """The body of a request, in as few bytes as there may be."""
    return json.dumps({"query": query, "variables": variables}, separators=(",", ":")).encode()


def said(what: str, cost: Cost) -> None:
    """Tell what something took."""
    sys.stdout.write(f"\n{cost.calls:,} calls, {cost.milliseconds:.1f} ms of CPU: {cost.end}: {what[:300]}\n")


def movie(selection: str, more: str = "") -> str:
    return f"{{ movie(id: 1) {{ {selection} }} }} {more}"


def many(count: int, text: str) -> str:
    return " ".join(text.replace("#", str(i)) for i in range(count))


class Shape(NamedTuple):
    """Documents of one kind: what stands around their blocks, on which type."""

    head: str
    tail: str
    kind: str
    blocks: tuple[str, ...]

    def written(self, genes: Sequence[int], fragments: int) -> str:
        """A document of some blocks, spread over an operation and fragments, each of which spreads the next one."""
        blocks = [self.blocks[gene].replace("#", str(place)) for place, gene in enumerate(genes)]
        parts = [" ".join(blocks[i :: fragments + 1]) for i in range(fragments + 1)]
        linked = [f"{part} ...F{i}" if i < fragments else f"__typename {part}" for i, part in enumerate(parts)]
        bodies = (f"fragment F{i} on {self.kind} {{ {part} }}" for i, part in enumerate(linked[1:]))
        return f"query($v: Boolean!) {{ {self.head} {linked[0]} {self.tail} }} {' '.join(bodies)}"

    def found(self, genes: str, fragments: int) -> str:
        """The same by the letters of its blocks."""
        return self.written([int(one, 36) for one in genes], fragments)

    def changed(self, genes: Sequence[int], rng: random.Random) -> list[int]:
        """Some blocks more, fewer, or others."""
        made = list(genes)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(made) + 1)
            made[place : place + rng.randrange(3)] = [rng.randrange(len(self.blocks))] * rng.choice((0, 1, 1, 1, 4))
        return made


MOVIE = Shape(
    "__typename @include(if: $v) movie(id: 1) {",
    "}",
    "Movie",
    (
        "id",
        "title",
        "genres { nodes { id name } }",
        "cast(first: 3) { edges { node { id name } } }",
        "similar { nodes { id } }",
        "... on Movie { id title }",
        "... { genres { nodes { id } } }",
        "id @include(if: $v)",
        "... on Node { id ... on Movie { title } }",
        "a#: similarMovies(first: 2) { edges { why { sentence } node { id } } }",
    ),
)
SEGMENT = Shape(
    '__typename @include(if: $v) paths(from: "Movie:1", to: "Movie:2") { nodes { segments {',
    "} } }",
    "PathSegment",
    (
        "relation",
        "start { id }",
        "a#: end { id ... on Movie { title } }",
        "a#: start { ... on Node { id ... on Person { name actedIn { nodes { title } } } } }",
        "start { ... on Genre { name } ... on Keyword { name } ... on Movie { title } }",
        "... on ActedInSegment { relation start { id } }",
        "... on PathSegment { end { ... on Node { id } } }",
    ),
)
ROOT = Shape(
    "__typename @include(if: $v)",
    "",
    "Query",
    (
        'a#: paths(from: "Movie:1", to: "Movie:2") { nodes { segments { start { id } } } }',
        "a#: recommendations(first: 3) { edges { node { title } } }",
        "a#: recommendations(first: 3) { edges { why { sentence path { segments { start { id } end { id } } } } } }",
        'a#: search(query: "drama") { nodes { ... on Movie { title } ... on Person { name } ... on Genre { name } } }',
        'a#: movies(filter: {genres: "genre", or: [{}, {year: {min: 1}}]}) { nodes { id } }',
        "a#: explain(movie: 1) { why { sentence path { segments { start { id } } } } }",
        "a#: similarMovies(movie: 1) { edges { why { sentence } } }",
        "a#: firstQuestions { questions { movie { title } } }",
        'a#: node(id: "Movie:1") { id ... on Movie { title cast { nodes { name } } } }',
    ),
)


WORST = {
    "a movie as a search found it": MOVIE.found("42441118088363352444257542999962996338913170913533337", 17),
    "segments as a search found them": SEGMENT.found("14222222611122251221211552102166004500201506011", 25),
    "root fields as a search found them": ROOT.found("72582052042220", 35),
    "variables used in one list": "query($v: Int) { movie(id: [" + "$v " * 199 + "1 " * 580 + "]) { id } }",
    "variables that are not there": "{ movie(id: [" + many(200, "$v#") + " 1" * 587 + "]) { id } }",
    "variables that are not used": "query(" + many(200, "$v#: Int") + ") { movie(id: 1) { id } }",
    "variables of unknown types": "query(" + many(200, "$v#: X#") + ") { movie(id: 1) { id } }",
    "one argument again and again": "{ movie(" + "id: 1 " * 320 + ") { id } }",
    "unknown arguments": "{ movie(" + many(320, "a#: 1") + ") { id } }",
    "fragments side by side": movie(many(49, "...F#"), many(49, "fragment F# on Movie { id title }")),
    "fragments of fragments": movie(
        "...F0", many(48, "fragment F# on Movie { id ...F48 }") + " fragment F48 on Movie { id }"
    ),
    "inline fragments": movie("... on Movie { genres { nodes { id name } } } " * 64),
    "nested inline fragments": movie("... on Movie { similar { nodes { genres { nodes { id } } } } } " * 50),
    "unknown fields of long names": movie(many(90, "a" * 100 + "#")),
    "comments": "#\n" * 4_990 + "{ __typename }",
    "spaces": "\n" * 9_990 + "{ id }",
    "a text of escapes": '{ movie(id: "' + "\\u0041" * 1_650 + '") { id } }',
    "a block of lines": '{ movie(id: """' + "\n a" * 3_300 + '""") { id } }',
    "one long number": "{ movies(first: " + "9" * 9_900 + ") { totalCount } }",
    "one long name": "{ " + "a" * 9_990 + " }",
    "operations": many(49, "query Q# { ...F }") + " fragment F on Query { movie(id: $x) { id } }",
    "directives": movie(many(25, "id @skip(if: $a) @include(if: true)")),
    "nested values": "{ movies(filter: {and: [" + "{title: {eq: 1}} " * 90 + "]}) { totalCount } }",
}


"""Documents, of which a longer search found the first three."""
LIKED = "query($i: [ID!]) { recommendations(liked: $i) { nodes { id } } }"
ANSWERED = "query($i: [ID!]) { firstQuestions(liked: $i) { answered } }"
FILTERED = "query($f: MovieFilter) { movies(first: 1, filter: $f) { totalCount } }"
SHARED = f"query($f: MovieFilter) {{ {many(10, 'm#: movies(first: 1, filter: $f) { totalCount }')} }}"
GROUP = "query($g: Group) { recommendations(group: $g) { nodes { id } } }"
PREFERRED = "mutation($p: [PreferenceInput!]!) { setPreferences(preferences: $p) { __typename } }"


def deep(depth: int) -> dict[str, Any]:
    return {"not": deep(depth - 1)} if depth else {}


VARIABLES: dict[str, tuple[str, Any]] = {
    "as many ids as there may be": (ANSWERED, {"i": ["1"] * 1_999}),
    "one null behind them": (LIKED, {"i": ["1"] * 1_998 + [None]}),
    "nulls": (LIKED, {"i": [None] * 1_999}),
    "long ids": (ANSWERED, {"i": ["x" * 45] * 1_999}),
    "long numbers": (LIKED, {"i": [10**45] * 1_999}),
    "unknown keys": (FILTERED, {"f": {f"genre{i}": 1 for i in range(1_999)}}),
    "a key of 98 kB": (FILTERED, {"f": {"genres" * 16_300: 1}}),
    "filters of nothing": (FILTERED, {"f": {"or": [{}] * 199}}),
    "filters of ranges": (FILTERED, {"f": {"or": [{"year": {"min": 1}}] * 99}}),
    "filters as deep as they may be": (FILTERED, {"f": deep(62)}),
    "a filter of a number too many": (FILTERED, {"f": {"or": [{"year": {"min": 2**31}}] * 99}}),
    "members of a group": (GROUP, {"g": {"members": [{"name": "x"}] * 199}}),
    "preferences": (PREFERRED, {"p": [{"node": "Genre:x", "weight": 1}] * 199}),
    "ten fields with as many ids as they may share": (SHARED, {"f": {"genres": ["1"] * 99, "people": ["1"] * 99}}),
    "ten fields with more": (SHARED, {"f": {"genres": ["1"] * 1_990}}),
    "what nobody declared": ("{ __typename }", {str(i): i for i in range(2_000)}),
    "50,000 numbers": (LIKED, {"i": [1] * 49_900}),
    "33,000 objects": (FILTERED, {"f": {"or": [{}] * 33_000}}),
    "49,000 levels": (LIKED, {"i": "LEVELS"}),
}
"""Variables, in bodies of up to 100 kB."""


@pytest.mark.parametrize("shape", WORST)
def test_t27_the_worst_that_were_found_cost_little(server: Server, shape: str) -> None:
    cost = server.cost(body_of(WORST[shape], {"v": True}))
    said(shape, cost)
    assert cost.calls <= MOST_CALLS


@pytest.mark.parametrize("shape", VARIABLES)
def test_t27_variables_of_100_kb_cost_little(server: Server, shape: str) -> None:
    body = body_of(*VARIABLES[shape]).replace(b'"LEVELS"', b"[" * 490 + b"]" * 490)
    assert len(body) <= 100_000
    cost = server.cost(body)
    said(shape, cost)
    assert cost.calls <= MOST_CALLS


def test_t27_without_a_limit_of_objects_variables_would_cost_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_OBJECTS", 10**6)
    body = body_of(FILTERED, {"f": {"or": [{}] * 1_990}})
    assert server.cost(body).calls > MOST_CALLS


@pytest.mark.parametrize("shape", [MOVIE, SEGMENT, ROOT], ids=lambda shape: shape.kind)
def test_t27_a_search_finds_none_of_2500_characters_that_costs_more(server: Server, shape: Shape) -> None:
    rng = random.Random(27)
    best, most, body = ([0], 1), 0, b""
    for _ in range(SEARCHES):
        genes, fragments = shape.changed(best[0], rng), max(0, best[1] + rng.choice((-1, 0, 0, 0, 1, 4)))
        if len(made := shape.written(genes, fragments)) > LONGEST:
            continue
        asked = body_of(made, {"v": True})
        if (calls := calls_of(lambda asked=asked: server.ask(asked))) > most:  # type: ignore[misc]
            best, most, body = (genes, fragments), calls, asked
    said(body.decode(), server.cost(body))
    assert 0 < most <= MOST_CALLS


def test_t27_without_what_is_known_of_a_selection_interfaces_would_cost_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = many(10, "a#: start { ... on Movie { id } }")
    body = body_of(f'{{ paths(from: "Movie:1", to: "Movie:2") {{ nodes {{ segments {{ {ends} }} }} }} }}')
    below, most = Reckoner._below, server.cost(body).calls

    def anew(self: Reckoner, *given: Any, **more: Any) -> int:
        self._known.clear()
        return below(self, *given, **more)

    monkeypatch.setattr(Reckoner, "_below", anew)
    assert server.cost(body).calls > 1.5 * most


def test_t27_without_a_budget_for_comparisons_fragments_would_cost_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validating, "MERGING_STEPS", 500_000)
    monkeypatch.setattr(validating, "MAX_ERRORS", 100)
    assert max(server.cost(body_of(text)).calls for text in WORST.values()) > MOST_CALLS


@pytest.mark.parametrize("text", [*WORST.values(), movie("id x: title ... on Movie { id }"), get_introspection_query()])
def test_t27_the_verdict_is_that_of_all_rules(text: str) -> None:
    document = parse(text)
    whole = validate(SCHEMA, document, specified_rules, hide_suggestions=False)
    try:
        found = validating.mistakes(SCHEMA, text, document, introspection=True)
    except LimitExceeded:
        return
    assert [str(one) for one in found[: validating.MAX_ERRORS]] == [str(one) for one in whole[: validating.MAX_ERRORS]]


def entries(value: Any) -> int:
    """How many values a tuple has, with those of the tuples in it."""
    return sum(map(entries, value)) if isinstance(value, tuple) else 1


GROUPS = "query($g: Group) { movies(first: 1) { totalCount } recommendations(group: $g) { nodes { id } } }"


def kept_entries(server: Server) -> int:
    """The values in the keys of all plans, after requests with ever more objects in their variables."""
    server.forget()
    for count in range(1, 190, 4):
        server.ask(body_of(GROUPS, {"g": {"members": [{"name": "x"}] * count}}), anew=False)
    return sum(map(entries, server.services.planner._kept))


def test_t26_plans_are_kept_by_as_little_for_many_values_as_for_few(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept_entries(server) == len(server.services.planner._kept) * 4 > 48 * 4
    monkeypatch.setattr(planner, "structured", lambda info: planner._structure(info, planner.coerced(info)))
    assert kept_entries(server) > 10_000


def test_the_structure_of_variables_is_worked_out_once_for_all_fields(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, structure = [0], planner._structure

    def counting(*given: Any) -> Any:
        calls[0] += 1
        return structure(*given)

    monkeypatch.setattr(planner, "_structure", counting)
    fields = many(9, "a#: movies(first: 1, filter: $f) { totalCount }")
    server.ask(body_of(f"query($f: MovieFilter) {{ {fields} }}", {"f": {"genres": ["genre"]}}))
    assert calls == [1]


def test_thirty_fragments_side_by_side_are_no_attack(server: Server) -> None:
    text = movie(many(30, "...F#"), many(30, "fragment F# on Movie { id }"))
    before = server.sessions.sent
    assert server.ask(body_of(text))[0] == 200
    assert server.sessions.sent == before + 1
