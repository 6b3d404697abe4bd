// All model versions, the newest first, with which one is active and which was before it; used by graph/models.py.
MATCH (m:Meta {id: 'graph'})
MATCH (v:ModelVersion)
RETURN v.id AS id, v.model AS model, v.createdAt AS createdAt, v.status AS status, v.config AS config,
       v.fingerprint AS fingerprint, v.metrics AS metrics, v.artifact AS artifact, v.embeddingSlot AS slot,
       v.id = m.activeModel AS active, v.id = m.previousModel AS previous
ORDER BY createdAt DESC, id
