"""`search` and `autocomplete`: typos, unfinished words, accents, stop words, and in what order."""

from pathlib import Path

import pytest

from api.search import STOP_WORDS, autocomplete_text, exact_titles, search_text, years_in
from cinegraph.errors import InvalidInput
from graph.catalog import WriteStatement
from graph.client import GraphClient
from graph.titles import JoinedTitles
from tests.api.harness import Api, api_over
from tests.published import serving_over

TITLES = [
    "Playing God in All the World's Ends",
    "The Godfather",
    "The Godfather: Part II",
    "It",
    "It Follows",
    "The Theory of Everything",
    "The Lord of the Rings",
    "WALL·E",
    "Oldboy",
    "Solaris",
    "Solaris Two",
    "2001: A Space Odyssey",
]
ADD = WriteStatement(
    "add",
    "UNWIND $titles AS title CREATE (:Movie {id: 'm' + title, title: title, popularity: 10.0 - size(title) / 10.0, "
    "year: CASE title WHEN 'Solaris' THEN 1972 WHEN 'Solaris Two' THEN 2002 END})",
    frozenset({"titles"}),
)


CHANGED = WriteStatement("changed", "MATCH (m:Meta {id: 'graph'}) SET m.version = m.version + 1", frozenset())


@pytest.fixture
async def api(graph: GraphClient, tmp_path: Path) -> Api:
    api = api_over(graph, await serving_over(graph, tmp_path))
    await graph.writer.write(ADD, titles=TITLES)
    await graph.writer.write(CHANGED)
    await api.services.serving.refresh()
    return api


async def found(api: Api, field: str, text: str) -> list[str]:
    query = f"""query($text: String!) {{
      {field}({"query" if field == "search" else "prefix"}: $text) {{
        nodes {{ ... on Movie {{ title }} ... on Person {{ name }} ... on Genre {{ name }} }} }}
    }}"""
    data = await api.ask(query, text=text)
    return [node.get("title") or node.get("name") for node in data[field]["nodes"]]


@pytest.mark.parametrize("field", ["search", "autocomplete"])
@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("alien", ["Alien"]),
        ("amelie", ["Amélie"]),
        ("AMÉLIE", ["Amélie"]),
        ("ridley", ["Ridley Scott"]),
        ("the godfather", ["The Godfather", "The Godfather: Part II"]),
        ("lord of the rings", ["The Lord of the Rings"]),
        ("lord of the", ["The Lord of the Rings"]),
        ("the theo", ["The Theory of Everything"]),
        ("the", ["The Theory of Everything"]),
        ("it", ["It"]),
        ("It ", ["It"]),
        ("it fol", ["It Follows"]),
        ("the godf", ["The Godfather", "The Godfather: Part II"]),
        ("alien 1979", ["Alien"]),
        ("solaris 2002", ["Solaris Two"]),
        ("solaris 1972", ["Solaris"]),
        ("2001", ["2001: A Space Odyssey"]),
        ("bladerunner", ["Blade Runner"]),
        ("thegodfather", ["The Godfather", "The Godfather: Part II"]),
        ("godfatherpart", ["The Godfather: Part II"]),
        ("nothing has this name", []),
    ],
)
async def test_what_is_typed_is_found(api: Api, field: str, text: str, first: list[str]) -> None:
    assert (await found(api, field, text))[: max(len(first), 1)] == first


async def test_what_a_word_may_become_is_ordered_by_popularity(api: Api) -> None:
    names = await found(api, "autocomplete", "the god")
    assert names[:2] == ["The Godfather", "The Godfather: Part II"]
    assert (await found(api, "search", "the god"))[0] == "The Godfather"
    assert (await found(api, "search", "god"))[0] == "Playing God in All the World's Ends"


async def test_words_that_the_index_has_as_one_are_found(api: Api) -> None:
    assert (await found(api, "search", "wall-e"))[0] == "WALL·E"
    assert (await found(api, "search", "old boy"))[0] == "Oldboy"


async def test_a_search_counts_what_it_finds(api: Api) -> None:
    query = "query($text: String!) { search(query: $text, first: 1) { totalCount nodes { ... on Node { id } } } }"
    assert await api.ask(query, text="godfather") == {
        "search": {"totalCount": 2, "nodes": [{"id": "Movie:mThe Godfather"}]}
    }
    assert (await api.ask(query, text="nothing has this name"))["search"] == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize(
    ("text", "first"), [("gladiatr", "Gladiator"), ("the godfahter", "The Godfather"), ("blade runer", "Blade Runner")]
)
async def test_search_forgives_typos(api: Api, text: str, first: str) -> None:
    assert (await found(api, "search", text))[0] == first


async def test_stop_words_are_those_of_the_index(graph: GraphClient) -> None:
    rows = await graph.session.read(
        "CALL db.index.fulltext.listAvailableAnalyzers() YIELD analyzer, stopwords "
        "WHERE analyzer = 'standard-folding' RETURN stopwords",
        {},
    )
    assert frozenset(rows[0]["stopwords"]) == STOP_WORDS


def test_only_letters_and_digits_reach_the_index() -> None:
    assert search_text('a:b*~^"\\ OR (c') == "+(b^4 OR b*) +(c^4 OR c*)"
    assert search_text("wall-e") == "(+(wall^4 OR wall~1 OR wall*) +(e^4 OR e*)) OR walle~1^8"
    assert autocomplete_text("the /x/") == "+x*"


NO_TITLES = JoinedTitles.of([])


def test_exact_titles_are_for_stop_words_alone() -> None:
    assert exact_titles("this is  it", NO_TITLES) == ["This Is It", "This is it", "this is it"]
    assert exact_titles("it follows", NO_TITLES) == []


def test_a_year_after_other_words_may_be_in_no_title() -> None:
    assert search_text("alien 1979").startswith("(+(alien^4 OR alien~1 OR alien*) 1979^4)")
    assert autocomplete_text("alien 1979") == "+(alien^4 OR alien~1 OR alien*) 1979*"
    assert autocomplete_text("1979") == "+1979*"
    assert (years_in("alien 1979"), years_in("1979"), years_in("fifty 5000")) == ([1979], [], [])


@pytest.mark.parametrize("text", ["", "  ", "!?", "x" * 201])
def test_a_text_without_a_word_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        search_text(text)
