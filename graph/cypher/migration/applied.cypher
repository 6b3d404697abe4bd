// Which migrations this graph has seen, and how many statements of each are done; used by graph/migrations.py.
MATCH (m:Migration)
RETURN m.version AS version, m.name AS name, m.checksum AS checksum, m.done AS done, m.statements AS statements
ORDER BY version
