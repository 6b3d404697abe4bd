"""Cinegraph's GraphQL endpoint beside its peers, on the same Neo4j and the same data."""
