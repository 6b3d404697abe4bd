// Movies whose id at TMDB brought no facts, once there is anything from TMDB; used by graph/ingest/quality.py.
MATCH (m:Movie)
WHERE m.tmdbId IS NOT NULL AND m.voteCount IS NULL AND m.releaseDate IS NULL AND m.runtime IS NULL AND m.overview IS NULL
  AND EXISTS { MATCH (i:Import {kind: 'tmdb'}) WHERE i.finished }
RETURN m.title + ' (' + coalesce(toString(m.year), 'no year') + '), movie ' + m.id AS subject,
  'TMDB ' + toString(m.tmdbId) AS detail
ORDER BY subject, detail
