// Note a model version with all that is known of it, not yet served; used by graph/models.py.
MERGE (v:ModelVersion {id: $id})
ON CREATE SET v.createdAt = timestamp()
SET v.model = $model, v.config = $config, v.fingerprint = $fingerprint, v.metrics = $metrics, v.artifact = $artifact,
    v.status = $status, v.embeddingSlot = $slot
RETURN v.id AS id
