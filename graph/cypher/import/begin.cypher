// How far the ingestion of a source has come, begun anew where its content changed; used by graph/ingest/checkpoint.py.
MERGE (i:Import {id: $id})
FOREACH (_ IN CASE WHEN $force OR coalesce(i.fingerprint, '') <> $fingerprint THEN [1] ELSE [] END |
  SET i.kind = $kind, i.fingerprint = $fingerprint, i.stage = 0, i.done = 0, i.finished = false, i.findings = null)
RETURN i.stage AS stage, i.done AS done, i.finished AS finished, i.findings AS findings
