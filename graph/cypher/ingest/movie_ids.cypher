// The ids of all movies; used by graph/ingest/loader.py.
MATCH (m:Movie)
RETURN m.id AS id
ORDER BY id
