// Take all of a user's views of a movie back; used by graph/actions.py.
MATCH (m:Movie {id: $movie})
OPTIONAL MATCH (u:User {id: $user})
FOREACH (_ IN CASE WHEN u IS NULL THEN [] ELSE [1] END | SET u.version = coalesce(u.version, 0) + 1)
WITH m, u
OPTIONAL MATCH (u)-[r:VIEWED]->(m)
WITH m, r, coalesce(r.count, 0) AS count, coalesce(r.seconds, 0) AS seconds
DELETE r
RETURN m.id AS movie, count, seconds
