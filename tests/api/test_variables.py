"""What variables may be: how many values and objects, and what is said of mistakes in them."""

import json

import pytest

from api.context import Services
from api.limits import LimitExceeded, check_document, check_uses, check_variables
from cinegraph.settings import ApiSettings
from tests.api.web import client_over, refused


def test_t29_variables_have_2000_values_and_not_one_more() -> None:
    check_variables({"a": [1] * 1_998, "b": 1})
    check_variables({str(i): [[]] for i in range(1_000)})
    for more in ({"a": [1] * 1_999, "b": 1}, {"a": [[1, 1]] * 700}, {str(i): None for i in range(2_001)}):
        with pytest.raises(LimitExceeded, match=r"has 2\d\d\d values in its variables; 2000 is the most"):
            check_variables(more)


def test_t29_variables_have_200_objects_and_not_one_more() -> None:
    check_variables({"f": {"or": [{}] * 199}, "n": None})
    check_variables({"r": [{"__typename": "Movie", "id": str(i)} for i in range(100)]})
    with pytest.raises(LimitExceeded, match="has 201 objects in its variables; 200 is the most"):
        check_variables({"f": {"or": [{}] * 200}})


def uses(text: str) -> dict[str, int]:
    (one,) = check_document(text, ApiSettings()).operations
    return dict(one.uses)


def test_a_variable_is_used_where_a_selection_names_it_and_as_often_as_its_fragment_is_spread() -> None:
    page = "movies(first: $n, filter: $f) { nodes { id } }"
    assert uses(f"query($n: Int = 2, $f: MovieFilter) {{ {page} }}") == {"n": 1, "f": 1}
    both = "query($n: Int, $f: MovieFilter, $s: Boolean!) { a: me { ...P } b: me @skip(if: $s) { ...P ...P } }"
    assert uses(f"{both} fragment P on User {{ {page} }}") == {"n": 3, "f": 3, "s": 1}
    assert uses('{ search(query: "$n") { totalCount } } # $n') == {}


def test_t29_values_are_2000_where_variables_are_used() -> None:
    ids = {"f": {"genres": ["1"] * 199}, "n": 3}
    check_uses({"f": 1, "n": 200}, {"f": {"genres": ["1"] * 1_900}, "n": 3})
    check_uses({"f": 10, "n": 100}, ids)
    with pytest.raises(LimitExceeded, match="has 2200 values where it uses its variables; 2000 is the most"):
        check_uses({"f": 11, "n": 100}, ids)


@pytest.mark.parametrize("given", [True, False])
async def test_a_list_in_many_fields_is_refused_before_anything_is_spent(services: Services, given: bool) -> None:
    """Also one that is there by default."""
    ids = ["x"] * 210
    default = "" if given else f" = {json.dumps(ids)}"
    fields = " ".join(f"m{i}: movies(first: 1, filter: {{genres: $i}}) {{ totalCount }}" for i in range(10))
    async with client_over(services) as http:
        asked = {"query": f"query($i: [ID!]{default}) {{ {fields} }}", "variables": {"i": ids} if given else {}}
        error = refused(await http.post("/graphql", json=asked), 400, "LIMIT_EXCEEDED")
    assert "2100 values where it uses its variables" in error["message"]


async def test_mistakes_in_variables_are_told_five_at_a_time_and_once(services: Services) -> None:
    query = "query($i: [ID!]) { movies(filter: {genres: $i}) { totalCount } }"
    async with client_over(services, graphiql=False) as http:
        answer = await http.post("/graphql", json={"query": query, "variables": {"i": [None] * 1_000}})
    found = [error["message"] for error in answer.json()["errors"]]
    said = "Variable '$i' has invalid value at [{}]: Expected value of non-null type 'ID!' not to be None."
    assert found[:5] == [said.format(i) for i in range(5)]
    assert len(found) == 6


@pytest.mark.parametrize("development", [True, False])
async def test_names_are_suggested_for_variables_in_development_alone(services: Services, development: bool) -> None:
    query = "query($f: MovieFilter) { movies(filter: $f) { totalCount } }"
    async with client_over(services, graphiql=development) as http:
        answer = await http.post("/graphql", json={"query": query, "variables": {"f": {"genre": ["a"]}}})
    (error,) = answer.json()["errors"]
    assert ("Did you mean" in error["message"]) is development
