// Of several records of one migration keep the one that has come farthest; used by graph/migrations.py.
MATCH (m:Migration)
WITH m ORDER BY m.done DESC
WITH m.id AS id, collect(m) AS records
UNWIND tail(records) AS other
DELETE other
