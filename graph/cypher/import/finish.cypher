// Note that a source is in the graph, and that the catalogue is another one now; used by graph/ingest/checkpoint.py.
MATCH (i:Import {id: $id, fingerprint: $fingerprint})
MERGE (m:Meta {id: 'graph'}) ON CREATE SET m.version = 0
SET i.finished = true, i.findings = $findings, i.at = timestamp(), m.version = m.version + 1
