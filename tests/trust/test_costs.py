"""T27: what a document costs before it is refused or run, whatever its shape.

Time differs between machines and loads, so what is held here is the number of calls of Python functions that checking,
parsing and validating take, some 0.2 microseconds each; `pytest -s` prints both.
"""

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from graphql import get_introspection_query, parse, specified_rules, validate

from api import validating
from api.limits import LimitExceeded
from api.operations import Operations
from api.schema import build_schema
from cinegraph.settings import ApiSettings

MOST_CALLS = 55_000
"""Calls that a document takes at most."""
SCHEMA = build_schema()._schema
SEARCHES = 120


@dataclass(frozen=True)
class Cost:
    """What one document took."""

    calls: int
    milliseconds: float
    end: str


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions are called."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def cost_of(text: str) -> Cost:
    """What a document takes a server in production that has not seen it."""

    def attempt() -> str:
        try:
            errors = Operations(SCHEMA, ApiSettings(), introspection=False).ready(text).errors
        except LimitExceeded as error:
            return str(error)
        return errors[0].message if errors else "valid"

    end = attempt()
    started = time.thread_time()
    attempt()
    took = time.thread_time() - started
    return Cost(calls_of(attempt), took * 1e3, end[:60])


def said(what: str, cost: Cost) -> None:
    """Tell what something took."""
    sys.stdout.write(f"\n{cost.calls:,} calls, {cost.milliseconds:.1f} ms of CPU: {cost.end}: {what}\n")


def movie(selection: str, more: str = "") -> str:
    return f"{{ movie(id: 1) {{ {selection} }} }} {more}"


def many(count: int, text: str) -> str:
    return " ".join(text.replace("#", str(i)) for i in range(count))


BLOCKS = (
    "id",
    "title",
    "genres { nodes { id name } }",
    "cast(first: 3) { edges { node { id name } } }",
    "similar { nodes { id } }",
    "... on Movie { id title }",
    "... { genres { nodes { id } } }",
    "id @include(if: $v)",
    "...F0",
    "...F1",
    "...F2",
)


def written(genes: list[int], fragments: int) -> str:
    """A document of some blocks, spread over an operation and fragments."""
    parts = [" ".join(BLOCKS[gene] for gene in genes[i :: fragments + 1]) or "id" for i in range(fragments + 1)]
    bodies = (f"fragment F{i} on Movie {{ {part} }}" for i, part in enumerate(parts[1:]))
    return f"query($v: Boolean!) {{ movie(id: 1) {{ {parts[0]} }} }} {' '.join(bodies)}"


FOUND = "22221111111111244443384443372833393333313333333777777767744416666666666a00000000a86842222044"
"""The blocks of the costliest document that a search of 360 steps found, spread over 8 fragments."""
WORST = {
    "what a search found": written([int(one, len(BLOCKS)) for one in FOUND], 8),
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


@pytest.mark.parametrize("shape", WORST)
def test_t27_the_worst_that_were_found_cost_little(shape: str) -> None:
    cost = cost_of(WORST[shape])
    said(shape, cost)
    assert cost.calls <= MOST_CALLS


def test_t27_a_search_finds_none_of_2500_characters_that_costs_more() -> None:
    rng = random.Random(27)
    best, found = [0], Cost(0, 0, "")
    fragments, text = 3, ""
    for _ in range(SEARCHES):
        genes, some = list(best), max(3, fragments + rng.choice((-1, 0, 0, 1, 5)))
        for _ in range(rng.randrange(1, 12)):
            place = rng.randrange(len(genes) + 1)
            genes[place : place + rng.randrange(2)] = [rng.randrange(len(BLOCKS))] * rng.choice((1, 1, 4, 10))
        if len(made := written(genes, some)) > 2_500:
            continue
        cost = cost_of(made)
        if cost.calls > found.calls:
            best, fragments, found, text = genes, some, cost, made
    said(text, found)
    assert 0 < found.calls <= MOST_CALLS


def test_t27_without_a_budget_for_comparisons_fragments_would_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validating, "MERGING_STEPS", 500_000)
    monkeypatch.setattr(validating, "MAX_ERRORS", 100)
    assert max(cost_of(text).calls for text in WORST.values()) > MOST_CALLS


@pytest.mark.parametrize("text", [*WORST.values(), movie("id x: title ... on Movie { id }"), get_introspection_query()])
def test_t27_the_verdict_is_that_of_all_rules(text: str) -> None:
    document = parse(text)
    whole = validate(SCHEMA, document, specified_rules, hide_suggestions=False)
    try:
        found = validating.mistakes(SCHEMA, text, document, introspection=True)
    except LimitExceeded:
        return
    assert [str(one) for one in found[: validating.MAX_ERRORS]] == [str(one) for one in whole[: validating.MAX_ERRORS]]


def test_thirty_fragments_side_by_side_are_no_attack() -> None:
    text = movie(many(30, "...F#"), many(30, "fragment F# on Movie { id }"))
    assert cost_of(text).end == "valid"
