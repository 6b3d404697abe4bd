// How often each tag was given to each of some movies; used by graph/ingest/loader.py.
UNWIND $movies AS id
MATCH (m:Movie {id: id})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m
MATCH (m)<-[t:TAGGED]-()
WITH m, t.tagId AS tag, count(*) AS number
MATCH (n:Tag {id: tag})
OPTIONAL MATCH (m)-[old:HAS_TAG]->(n)
FOREACH (_ IN CASE WHEN old IS NULL THEN [1] ELSE [] END |
  CREATE (m)-[:HAS_TAG {movieId: m.id, tagId: n.id, count: number, popularity: coalesce(m.popularity, 0.0), year: coalesce(m.year, 0)}]->(n))
FOREACH (r IN CASE WHEN old IS NULL THEN [] ELSE [old] END | SET r.count = number)
