// Note that the first $done statements of a migration are applied; used by graph/migrations.py.
MERGE (m:Migration {id: $version})
SET m.version = $version, m.name = $name, m.checksum = $checksum, m.statements = $statements, m.done = $done,
    m.appliedAt = timestamp()
