// How many ratings movies have and when the last one came, to notice what another process wrote; used by events/versions.py.
UNWIND $ids AS id
MATCH (m:Movie {id: id})
RETURN id, [
  COUNT { (m)<-[:RATED]-() },
  COLLECT {
    MATCH (m)<-[r:RATED]-() USING INDEX r:RATED(movieId, at, userId)
    WHERE r.movieId = id AND r.at IS NOT NULL AND r.userId IS NOT NULL
    RETURN r.at ORDER BY r.movieId DESC, r.at DESC LIMIT 1
  }
] AS version
