// What became of a model version: candidate, ready or refused; used by graph/models.py.
MATCH (v:ModelVersion {id: $id}) SET v.status = $status
RETURN v.id AS id
