// All that recommendations need to know of users, with the version of it, where they exist; used by recommenders/histories.py.
UNWIND $users AS user
MATCH (u:User {id: user})
RETURN u.id AS user, coalesce(u.version, 0) AS version,
  COLLECT { MATCH (u)-[r:RATED]->() RETURN [r.movieId, r.rating, r.at, elementId(r)] ORDER BY r.at, r.movieId } AS ratings,
  COLLECT { MATCH (u)-[r:VIEWED]->() RETURN r.movieId ORDER BY r.movieId } AS viewed,
  COLLECT { MATCH (u)-[r:DISMISSED]->() RETURN r.movieId ORDER BY r.movieId } AS dismissed,
  COLLECT { MATCH (u)-[r:PREFERS]->(n) RETURN [labels(n)[0], n.id, r.weight, elementId(r)] ORDER BY labels(n)[0], n.id } AS preferences
