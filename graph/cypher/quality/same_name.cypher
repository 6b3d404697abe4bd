// People of one name in one movie: perhaps one person twice; used by graph/ingest/quality.py.
MATCH (m:Movie)<-[:ACTED_IN|DIRECTED|WROTE|CREW]-(p:Person)
WITH DISTINCT m, p
WITH m, p.name AS name, collect(p.id) AS ids
WHERE size(ids) > 1
UNWIND ids AS id
WITH m, name, id ORDER BY id
RETURN name + ' in ' + m.title + ' (' + coalesce(toString(m.year), 'no year') + '), movie ' + m.id AS subject,
  'people ' + reduce(text = '', id IN collect(id) | text + CASE text WHEN '' THEN '' ELSE ', ' END + id) AS detail
ORDER BY subject, detail
