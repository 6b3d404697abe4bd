// Actors of movies, one relationship for each person; used by graph/ingest/loader.py.
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row
UNWIND row[1] AS item
MATCH (p:Person {id: item[0]})
OPTIONAL MATCH (p)-[old:ACTED_IN]->(m)
FOREACH (_ IN CASE WHEN old IS NULL THEN [1] ELSE [] END | CREATE (p)-[:ACTED_IN {character: item[1], order: item[2]}]->(m))
FOREACH (r IN CASE WHEN old IS NULL THEN [] ELSE [old] END | SET r.character = item[1], r.order = item[2])
