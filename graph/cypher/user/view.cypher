// Add a view of a movie to what a user watched of it; used by graph/actions.py.
MATCH (m:Movie {id: $movie})
MERGE (u:User {id: $user}) ON CREATE SET u.version = 0
SET u.version = coalesce(u.version, 0) + 1
MERGE (u)-[r:VIEWED]->(m)
SET r.userId = u.id, r.movieId = m.id, r.at = CASE WHEN r.at > $at THEN r.at ELSE $at END,
    r.seconds = coalesce(r.seconds, 0) + $seconds, r.count = coalesce(r.count, 0) + 1
RETURN m.id AS movie, r.seconds AS seconds, r.count AS count
