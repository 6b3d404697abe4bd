"""Numbers that are too large for a type, and what is no number: each has its status and its code."""

import json

import pytest
from httpx import AsyncClient

from tests.api.web import GRAPHQL, JSON, bearer

INVALID, INPUT, NOT_READ = "GRAPHQL_VALIDATION_FAILED", "INVALID_INPUT", "BAD_REQUEST"
FIELDS = {
    "first": ("Int", "query{0} {{ movies(first: {1}) {{ totalCount }} }}"),
    "hours": ("Int", "mutation{0} {{ inviteToGroup(hours: {1}) {{ __typename }} }}"),
    "year": ("Int", "query{0} {{ movies(filter: {{year: {{min: {1}}}}}) {{ totalCount }} }}"),
    "rating": ("Float", 'mutation{0} {{ rateMovie(movie: "1", rating: {1}) {{ __typename }} }}'),
    "diversity": ("Float", "query{0} {{ recommendations(tuning: {{diversity: {1}}}) {{ basis }} }}"),
    "id": ("ID", "query{0} {{ movie(id: {1}) {{ title }} }}"),
}
"""An argument of each kind: of a field, of a mutation, within an input."""
TOO_LARGE = {
    "first": INPUT,
    "hours": "InvalidValue",
    "year": 0,
    "rating": "InvalidValue",
    "diversity": INPUT,
    "id": None,
}
"""What a number comes to that its type can hold, though it is too large for what it is to say."""
WHOLE = ("2147483648", "-2147483649", "9007199254740991", "9007199254740993", "18446744073709551617")
"""Beyond 32 bits, and on both sides of 2^53 and 2^64."""
NO_JSON = ("NaN", "Infinity", "-Infinity")
NO_NUMBERS = ("1e400", "-1e400", *NO_JSON)


def expected(argument: str, number: str, way: str) -> object:
    """What an argument comes to: the code of an error, or what the field gives."""
    kind = FIELDS[argument][0]
    if way == "variable" and number in NO_JSON:
        return NOT_READ
    if number in ("2147483647", "-2147483648"):
        return TOO_LARGE.get(argument) if number > "0" or argument != "year" else 4
    if kind == "Int":
        return INVALID
    if number in WHOLE:
        inexact = kind == "Float" and way == "variable" and abs(int(number)) > 2**53
        return INVALID if inexact else TOO_LARGE.get(argument)
    is_infinite = number.endswith("1e400") and kind == "Float" and way == "literal"
    return TOO_LARGE.get(argument) if is_infinite else INVALID


def body_of(query: str, number: str) -> str:
    """A request with a number as it is, which need not be JSON's; a literal's request has a variable that is unused."""
    return json.dumps({"query": query, "variables": {"x": 0}}).replace('{"x": 0}', f'{{"x": {number}}}')


@pytest.mark.parametrize("way", ["literal", "variable"])
@pytest.mark.parametrize("number", ["2147483647", "-2147483648", *WHOLE, *NO_NUMBERS])
@pytest.mark.parametrize("argument", FIELDS)
async def test_a_number_that_is_too_large_or_none_has_its_status_and_code(
    http: AsyncClient, argument: str, number: str, way: str
) -> None:
    kind, text = FIELDS[argument]
    query = text.format("", number) if way == "literal" else text.format(f"($x: {kind}!)", "$x")
    body = body_of(query, number if way == "variable" else "0")
    wanted = expected(argument, number, way)
    for accept in (JSON, GRAPHQL):
        headers = {"content-type": JSON, "accept": accept, **bearer("numbers")}
        response = await http.post("/graphql", content=body, headers=headers)
        refused = wanted == NOT_READ or (wanted == INVALID and accept == GRAPHQL)
        assert response.status_code == (400 if refused else 200)
        answer = response.json()
        if wanted in (INVALID, INPUT, NOT_READ):
            (error,) = answer["errors"]
            assert error["extensions"]["code"] == wanted
            assert (answer.get("data") is None) == (wanted != INPUT)
        else:
            (given,) = answer["data"].values()
            assert "errors" not in answer
            assert (next(iter(given.values())) if given else None) == wanted


@pytest.mark.parametrize("number", WHOLE[:-1])
async def test_an_id_keeps_every_digit(http: AsyncClient, number: str) -> None:
    """The id that is looked for is the one that was written, as a number too."""
    for query in (f"{{ node(id: {number}) {{ id }} }}", "query($x: ID!) { node(id: $x) { id } }"):
        headers = {"content-type": JSON, "accept": JSON}
        response = await http.post("/graphql", content=body_of(query, number), headers=headers)
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == INPUT
        assert f"{number!r}" in error["message"]
