"""Every operation in README and docs is one that the schema takes."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from cinegraph.cli.demo import FIRST_QUERY
from tests.api.harness import schema

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(text, id=f"{file.name}-{i}")
    for file in FILES
    for i, text in enumerate(re.findall(r"^```graphql\n(.+?)^```", file.read_text(encoding="utf-8"), re.M | re.S), 1)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


def test_the_demo_shows_the_query_of_the_readme() -> None:
    assert FIRST_QUERY in FILES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_schema_takes_the_example(text: str) -> None:
    assert validate(schema()._schema, parse(text)) == []


QUOTED = re.compile(r"^\[`(examples/[^`]+)`\]\(\.\./\1\)[^\n]*:\n\n```\w+\n(.+?)^```", re.M | re.S)
"""The name of a program, and what is quoted of it."""


def test_what_is_quoted_of_a_program_stands_in_it() -> None:
    """The programs themselves are run by tests/api/test_examples.py."""
    text = (ROOT / "docs" / "graphql.md").read_text(encoding="utf-8")
    section = text[text.index("\n## Clients\n") :]
    section = section[: section.index("\n## ", 1)]
    found = QUOTED.findall(section)
    assert len(found) == len(re.findall(r"^```(?:ts|python)$", section, re.M)) == 8
    assert [name for name, quoted in found if quoted not in (ROOT / name).read_text(encoding="utf-8")] == []
    assert {name for name, _ in found} == {
        *(f"examples/typescript/{name}" for name in ("codegen.ts", *(f"src/{one}.ts" for one in SOURCES))),
        "examples/python/watching.py",
    }


SOURCES = ("documents", "faults", "urql", "apollo")
