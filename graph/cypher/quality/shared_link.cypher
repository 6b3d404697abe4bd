// Movies that link to one film of TMDB; used by graph/ingest/quality.py.
MATCH (m:Movie)
WHERE m.tmdbId IS NOT NULL
WITH m.tmdbId AS tmdbId, collect(m) AS movies
WHERE size(movies) > 1
UNWIND movies AS m
WITH tmdbId, m.title + ' (' + coalesce(toString(m.year), 'no year') + '), movie ' + m.id AS name ORDER BY name
RETURN 'TMDB ' + toString(tmdbId) AS subject,
  reduce(text = '', name IN collect(name) | text + CASE text WHEN '' THEN '' ELSE '; ' END + name) AS detail
ORDER BY subject, detail
