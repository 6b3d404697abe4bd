// Take back that a user does not want a movie; used by graph/actions.py.
MATCH (m:Movie {id: $movie})
OPTIONAL MATCH (u:User {id: $user})
FOREACH (_ IN CASE WHEN u IS NULL THEN [] ELSE [1] END | SET u.version = coalesce(u.version, 0) + 1)
WITH m, u
OPTIONAL MATCH (u)-[r:DISMISSED]->(m)
WITH m, r, r IS NOT NULL AS dismissed
DELETE r
RETURN m.id AS movie, dismissed
