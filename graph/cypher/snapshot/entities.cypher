// Every other node of the catalogue by label, key and name, some 1,000 in a row of columns; used by graph/snapshot.py.
MATCH (n:Person|Genre|Keyword|Company|Collection|Country|Language)
WITH n, toInteger(split(elementId(n), ':')[2]) AS node
RETURN node / 1000 AS block, collect(node) AS node, collect(labels(n)[0]) AS label, collect(n.id) AS id,
       collect(coalesce(n.name, '')) AS name
