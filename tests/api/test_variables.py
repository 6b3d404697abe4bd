"""What variables may be: how many values and objects, and what is said of mistakes in them."""

import pytest

from api.context import Services
from api.limits import LimitExceeded, check_variables
from tests.api.web import client_over


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
