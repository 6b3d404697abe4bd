// Note that all stages before $stage and the first $done batches of it are in the graph; used by graph/ingest/checkpoint.py.
MATCH (i:Import {id: $id, fingerprint: $fingerprint})
SET i.stage = $stage, i.done = $done
