// Nodes without any relationship; used by graph/ingest/quality.py.
MATCH (n:Movie|Person|Genre|Keyword|Company|Collection|Country|Language|User|Tag)
WHERE NOT EXISTS { (n)--() }
RETURN labels(n)[0] + ' ' + n.id AS subject, coalesce(n.title, n.name, '') AS detail
ORDER BY subject, detail
