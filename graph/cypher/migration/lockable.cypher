// One node at most to lock, so that two who migrate an empty graph at once meet at it; used by graph/migrations.py.
CREATE CONSTRAINT migration_lock_id IF NOT EXISTS FOR (n:MigrationLock) REQUIRE n.id IS UNIQUE
