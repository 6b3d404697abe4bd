// Wait until every index is online; used by graph/migrations.py after a migration.
CALL db.awaitIndexes(300)
