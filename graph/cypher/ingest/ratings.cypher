// Ratings by user, the later of two kept; a user with something new gets a new version; used by graph/ingest/loader.py.
UNWIND $rows AS row
MERGE (u:User {id: row[0]}) ON CREATE SET u.version = 0
SET u:User // takes the lock of the user: two writers of its ratings come one after the other
WITH u, row[1] AS items, EXISTS { (u)-[:RATED]->() } AS known
CALL (u, items, known) {
  WITH * WHERE NOT known
  UNWIND items AS item
  MATCH (m:Movie {id: item[0]})
  CREATE (u)-[:RATED {userId: u.id, movieId: m.id, rating: item[1], at: item[2]}]->(m)
  RETURN count(*) AS created
}
CALL (u, items, known) {
  WITH * WHERE known
  UNWIND items AS item
  MATCH (m:Movie {id: item[0]})
  OPTIONAL MATCH (u)-[old:RATED]->(m)
  WITH u, m, item, old WHERE old IS NULL OR old.at < item[2] OR (old.at = item[2] AND old.rating <> item[1])
  FOREACH (_ IN CASE WHEN old IS NULL THEN [1] ELSE [] END |
    CREATE (u)-[:RATED {userId: u.id, movieId: m.id, rating: item[1], at: item[2]}]->(m))
  FOREACH (r IN CASE WHEN old IS NULL THEN [] ELSE [old] END | SET r.rating = item[1], r.at = item[2])
  RETURN count(*) AS changed
}
WITH u WHERE created + changed > 0
SET u.version = coalesce(u.version, 0) + 1
