// All that a recommendation needs to know of a user, with the version of it; used by recommenders/histories.py.
MATCH (u:User {id: $user})
RETURN coalesce(u.version, 0) AS version,
  COLLECT { MATCH (u)-[r:RATED]->() RETURN [r.movieId, r.rating, r.at, elementId(r)] ORDER BY r.at, r.movieId } AS ratings,
  COLLECT { MATCH (u)-[r:VIEWED]->() RETURN r.movieId ORDER BY r.movieId } AS viewed,
  COLLECT { MATCH (u)-[r:DISMISSED]->() RETURN r.movieId ORDER BY r.movieId } AS dismissed,
  COLLECT { MATCH (u)-[r:PREFERS]->(n) RETURN [labels(n)[0], n.id, r.weight, elementId(r)] ORDER BY labels(n)[0], n.id } AS preferences
