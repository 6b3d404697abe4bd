// The newest $count ratings and the newest $count views, as columns of movie, time and stars (0 for a view); used by recommenders/activity.py.
CALL () {
  MATCH ()-[r:RATED]->() USING INDEX r:RATED(at) WHERE r.at >= 0
  WITH r ORDER BY r.at DESC LIMIT $count
  RETURN r.movieId AS movie, r.at AS at, r.rating AS rating
  UNION ALL
  MATCH ()-[r:VIEWED]->() USING INDEX r:VIEWED(at) WHERE r.at >= 0
  WITH r ORDER BY r.at DESC LIMIT $count
  RETURN r.movieId AS movie, r.at AS at, 0.0 AS rating
}
RETURN collect(movie) AS movie, collect(at) AS at, collect(rating) AS rating
