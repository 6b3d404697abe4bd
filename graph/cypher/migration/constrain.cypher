// The key of the record of migrations, before the first of them is recorded; used by graph/migrations.py.
CREATE CONSTRAINT migration_id IF NOT EXISTS FOR (n:Migration) REQUIRE n.id IS UNIQUE
