// Forget a migration that was undone; used by graph/migrations.py.
MATCH (m:Migration {id: $version})
DELETE m
