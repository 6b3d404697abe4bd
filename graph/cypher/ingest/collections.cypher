// The series that movies belong to, another one replaced; used by graph/ingest/loader.py.
CALL () { UNWIND $nodes AS node MERGE (n:Collection {id: node[0]}) ON CREATE SET n.name = node[1] }
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row
MATCH (n:Collection {id: row[1]})
CALL (m, n) { MATCH (m)-[old:PART_OF]->(other) WHERE other <> n DELETE old }
OPTIONAL MATCH (m)-[old:PART_OF]->(n)
WITH m, n WHERE old IS NULL
CREATE (m)-[:PART_OF]->(n)
