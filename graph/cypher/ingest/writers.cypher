// Writers of movies, each once; used by graph/ingest/loader.py.
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row
UNWIND row[1] AS id
MATCH (p:Person {id: id})
OPTIONAL MATCH (p)-[old:WROTE]->(m)
WITH m, p WHERE old IS NULL
CREATE (p)-[:WROTE]->(m)
