// The original language of movies, another one replaced; used by graph/ingest/loader.py.
CALL () { UNWIND $nodes AS node MERGE (n:Language {id: node[0]}) ON CREATE SET n.name = node[1] }
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row
MATCH (n:Language {id: row[1]})
CALL (m, n) { MATCH (m)-[old:IN_LANGUAGE]->(other) WHERE other <> n DELETE old }
OPTIONAL MATCH (m)-[old:IN_LANGUAGE]->(n)
WITH m, n WHERE old IS NULL
CREATE (m)-[:IN_LANGUAGE {movieId: m.id, languageId: n.id, popularity: coalesce(m.popularity, 0.0), year: coalesce(m.year, 0)}]->(n)
