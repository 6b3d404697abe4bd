"""Versioned changes of the stores: `graph/V0001__name.cypher` for Neo4j."""
