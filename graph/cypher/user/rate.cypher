// Set a user's rating of a movie, one edge however often; used by graph/actions.py.
MATCH (m:Movie {id: $movie})
MERGE (u:User {id: $user}) ON CREATE SET u.version = 0
SET u.version = coalesce(u.version, 0) + 1
MERGE (u)-[r:RATED]->(m)
SET r.userId = u.id, r.movieId = m.id, r.rating = $rating, r.at = $at
RETURN m.id AS movie, r.rating AS rating, r.at AS at
