// The copies of popularity and year that pages are sorted by, set where they changed; used by graph/ingest/loader.py.
UNWIND $movies AS id
MATCH (m:Movie {id: id})
WITH m, coalesce(m.popularity, 0.0) AS popularity, coalesce(m.year, 0) AS year
MATCH (m)-[r:HAS_GENRE|HAS_KEYWORD|PRODUCED_BY|FROM_COUNTRY|IN_LANGUAGE|HAS_TAG]->()
WHERE coalesce(r.popularity, -1.0) <> popularity OR coalesce(r.year, -1) <> year
SET r.popularity = popularity, r.year = year
