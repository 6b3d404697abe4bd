"""The catalogue of statements: each one runs, says what it answers, knows its parameters, and has one user."""

import re
from pathlib import Path

import pytest

from cinegraph.errors import InvalidInput
from graph.catalog import ReadStatement, bare, parameters_of, read_statement, write_statement, writes
from graph.client import GraphClient

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "graph" / "cypher"
FILES = sorted(FOLDER.rglob("*.cypher"))
NAMES = [str(file.relative_to(FOLDER)).removesuffix(".cypher") for file in FILES]
PACKAGES = ("api", "cinegraph", "events", "graph", "recommenders")
SCHEMA = re.compile(r"^(CREATE|DROP) (CONSTRAINT|(VECTOR )?INDEX)", re.M)


def users_of(name: str) -> list[str]:
    """The files that name a statement, as it is or with a part left open: f"model/embed_{kind}"."""
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            made = re.findall(r"f\"((?:\w+/)[\w{}]+)\"", text)
            if f'"{name}"' in text or any(re.fullmatch(re.sub(r"\{\w+\}", r"\\w+", one), name) for one in made):
                found.append(str(file.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_the_first_line_says_what_it_answers_and_who_uses_it(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert re.fullmatch(r"// [A-Z].*; used by [\w/. ]+", first), first
    assert file.parent.parent == FOLDER


@pytest.mark.parametrize(("name", "file"), list(zip(NAMES, FILES, strict=True)), ids=NAMES)
def test_every_statement_has_exactly_one_user_the_one_it_names(name: str, file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert users_of(name) == [first.rpartition("used by ")[2].rstrip(".").split(" ")[0]]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
async def test_every_statement_is_planned_by_neo4j(graph: GraphClient, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if SCHEMA.search(text):
        pytest.skip("a schema command has no plan; publishing a model in tests/recommenders runs it")
    summary = await graph.session.explain(text, dict.fromkeys(parameters_of(text)))
    assert (summary.query_type != "r") == writes(text) or "CALL db." in text


def test_missing_and_extra_parameters_are_named() -> None:
    statement = ReadStatement("trial", "RETURN $one + $two", frozenset({"one", "two"}))
    with pytest.raises(InvalidInput, match=r"trial: missing parameters \['two'\], unknown parameters \['three'\]"):
        statement.check({"one": 1, "three": 3})


def test_a_writing_statement_is_not_loaded_as_a_reading_one() -> None:
    with pytest.raises(InvalidInput, match="user/rate.cypher writes"):
        read_statement("user/rate")


def test_an_unknown_statement_is_named() -> None:
    with pytest.raises(InvalidInput, match="there is no statement 'no/such'"):
        write_statement("no/such")


def test_words_in_strings_and_comments_do_not_write() -> None:
    assert not writes("MATCH (n) WHERE n.name = 'SET' // DELETE\nRETURN `CREATE`")
    assert writes("MATCH (n) SET n.x = 1")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("RETURN 1 // one 'and\nRETURN 2", "RETURN 1  \nRETURN 2"),
        ("RETURN /* a 'quote'\nover lines */ 1", "RETURN   1"),
        ("RETURN 'it\\'s' + \"a \\\" b\" + `c`", "RETURN '' + '' + ''"),
        ("RETURN 'http://x' AS a // b", "RETURN '' AS a  "),
        ('RETURN "/* no comment" AS a', "RETURN '' AS a"),
        ("RETURN 'open", "RETURN 'open"),
        ("RETURN a./**/b", "RETURN a. b"),
    ],
)
def test_bare_is_the_text_without_comments_strings_and_quoted_names(text: str, left: str) -> None:
    assert bare(text) == left


def test_a_parameter_in_a_string_or_comment_is_none() -> None:
    assert parameters_of("RETURN $a + '$b' + `$c` // $d\n+ $e /* $f */") == {"a", "e"}
