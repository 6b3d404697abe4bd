// Other crew of movies, one relationship for each person; used by graph/ingest/loader.py.
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row
UNWIND row[1] AS item
MATCH (p:Person {id: item[0]})
OPTIONAL MATCH (p)-[old:CREW]->(m)
FOREACH (_ IN CASE WHEN old IS NULL THEN [1] ELSE [] END | CREATE (p)-[:CREW {job: item[1], department: item[2]}]->(m))
FOREACH (r IN CASE WHEN old IS NULL THEN [] ELSE [old] END | SET r.job = item[1], r.department = item[2])
