// Movies of which no year is known; used by graph/ingest/quality.py.
MATCH (m:Movie)
WHERE m.year IS NULL
RETURN m.title + ', movie ' + m.id AS subject, '' AS detail
ORDER BY subject, detail
