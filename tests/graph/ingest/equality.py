"""Whether two graphs are one: a checksum that does not depend on any order."""

import hashlib
import json

from graph.catalog import ReadStatement
from graph.client import Reader

NODES = ReadStatement(
    "nodes",
    "MATCH (n) WHERE NOT n:Import AND NOT n:Meta AND NOT n:Migration "
    "RETURN labels(n)[0] AS label, n {.*, version: null} AS properties",
    frozenset(),
)
RELATIONSHIPS = ReadStatement(
    "relationships",
    "MATCH (a)-[r]->(b) RETURN type(r) AS type, labels(a)[0] AS start, a.id AS startId, labels(b)[0] AS end, "
    "b.id AS endId, properties(r) AS properties",
    frozenset(),
)


async def checksum(reader: Reader) -> tuple[int, int, str]:
    """Nodes, relationships, and a sum over all their properties; how often a user was written is left out."""
    total, counts = 0, []
    for statement in (NODES, RELATIONSHIPS):
        count = 0
        async for row in reader.stream(statement):
            text = json.dumps(row, sort_keys=True)
            total = (total + int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])) % 2**128
            count += 1
        counts.append(count)
    return counts[0], counts[1], f"{total:032x}"
