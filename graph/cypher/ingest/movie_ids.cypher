// The ids of all movies, in one row; used by graph/ingest/loader.py.
MATCH (m:Movie)
WITH m.id AS id ORDER BY id
RETURN collect(id) AS ids
