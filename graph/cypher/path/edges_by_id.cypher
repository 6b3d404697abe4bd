// The relationships with these element ids as they are now, with both ends' keys; used by graph/verify.py.
UNWIND $ids AS id
MATCH (a)-[r]->(b) WHERE elementId(r) = id
RETURN id, type(r) AS relation, labels(a)[0] AS startLabel, a.id AS start, labels(b)[0] AS endLabel, b.id AS end,
       properties(r) AS properties
