// TMDB's ids of the movies of which nothing is known from there, the most rated first; used by graph/ingest/api.py.
MATCH (m:Movie)
WHERE m.tmdbId IS NOT NULL AND m.voteCount IS NULL AND m.releaseDate IS NULL AND m.runtime IS NULL AND m.overview IS NULL
RETURN m.tmdbId AS tmdbId, max(coalesce(m.popularity, 0.0)) AS popularity
ORDER BY popularity DESC, tmdbId
