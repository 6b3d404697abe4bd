"""The walk for all rules says what `graphql.validate` says, error by error, of valid and of wrong documents."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLError, parse, validate
from graphql.language.visitor import BREAK

import api.walking
from api.limits import LimitExceeded
from api.validating import rules
from api.walking import Walk, validated
from tests.api.harness import schema
from tests.trust.test_costs import WORST

SCHEMA = schema()._schema
DOCUMENTS = 400
VALUES = ("1", '"1"', "$v", "$w", "$x", "[1, $v]", "{ title: 2 }", "{ a: $v, b: [{}] }", "TITLE", "null", "true", "1.5")
DIRECTIVES = ("", "", "", "", "@skip(if: $v)", "@include(if: true)", "@include", "@nosuch(a: 1)", "@deprecated")
FIELDS = ("id", "title", "year", "name", "nosuch", "__typename", "genres", "cast", "similar", "nodes", "edges", "node")
ROOTS = (
    "movie",
    "movies",
    "search",
    "node",
    "me",
    "recommendations",
    "rateMovie",
    "movieChanged",
    "__schema",
    "nosuch",
)
TYPES = ("Movie", "Person", "Node", "Query", "MovieFilter", "Nosuch", "SearchResult", "MovieSort")
HEADS = (
    "query", "query A", "query B($v: Boolean!)", "query($v: Boolean, $v: Int)", "query($w: ID! = 1, $x: [Nosuch!])",
    "mutation M($v: ID)", "subscription S", "subscription @include(if: $v)", "query Q($v: MovieFilter = { nosuch: 1 })",
    "query($x: Movie)", "query D($v: Boolean! @deprecated)",
)  # fmt: skip


class Writer:
    """Writes documents, most of which are wrong somewhere."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def pick(self, *of: str) -> str:
        return self.rng.choice(of)

    def arguments(self) -> str:
        names = [self.pick("id", "first", "filter", "sort", "if", "nosuch", "movie", "rating") for _ in range(2)]
        given = [f"{name}: {self.pick(*VALUES)}" for name in names[: self.rng.randrange(3)]]
        return f"({', '.join(given)})" if given else ""

    def selection(self, names: tuple[str, ...], depth: int) -> str:
        return "{ " + " ".join(self.part(names, depth) for _ in range(self.rng.randrange(1, 4))) + " }"

    def part(self, names: tuple[str, ...], depth: int) -> str:
        kind, directive = self.rng.randrange(8), self.pick(*DIRECTIVES)
        if kind == 0:
            return f"...F{self.rng.randrange(4)} {directive}"
        if kind == 1 and depth:
            on = self.pick("", f"on {self.pick(*TYPES)}", "on Movie")
            return f"... {on} {directive} {self.selection(names, depth - 1)}"
        inner = self.selection(FIELDS, depth - 1) if depth and self.rng.random() < 0.7 else ""
        alias = self.pick("", "", "", "x:", "id:")
        return f"{alias} {self.pick(*names)}{self.arguments()} {directive} {inner}"

    def document(self) -> str:
        parts = [f"{self.pick(*HEADS)} {self.selection(ROOTS, 4)}" for _ in range(self.rng.choice((1, 1, 1, 2)))]
        for i in range(self.rng.randrange(4)):
            parts.append(f"fragment F{i} on {self.pick(*TYPES, 'Movie', 'Movie')} {self.selection(FIELDS, 3)}")
        if not self.rng.randrange(30):
            parts.append("type Query { a: Int }")
        return "\n".join(parts)


def documents() -> Iterator[str]:
    """So many documents, the same ones each time."""
    return (Writer(seed).document() for seed in range(DOCUMENTS))


VALID = (
    "{ movie(id: 1) { id title } }",
    "query A($v: ID!, $b: Boolean = true) { movie(id: $v) { ...F @include(if: $b) } } fragment F on Movie { id title }",
    "query($f: MovieFilter) { movies(first: 3, filter: $f, sort: TITLE) { nodes { ... on Movie { id x: title } } } }",
    "mutation($m: ID!) { rateMovie(movie: $m, rating: 4) { __typename ... on Rated { movie { id } } } }",
    "subscription { movieChanged(id: 1) { title } }",
    "query A { me { id } } query B { ...F } fragment F on Query { genres(first: 1) { nodes { name } } }",
)


def verdict(errors: list[GraphQLError]) -> list[Any]:
    return [(type(one), one.formatted, str(one)) for one in errors]


def both(text: str, document: DocumentNode, most: int, *, told: bool) -> tuple[Any, Any]:
    """What the walk says, and what graphql-core says, with the same rules; what the merging of fields stops counts."""
    held, found = rules(text, introspection=told), list[Any]()
    for way in (
        lambda: validated(SCHEMA, document, held, most, hide_suggestions=not told),
        lambda: validate(SCHEMA, document, held, max_errors=most, hide_suggestions=not told),
    ):
        try:
            found.append(verdict(way()))
        except LimitExceeded as error:
            found.append(str(error))
    return found[0], found[1]


@pytest.mark.parametrize("told", [True, False], ids=["with suggestions", "in production"])
def test_the_walk_says_what_graphql_core_says(told: bool) -> None:
    kinds = set[str]()
    for text in documents():
        document = parse(text)
        for most in (5, 100):
            ours, theirs = both(text, document, most, told=told)
            assert ours == theirs, text
        kinds |= {
            one[1]["message"].partition(" ")[0] + one[1]["message"][-12:] for one in ours if not isinstance(ours, str)
        }
    assert len(kinds) > 80


@pytest.mark.parametrize("text", [*VALID, *WORST.values()])
def test_the_walk_says_it_of_valid_and_of_large_documents(text: str) -> None:
    document = parse(text)
    for most in (1, 5, 1_000):
        ours, theirs = both(text, document, most, told=True)
        assert ours == theirs
    assert (ours == []) >= (text in VALID)


def test_a_document_that_nests_too_deep_is_aborted_as_by_graphql_core() -> None:
    chain = [f"fragment F{i} on Movie {{ {'... { ' * 15} ...F{i + 1} {'} ' * 15} }}" for i in range(45)]
    text = "{ movie(id: 1) { ...F0 } } " + " ".join(chain) + " fragment F45 on Movie { id }"
    ours, theirs = both(text, parse(text), 5, told=True)
    assert ours == theirs
    assert ours[-1][1]["message"] == "Validation aborted."


def differ() -> bool:
    return any(ours != theirs for text in documents() for ours, theirs in [both(text, parse(text), 100, told=True)])


def test_the_mutants_whose_walk_is_another_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(api.walking, "_told", lambda *_: BREAK)
        assert differ(), "a rule that skips a node looks at nothing any more"
    with monkeypatch.context() as patch:
        patch.setattr(Walk, "_below", lambda self, node, keys, _: below(self, node, keys, None))
        assert differ(), "what stands above a node is not known"
    with monkeypatch.context() as patch:
        patch.setattr(api.walking, "_has_variables", lambda _: False)
        assert differ(), "variables are not found"


below = Walk._below
