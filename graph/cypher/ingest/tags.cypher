// Tags that users gave to movies, each once, as of the latest time; used by graph/ingest/loader.py.
CALL () { UNWIND $nodes AS node MERGE (n:Tag {id: node[0]}) ON CREATE SET n.name = node[1] }
UNWIND $rows AS row
MERGE (u:User {id: row[0]}) ON CREATE SET u.version = 0
SET u:User // takes the lock of the user: two writers of its tags come one after the other
WITH u, row
UNWIND row[1] AS item
MATCH (m:Movie {id: item[0]})
OPTIONAL MATCH (u)-[old:TAGGED {tagId: item[1]}]->(m)
WITH u, m, item, old WHERE old IS NULL OR old.at < item[3]
FOREACH (_ IN CASE WHEN old IS NULL THEN [1] ELSE [] END |
  CREATE (u)-[:TAGGED {userId: u.id, movieId: m.id, tagId: item[1], name: item[2], at: item[3]}]->(m))
FOREACH (r IN CASE WHEN old IS NULL THEN [] ELSE [old] END | SET r.name = item[2], r.at = item[3])
WITH DISTINCT u
SET u.version = coalesce(u.version, 0) + 1
