// Note that a user does not want a movie, one edge however often; used by graph/actions.py.
MATCH (m:Movie {id: $movie})
MERGE (u:User {id: $user}) ON CREATE SET u.version = 0
SET u.version = coalesce(u.version, 0) + 1
MERGE (u)-[r:DISMISSED]->(m)
SET r.userId = u.id, r.movieId = m.id, r.at = $at
RETURN m.id AS movie
