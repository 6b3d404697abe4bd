// Views by user, all of one movie in one relationship; a user with something new gets a new version; used by graph/ingest/loader.py.
UNWIND $rows AS row
MERGE (u:User {id: row[0]}) ON CREATE SET u.version = 0
SET u:User // takes the lock of the user: two writers of its views come one after the other
WITH u, row[1] AS items
CALL (u, items) {
  UNWIND items AS item
  MATCH (m:Movie {id: item[0]})
  OPTIONAL MATCH (u)-[old:VIEWED]->(m)
  WITH u, m, item, old WHERE old IS NULL OR old.at <> item[1] OR old.seconds <> item[2] OR old.count <> item[3]
  FOREACH (_ IN CASE WHEN old IS NULL THEN [1] ELSE [] END |
    CREATE (u)-[:VIEWED {userId: u.id, movieId: m.id, at: item[1], seconds: item[2], count: item[3]}]->(m))
  FOREACH (r IN CASE WHEN old IS NULL THEN [] ELSE [old] END |
    SET r.at = item[1], r.seconds = item[2], r.count = item[3])
  RETURN count(*) AS changed
}
WITH u WHERE changed > 0
SET u.version = coalesce(u.version, 0) + 1
