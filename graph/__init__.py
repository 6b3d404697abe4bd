"""The knowledge graph: client, .cypher catalogue, local server, ingestion, validation, snapshot."""
