// Wait until nobody else migrates; the node is never committed, and its lock lasts as long as the transaction; used by graph/migrations.py.
MERGE (l:MigrationLock {id: 'migration'})
