// Take away what a new dump does not say of movies any more, of the kinds that it knows; genres may be MovieLens' own, and go only where it does not have the movie; used by graph/ingest/loader.py.
UNWIND $rows AS row
MATCH (m:Movie {id: row[0]})
SET m:Movie // takes the lock of the movie: two writers of its relationships come one after the other
WITH m, row[1] AS ends
MATCH (m)-[r:ACTED_IN|DIRECTED|WROTE|CREW|HAS_GENRE|HAS_KEYWORD|PRODUCED_BY|FROM_COUNTRY|IN_LANGUAGE|PART_OF]-(n)
WHERE NOT n.id IN ends[type(r)] AND (type(r) <> 'HAS_GENRE' OR m.id STARTS WITH 'tmdb:')
DELETE r
