// The movies that some of TMDB's ids belong to, and what is known of them; used by graph/ingest/tmdb.py.
MATCH (m:Movie)
WHERE m.tmdbId IN $ids
RETURN m.id AS id, m.tmdbId AS tmdbId, m.imdbId AS imdbId, m.title AS title, m.originalTitle AS originalTitle, m.year AS year
ORDER BY id
