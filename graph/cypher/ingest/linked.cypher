// The movies that some of TMDB's ids belong to, and what is known of them, in one row; used by graph/ingest/tmdb.py.
MATCH (m:Movie)
WHERE m.tmdbId IN $ids
WITH m ORDER BY m.id
RETURN collect(m {.id, .tmdbId, .imdbId, .title, .originalTitle, .year}) AS movies
