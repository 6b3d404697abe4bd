// The relationships with these element ids as they are now, with both ends' keys; used by graph/verify.py.
UNWIND $ids AS id
MATCH (a)-[r]->(b) WHERE elementId(r) = id
RETURN collect([id, type(r), labels(a)[0], a.id, labels(b)[0], b.id, properties(r)]) AS edges
