// Movies whose year in MovieLens and release at TMDB are more than a year apart; used by graph/ingest/quality.py.
MATCH (m:Movie)
WHERE m.releaseDate IS NOT NULL AND abs(m.year - toInteger(left(m.releaseDate, 4))) > 1
RETURN m.title + ' (' + toString(m.year) + '), movie ' + m.id AS subject, 'released ' + m.releaseDate AS detail
ORDER BY subject, detail
