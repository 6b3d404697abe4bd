// Wait until every index is online; used by graph/migrations.py.
CALL db.awaitIndexes(300)
