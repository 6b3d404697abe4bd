// What was found in a source whose very content is in the graph already; used by graph/ingest/checkpoint.py.
MATCH (i:Import {id: $id, fingerprint: $fingerprint, finished: true})
RETURN i.findings AS findings
