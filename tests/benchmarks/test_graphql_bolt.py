"""What a driver sends is heard as it was sent."""

import math

import neo4j
import pytest

from benchmarks.graphql.bolt import Sent, Unpacked, tapped
from benchmarks.graphql.database import profile
from graph.client import GraphClient
from tests import tiny

PARAMETERS = {
    "integers": [0, 127, 128, -16, -17, -128, -129, 32767, 32768, -32769, 2**31, -(2**63), 2**63 - 1],
    "numbers": [0.5, -math.pi],
    "texts": ["", "Amélie", "x" * 15, "x" * 16, "x" * 300, "x" * 70_000],
    "lists": [[], list(range(15)), list(range(16)), list(range(300)), list(range(70_000))],
    "map": {"none": None, "true": True, "false": False, "more": {str(number): number for number in range(300)}},
    "bytes": b"\x00\xff" * 200,
}


async def test_every_kind_of_parameter_is_heard(migrated: GraphClient) -> None:
    address = migrated.address
    async with tapped(address) as tap:
        auth = (address.user, address.password)
        async with neo4j.AsyncGraphDatabase.driver(tap.address.uri, auth=auth) as driver:
            found = await driver.execute_query("UNWIND range(1, 3) AS n RETURN n, $texts", PARAMETERS)
    assert [record["n"] for record in found.records] == [1, 2, 3]
    assert tap.heard.statements == [Sent("UNWIND range(1, 3) AS n RETURN n, $texts", PARAMETERS)]
    assert tap.heard.records == 3
    assert tap.heard.received > 3 * sum(map(len, PARAMETERS["texts"]))


def test_what_is_no_value_is_named() -> None:
    with pytest.raises(ValueError, match="no value of PackStream begins with 0xc4"):
        Unpacked(b"\xc4").value()


async def test_a_profile_counts_rows_and_hits_of_every_operator(graph: GraphClient) -> None:
    await tiny.load(graph)
    rows, hits = await profile(graph, Sent("MATCH (m:Movie {id: $id}) RETURN m.title", {"id": "1"}))
    assert (rows, hits) == (3, 3)
