// Move the active pointer: the last step of publishing, and all of a promotion and a rollback; used by graph/models.py.
MATCH (m:Meta {id: 'graph'}), (v:ModelVersion {id: $id})
SET v.status = 'ready', m.version = m.version + 1,
    m.previousModel = CASE WHEN m.activeModel = $id THEN m.previousModel ELSE m.activeModel END, m.activeModel = $id
RETURN m.activeModel AS active, m.previousModel AS previous
