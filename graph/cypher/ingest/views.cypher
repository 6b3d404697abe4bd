// Views by user, all of one movie in one relationship; used by graph/ingest/loader.py.
UNWIND $rows AS row
MERGE (u:User {id: row[0]}) ON CREATE SET u.version = 0
WITH u, row
UNWIND row[1] AS item
MATCH (m:Movie {id: item[0]})
MERGE (u)-[r:VIEWED]->(m)
SET r.userId = u.id, r.movieId = m.id, r.at = item[1], r.seconds = item[2], r.count = item[3]
