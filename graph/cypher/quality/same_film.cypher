// Movies of one title and year: perhaps one film twice; used by graph/ingest/quality.py.
MATCH (m:Movie)
WITH m.title AS title, m.year AS year, collect(m.id) AS ids
WHERE size(ids) > 1
UNWIND ids AS id
WITH title, year, id ORDER BY id
RETURN title + ' (' + coalesce(toString(year), 'no year') + ')' AS subject,
  'movies ' + reduce(text = '', id IN collect(id) | text + CASE text WHEN '' THEN '' ELSE ', ' END + id) AS detail
ORDER BY subject, detail
