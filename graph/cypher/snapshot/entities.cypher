// Every other node of the catalogue by label, key and name; used by graph/snapshot.py.
MATCH (n:Person|Genre|Keyword|Company|Collection|Country|Language)
RETURN toInteger(split(elementId(n), ':')[2]) AS node, labels(n)[0] AS label, n.id AS id, n.name AS name
ORDER BY label, id
