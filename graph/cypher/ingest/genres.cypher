// Genres of movies, each once, with what their pages are sorted by; used by graph/ingest/loader.py.
CALL () { UNWIND $nodes AS node MERGE (n:Genre {id: node[0]}) ON CREATE SET n.name = node[1] }
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row
UNWIND row[1] AS id
MATCH (n:Genre {id: id})
OPTIONAL MATCH (m)-[old:HAS_GENRE]->(n)
WITH m, n WHERE old IS NULL
CREATE (m)-[:HAS_GENRE {movieId: m.id, genreId: n.id, popularity: coalesce(m.popularity, 0.0), year: coalesce(m.year, 0)}]->(n)
