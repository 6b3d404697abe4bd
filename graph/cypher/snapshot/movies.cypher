// Every movie with what filters and rankings need of it; used by graph/snapshot.py.
MATCH (n:Movie)
RETURN toInteger(split(elementId(n), ':')[2]) AS node, n.id AS id, n.title AS name, n.year AS year,
       n.runtime AS runtime, coalesce(n.popularity, 0.0) AS popularity
ORDER BY id
