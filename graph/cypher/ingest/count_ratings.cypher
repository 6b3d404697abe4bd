// The number and the mean of the ratings of some movies, set where they changed; used by graph/ingest/loader.py.
UNWIND $movies AS id
MATCH (m:Movie {id: id})
CALL (m) { MATCH (m)<-[r:RATED]-() RETURN count(r) AS ratings, sum(r.rating) AS stars }
WITH m, ratings, CASE WHEN ratings > 0 THEN stars / ratings END AS mean,
  ratings + coalesce(m.voteCount, 0) / (coalesce(m.voteCount, 0) + 1000.0) AS popularity
WHERE coalesce(m.ratingCount, -1) <> ratings OR coalesce(m.ratingMean, -1.0) <> coalesce(mean, -1.0)
  OR coalesce(m.popularity, -1.0) <> popularity
SET m.ratingCount = ratings, m.ratingMean = mean, m.popularity = popularity
