// Movies of MovieLens (whose ids are numbers) that have no id at TMDB; used by graph/ingest/quality.py.
MATCH (m:Movie)
WHERE m.tmdbId IS NULL AND toInteger(m.id) IS NOT NULL
RETURN m.title + ' (' + coalesce(toString(m.year), 'no year') + '), movie ' + m.id AS subject, '' AS detail
ORDER BY subject, detail
