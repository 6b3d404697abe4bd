// Move the active pointer, out of the shadow: the last step of publishing, a promotion and a rollback; used by graph/models.py.
MATCH (m:Meta {id: 'graph'}), (v:ModelVersion {id: $id})
SET v.status = 'ready', m.version = m.version + 1,
    m.previousModel = CASE WHEN m.activeModel = $id THEN m.previousModel ELSE m.activeModel END, m.activeModel = $id,
    m.shadowModel = CASE WHEN m.shadowModel = $id THEN null ELSE m.shadowModel END
RETURN m.activeModel AS active, m.previousModel AS previous
